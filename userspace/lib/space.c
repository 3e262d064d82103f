// SPDX-License-Identifier: GPL-2.0
/*
 * What device-mapper, sysfs and LVM say of a snapshot, and what can be done with
 * it. Everything returns 0 or a negative errno.
 *
 * LVM is asked by its command, in a process of its own, and so is interposectl: a
 * plugin that fails must not take dmeventd with it, which monitors all of the host.
 *
 * These programs, and dmeventd itself, may lie on the very origin whose snapshot is
 * filling up, and be read from there. That waits for nothing that they are to do: until
 * the space is extended, and also if it never is, each write to the origin goes on, at
 * the latest when the snapshot is invalid.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libdevmapper.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "space.h"

#define LVM_COMMAND "/sbin/lvm"
#define STORE_UUID "INTERPOSE-COW-"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct dm_task *task_create(int type, const char *name, const char *uuid)
{
	struct dm_task *task = dm_task_create(type);

	if (!task)
		return NULL;
	if (*uuid ? dm_task_set_uuid(task, uuid) : dm_task_set_name(task, name))
		return task;
	dm_task_destroy(task);
	return NULL;
}

/* A status or table of one line of the type "snapshot"; the task owns @params */
static int one_line(struct dm_task *task, uint64_t *length, char **params)
{
	struct dm_info info;
	uint64_t start;
	char *type;

	if (!dm_task_no_flush(task) || !dm_task_run(task))
		return -(dm_task_get_errno(task) ?: EIO);
	if (!dm_task_get_info(task, &info) || !info.exists)
		return -ENXIO;
	if (dm_get_next_target(task, NULL, &start, length, &type, params))
		return -EOPNOTSUPP;
	if (!type || strcmp(type, "snapshot"))
		return -EOPNOTSUPP;
	return 0;
}

static int read_status(struct dm_task *task, struct snapshot_space *snap)
{
	struct dm_status_snapshot *status;
	struct dm_pool *pool;
	struct dm_info info;
	uint64_t length;
	char *params;
	int error = one_line(task, &length, &params);

	if (error)
		return error;
	if (!dm_task_get_info(task, &info))
		return -ENXIO;
	pool = dm_pool_create("interpose", 256);
	if (!pool)
		return -ENOMEM;
	if (!dm_get_status_snapshot(pool, params, &status)) {
		dm_pool_destroy(pool);
		return -EPROTO;
	}
	snap->used = status->used_sectors;
	snap->total = status->total_sectors;
	snap->invalid = status->invalid || status->overflow ||
			status->merge_failed;
	snap->in_use = info.open_count > 0;
	dm_pool_destroy(pool);
	return 0;
}

/* sysfs_line() - the first line of a file in the device's directory */
static int sysfs_line(unsigned int major, unsigned int minor, const char *file,
		      char *line, size_t size)
{
	char path[96];
	FILE *stream;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major, minor,
		 file);
	stream = fopen(path, "re");
	if (!stream)
		return -errno;
	if (!fgets(line, size, stream))
		*line = '\0';
	fclose(stream);
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

static int kernel_name(unsigned int major, unsigned int minor, char *name,
		       size_t size)
{
	char path[64], target[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major, minor);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	snprintf(name, size, "%s", strrchr(target, '/') + 1);
	return 0;
}

/* volume_name() - what the device is: a logical volume, and which one, or of files */
static int volume_name(unsigned int major, unsigned int minor,
		       struct snapshot_space *snap)
{
	char uuid[160], name[160], *vg, *lv, *layer;
	struct dm_pool *pool;
	int error = 0;

	snap->vg[0] = snap->lv[0] = '\0';
	snap->settled = false;
	if (sysfs_line(major, minor, "dm/uuid", uuid, sizeof(uuid)))
		return 0;
	snap->settled = !strncmp(uuid, STORE_UUID, strlen(STORE_UUID));
	if (strncmp(uuid, "LVM-", 4) ||
	    sysfs_line(major, minor, "dm/name", name, sizeof(name)))
		return 0;
	pool = dm_pool_create("interpose", 256);
	if (!pool)
		return -ENOMEM;
	if (!dm_split_lvm_name(pool, name, &vg, &lv, &layer))
		error = -ENOMEM;
	else if (!*layer) {
		snprintf(snap->vg, sizeof(snap->vg), "%s", vg);
		snprintf(snap->lv, sizeof(snap->lv), "%s", lv);
	}
	dm_pool_destroy(pool);
	return error;
}

/*
 * most_sectors() - all chunks, the header, and the areas of the exceptions, of
 * 16 bytes each, with one behind each full one
 */
static uint64_t most_sectors(uint64_t length, uint64_t chunk)
{
	uint64_t chunks = length / chunk + !!(length % chunk);

	return (1 + chunks + chunks / (chunk * 32) + 2) * chunk;
}

static int read_table(struct dm_task *task, struct snapshot_space *snap)
{
	unsigned int origin[2], cow[2];
	uint64_t length, chunk;
	char *params, store[8];
	int error = one_line(task, &length, &params);

	if (error)
		return error;
	if (sscanf(params, "%u:%u %u:%u %7s %" SCNu64, &origin[0], &origin[1],
		   &cow[0], &cow[1], store, &chunk) != 6 || !chunk)
		return -EPROTO;
	snap->most = most_sectors(length, chunk);
	error = kernel_name(origin[0], origin[1], snap->origin,
			    sizeof(snap->origin));
	return error ?: volume_name(cow[0], cow[1], snap);
}

