// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cow.h"
#include "loop.h"
#include "names.h"
#include "parse.h"
#include "say.h"

#define MIB		(1024 * 1024)
#define LEAST		(4 * (uint64_t)MIB)

static bool size_of(const struct cow_request *request, uint64_t *bytes)
{
	const char *size = request->options->size ?: "20%";

	if (!parse_size(size, request->origin->sectors * 512, bytes)) {
		complain("%s is no size; say --size 512M, 2G or 20%%", size);
		return false;
	}
	if (*bytes < LEAST)
		*bytes = LEAST;
	return true;
}

/* A write to the origin would wait for the copy, and the copy for a write */
static bool is_allowed(const struct cow_request *request, const char *name)
{
	if (!request->forbidden(name, request->data))
		return true;
	complain("the space for the snapshot would lie on a device that it is of (%s), and the first write would hang; take space on another disk, or --ram",
		 name);
	return false;
}

/*
 * Clearing it: a header that is left there would be taken for the snapshot's
 */

static bool write_zeroes(const char *path, int flags, uint64_t bytes)
{
	static const char zeroes[MIB];
	uint64_t done = 0;
	ssize_t n = 0;
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);

	while (fd >= 0 && n >= 0 && done < bytes && !interrupted()) {
		n = write(fd, zeroes, bytes - done < MIB ? bytes - done : MIB);
		if (n > 0)
			done += n;
		if (bytes > 16 * MIB)
			progress(path, done * 100 / bytes);
	}
	if (done == bytes && !fsync(fd) && !close(fd))
		return true;
	complain("cannot write to %s: %s", path,
		 interrupted() ? "interrupted" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

static bool clear(const char *node)
{
	return !step("dd if=/dev/zero of=%s bs=4096 count=1 conv=fsync", node) ||
	       write_zeroes(node, O_EXCL, 4096);
}

/*
 * Where it comes from
 */

static bool make_device(const struct cow_request *request, char *node,
			size_t size)
{
	char signature[64];
	struct device cow;

	if (!device_find(request->options->where, &cow) ||
	    !is_allowed(request, cow.name))
		return false;
	if (!device_is_free(cow.path)) {
		complain("%s is in use; name another device", cow.shown);
		return false;
	}
	device_signature(cow.path, signature, sizeof(signature));
	if (*signature && !request->options->wipe) {
		complain("%s holds data (%s); name another device, or say --wipe if nobody needs that",
			 cow.shown, signature);
		return false;
	}
	snprintf(node, size, "%s", cow.path);
	return clear(node);
}

/* "vg0", which may also be typed as "/dev/vg0" */
static const char *group_of(const struct cow_request *request)
{
	const char *group = request->options->where;

	return strncmp(group, "/dev/", 5) ? group : group + 5;
}

static bool make_lv(const struct cow_request *request, struct record *record,
		    char *node, size_t size)
{
	const char *group = group_of(request);
	char name[128], bytes_text[32];
	const char *const create[] = { "lvcreate", "--quiet", "--yes",
		"--wipesignatures", "y", "--zero", "y", "--name", name,
		"--size", bytes_text, group, NULL };
	struct device cow;
	uint64_t bytes;

	if (!size_of(request, &bytes))
		return false;
	snprintf(bytes_text, sizeof(bytes_text), "%" PRIu64 "b", bytes);
	name_lv(request->snapshot, name, sizeof(name));
	snprintf(node, size, "/dev/%s/%s", group, name);
	if (!access(node, F_OK)) {
		complain("%s exists already; choose another --name", node);
		return false;
	}
	if (!record_undo(record, "lv %s/%s", group, name))
		return false;
	if (run(create)) {
		complain("lvcreate has failed; say another --vg or --size");
		return false;
	}
	if (options.dry_run)
		return clear(node);
	return device_of_node(node, &cow) && is_allowed(request, cow.name) &&
	       clear(node);
}

static bool allocate(const char *path, uint64_t bytes)
{
	int fd, error = 0;

	if (!step("fallocate -l %" PRIu64 " %s", bytes, path))
		return true;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fallocate(fd, 0, 0, bytes))
		error = errno;
	if (fd >= 0)
		close(fd);
	if (error == EOPNOTSUPP)
		return write_zeroes(path, 0, bytes);
	if (error)
		complain("cannot make %s: %s", path, strerror(error));
	return !error;
}

static bool make_file(const struct cow_request *request, struct record *record,
		      char *node, size_t size)
{
	char path[PATH_MAX], directory[PATH_MAX], name[NAME_SIZE];
	uint64_t bytes;

	snprintf(path, sizeof(path), "%s", request->options->where);
	snprintf(directory, sizeof(directory), "%s", path);
	if (!size_of(request, &bytes))
		return false;
	if (*path != '/') {
		complain("%s: say the file's whole path, from / on", path);
		return false;
	}
	if (!access(path, F_OK)) {
		complain("%s exists already; name a file that does not", path);
		return false;
	}
	sysfs_file_device(dirname(directory), name);
	if (!*name) {
		complain("%s does not lie on a block device; use --ram for memory",
			 path);
		return false;
	}
	return is_allowed(request, name) &&
	       record_undo(record, "file %s", path) && allocate(path, bytes) &&
	       record_undo(record, "loop %s", path) &&
	       loop_attach(path, node, size) && clear(node);
}

/*
 * A ramfs, since a tmpfs is swapped out, perhaps to the origin. It is filled
 * now, so that no memory is needed when a write waits for the copy.
 */
static bool make_ram(const struct cow_request *request, struct record *record,
		     char *node, size_t size)
{
	char directory[256], file[300];
	uint64_t bytes;

	snprintf(directory, sizeof(directory), "%s/ram-%s", state_dir,
		 request->snapshot);
	snprintf(file, sizeof(file), "%s/cow", directory);
	if (!size_of(request, &bytes) ||
	    !record_undo(record, "ram %s", directory))
		return false;
	if (step("mkdir -p %s; mount -t ramfs none %s", directory, directory) &&
	    (mkdir(directory, 0700) || mount("none", directory, "ramfs", 0, NULL))) {
		complain("cannot mount a ramfs: %s", strerror(errno));
		return false;
	}
	if (step("head -c %" PRIu64 " /dev/zero > %s", bytes, file) &&
	    !write_zeroes(file, O_CREAT | O_EXCL, bytes))
		return false;
	return record_undo(record, "loop %s", file) &&
	       loop_attach(file, node, size);
}

bool cow_make(const struct cow_request *request, struct record *record,
	      char *node, size_t size)
{
	switch (request->options->kind) {
	case COW_LV:
		return make_lv(request, record, node, size);
	case COW_DEVICE:
		return make_device(request, node, size);
	case COW_FILE:
		return make_file(request, record, node, size);
	case COW_RAM:
		return make_ram(request, record, node, size);
	case COW_NONE:
		break;
	}
	return false;
}
