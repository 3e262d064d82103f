// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "dm.h"

#define ALIGN8(n)	(((n) + 7) & ~(size_t)7)

static int control = -1;

int dm_open(void)
{
	control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	return control < 0 ? -errno : 0;
}

int dm_raw(unsigned long command, void *buffer)
{
	return ioctl(control, command, buffer) < 0 ? -errno : 0;
}

void dm_header(struct dm_ioctl *io, const char *name, size_t size)
{
	memset(io, 0, sizeof(*io));
	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = size;
	io->data_start = sizeof(*io);
	snprintf(io->name, sizeof(io->name), "%s", name);
}

/* For commands that need no more than a name and flags. */
static int dm_simple(unsigned long command, const char *name,
		     unsigned int flags)
{
	struct dm_ioctl io;

	dm_header(&io, name, sizeof(io));
	io.flags = flags;
	return dm_raw(command, &io);
}

int dm_create(const char *name)
{
	return dm_simple(DM_DEV_CREATE, name, 0);
}

int dm_clear(const char *name)
{
	return dm_simple(DM_TABLE_CLEAR, name, 0);
}

int dm_suspend(const char *name, unsigned int flags)
{
	return dm_simple(DM_DEV_SUSPEND, name, DM_SUSPEND_FLAG | flags);
}

int dm_resume(const char *name, unsigned int flags)
{
	return dm_simple(DM_DEV_SUSPEND, name, flags);
}

int dm_remove(const char *name)
{
	return dm_simple(DM_DEV_REMOVE, name, 0);
}

int dm_remove_deferred(const char *name)
{
	return dm_simple(DM_DEV_REMOVE, name, DM_DEFERRED_REMOVE);
}

int dm_rename(const char *name, const char *to)
{
	struct {
		struct dm_ioctl head;
		char to[DM_NAME_LEN];
	} io;

	dm_header(&io.head, name, sizeof(io));
	snprintf(io.to, sizeof(io.to), "%s", to);
	return dm_raw(DM_DEV_RENAME, &io);
}

int dm_load(const char *name, const struct dm_line *lines, unsigned int nr)
{
	size_t size = sizeof(struct dm_ioctl);
	struct dm_target_spec *spec;
	struct dm_ioctl *io;
	unsigned int i;
	char *pos;
	int r;

	for (i = 0; i < nr; i++)
		size += ALIGN8(sizeof(*spec) + strlen(lines[i].params) + 1);
	io = calloc(1, size);
	if (!io)
		return -ENOMEM;

	dm_header(io, name, size);
	io->target_count = nr;
	pos = (char *)(io + 1);
	for (i = 0; i < nr; i++) {
		spec = (struct dm_target_spec *)pos;
		spec->sector_start = lines[i].start;
		spec->length = lines[i].length;
		snprintf(spec->target_type, sizeof(spec->target_type), "%s",
			 lines[i].type);
		strcpy((char *)(spec + 1), lines[i].params);
		spec->next = ALIGN8(sizeof(*spec) + strlen(lines[i].params) + 1);
		pos += spec->next;
	}
	r = dm_raw(DM_TABLE_LOAD, io);
	free(io);
	return r;
}

int dm_message(const char *name, uint64_t sector, const char *message)
{
	size_t size = sizeof(struct dm_ioctl) + sizeof(struct dm_target_msg) +
		      strlen(message) + 1;
	struct dm_target_msg *msg;
	struct dm_ioctl *io;
	int r;

	/* room for what an inner target may answer */
	size = ALIGN8(size) + 4096;
	io = calloc(1, size);
	if (!io)
		return -ENOMEM;

	dm_header(io, name, size);
	msg = (struct dm_target_msg *)(io + 1);
	msg->sector = sector;
	strcpy(msg->message, message);
	r = dm_raw(DM_TARGET_MSG, io);
	free(io);
	return r;
}

/* The specs of the reply count "next" from the first one. */
static void dm_print_lines(const struct dm_ioctl *io, char *text, size_t size)
{
	const char *first = (const char *)io + io->data_start, *pos = first;
	unsigned int i;
	size_t n = 0;

	for (i = 0; i < io->target_count && n < size; i++) {
		const struct dm_target_spec *spec = (const void *)pos;

		n += snprintf(text + n, size - n, "%llu %llu %s %s\n",
			      (unsigned long long)spec->sector_start,
			      (unsigned long long)spec->length,
			      spec->target_type, (const char *)(spec + 1));
		pos = first + spec->next;
	}
}

int dm_status(const char *name, unsigned int flags, char *text, size_t size)
{
	struct dm_ioctl *io = calloc(1, DM_BUFFER);
	int r;

	if (!io)
		return -ENOMEM;
	*text = '\0';
	dm_header(io, name, DM_BUFFER);
	io->flags = flags;
	r = dm_raw(DM_TABLE_STATUS, io);
	if (!r && (io->flags & DM_BUFFER_FULL_FLAG))
		r = -E2BIG;
	if (!r)
		dm_print_lines(io, text, size);
	free(io);
	return r;
}

static int dm_info(const char *name, struct dm_ioctl *io)
{
	dm_header(io, name, sizeof(*io));
	return dm_raw(DM_DEV_STATUS, io);
}

int dm_minor(const char *name, unsigned int *minor_ret)
{
	struct dm_ioctl io;
	int r = dm_info(name, &io);

	if (!r)
		*minor_ret = minor(io.dev);
	return r;
}

int dm_flags(const char *name, unsigned int *flags)
{
	struct dm_ioctl io;
	int r = dm_info(name, &io);

	if (!r)
		*flags = io.flags;
	return r;
}

int dm_deps(const char *name)
{
	struct dm_ioctl *io = calloc(1, DM_BUFFER);
	int r;

	if (!io)
		return -ENOMEM;
	dm_header(io, name, DM_BUFFER);
	r = dm_raw(DM_TABLE_DEPS, io);
	free(io);
	return r;
}

int dm_clear_away(const char *name)
{
	static const struct dm_line error = { 0, 8, "error", "" };
	int r;

	dm_clear(name);
	r = dm_remove(name);
	if (r == -ENXIO)
		return 0;
	if (!r)
		return 0;

	/* pinned: what "dmsetup remove --force" does */
	r = dm_load(name, &error, 1);
	if (!r)
		r = dm_resume(name, DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG);
	if (!r)
		r = dm_remove(name);
	return r;
}