/**
 * space_read() - how things stand
 * @name: of the mapped device
 * @uuid: of the mapped device; if it is not empty, the name does not matter
 * @snap: what is to be filled in
 *
 * Return: 0, or -ENXIO if there is no such device, or -EOPNOTSUPP if its table
 * is not a single snapshot.
 */
int space_read(const char *name, const char *uuid, struct snapshot_space *snap)
{
	static const int types[] = { DM_DEVICE_STATUS, DM_DEVICE_TABLE };

	for (size_t i = 0; i < COUNT(types); i++) {
		struct dm_task *task = task_create(types[i], name, uuid);
		int error = -ENOMEM;

		if (task)
			error = types[i] == DM_DEVICE_STATUS ?
				read_status(task, snap) : read_table(task, snap);
		if (task)
			dm_task_destroy(task);
		if (error)
			return error;
	}
	return 0;
}

/**
 * snapshot_remove() - removes the mapped device
 * @name: of the mapped device
 * @uuid: of the mapped device, or empty
 * @deferred: if it is in use, as soon as it no longer is
 */
int snapshot_remove(const char *name, const char *uuid, bool deferred)
{
	struct dm_task *task = task_create(DM_DEVICE_REMOVE, name, uuid);
	uint32_t cookie = 0;
	int error = 0;

	if (!task)
		return -ENOMEM;
	if ((deferred && !dm_task_deferred_remove(task)) ||
	    !dm_task_set_cookie(task, &cookie, 0))
		error = -ENOMEM;
	else if (!dm_task_run(task))
		error = -(dm_task_get_errno(task) ?: EIO);
	dm_udev_wait(cookie);
	dm_task_destroy(task);
	return error;
}

/* The environment with a variable more; the caller frees it */
static char **program_environment(void)
{
	static char by_dmeventd[] = "LVM_RUN_BY_DMEVENTD=1";
	size_t n = 0;
	char **all;

	while (environ[n])
		n++;
	all = calloc(n + 2, sizeof(*all));
	if (!all)
		return NULL;
	memcpy(all, environ, n * sizeof(*all));
	all[n] = by_dmeventd;
	return all;
}

/* dmeventd's threads block signals; the program must be killable */
static int spawn_program(const char *program, char *const argv[], int output,
			 pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	char **environment = program_environment();
	sigset_t none, all;
	int error;

	if (!environment)
		return -ENOMEM;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes,
				 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
	/* LVM warns of each that is open besides, such as dmeventd's own */
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	error = posix_spawn(pid, program, &files, &attributes, argv,
			    environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	free(environment);
	return -error;
}

static void read_all(int fd, char *text, size_t size)
{
	size_t length = 0;
	char rest[256];
	ssize_t got;

	for (;;) {
		bool room = length + 1 < size;

		got = read(fd, room ? text + length : rest,
			   room ? size - 1 - length : sizeof(rest));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (room)
			length += got;
	}
	text[length] = '\0';
}

/* run_program() - what it says goes to @said */
static int run_program(const char *program, char *const argv[], char *said,
		       size_t size)
{
	int output[2], status, error;
	pid_t pid;

	if (pipe2(output, O_CLOEXEC))
		return -errno;
	error = spawn_program(program, argv, output[1], &pid);
	close(output[1]);
	if (!error)
		read_all(output[0], said, size);
	close(output[0]);
	if (error)
		return error;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

/**
 * volume_group_space() - what a volume group has left
 * @vg: its name
 * @free: sectors that no volume has
 * @extent: sectors of an extent
 */
int volume_group_space(const char *vg, uint64_t *free, uint64_t *extent)
{
	char *const argv[] = {
		"lvm", "vgs", "--noheadings", "--nosuffix", "--units", "s",
		"-o", "vg_free,vg_extent_size", (char *)vg, NULL
	};
	char said[1024], *line, *next = said;
	int error = run_program(LVM_COMMAND, argv, said, sizeof(said));

	if (error)
		return error;
	while ((line = strsep(&next, "\n"))) /* warnings may stand before it */
		if (sscanf(line, "%" SCNu64 " %" SCNu64, free, extent) == 2)
			return *extent ? 0 : -EPROTO;
	return -EPROTO;
}

/**
 * volume_extend() - makes a logical volume larger
 * @vg: its volume group
 * @lv: its name
 * @sectors: by so many
 * @said: what LVM says
 * @size: room for that
 */
int volume_extend(const char *vg, const char *lv, uint64_t sectors,
		  char *said, size_t size)
{
	char more[32], volume[sizeof(((struct snapshot_space *)0)->vg) * 2];
	char *const argv[] = { "lvm", "lvextend", "-L", more, volume, NULL };

	snprintf(more, sizeof(more), "+%" PRIu64 "s", sectors);
	snprintf(volume, sizeof(volume), "%s/%s", vg, lv);
	return run_program(LVM_COMMAND, argv, said, size);
}

/**
 * store_extend() - makes a COW store in files of a file system larger
 * @program: interposectl
 * @name: of the snapshot
 * @total: what it is to have then, in sectors; 0: as much more as there may be
 * @said: what interposectl says
 * @size: room for that
 */
int store_extend(const char *program, const char *name, uint64_t total,
		 char *said, size_t size)
{
	char bytes[32];
	char *argv[] = { "interposectl", "snapshot", "--extend", (char *)name,
			 "--size", bytes, NULL };

	if (!total)
		argv[4] = NULL;
	snprintf(bytes, sizeof(bytes), "%" PRIu64, total * 512);
	return run_program(program, argv, said, size);
}
