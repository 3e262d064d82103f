// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <libmount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backing.h"
#include "interposetab.h"
#include "loop.h"
#include "metafile.h"
#include "newfile.h"
#include "reach.h"
#include "say.h"

#define MARK		"interposectl track"
#define ELSEWHERE	"name a file on another disk with --file, or use --meta or --vg"

/*
 * Where it may be
 */

/* What is mounted before a file system can be: a line of interposetab has no effect */
static bool is_mounted_late_enough(const struct device *device, const char *path)
{
	struct usage usage;

	device_usage(device->name, &usage);
	if (!usage.root && strcmp(usage.mountpoint, "/usr"))
		return true;
	complain("%s is mounted on %s, which is attached in the initramfs, where %s cannot be reached yet; use --meta or --vg",
		 device->shown, usage.mountpoint, path);
	return false;
}

static bool is_memory(const char *type)
{
	return !strcmp(type, "tmpfs") || !strcmp(type, "ramfs") ||
	       !strcmp(type, "devtmpfs") || !strcmp(type, "rootfs");
}

static bool is_memory_disk(const char *name)
{
	return !strncmp(name, "zram", 4) ||
	       (!strncmp(name, "ram", 3) && name[3] >= '0' && name[3] <= '9');
}

static bool refuse_memory(const char *path)
{
	complain("%s lies in memory, and does not outlive a reboot; " ELSEWHERE,
		 path);
	return false;
}

/* It comes after the network, which comes after the local file systems */
static bool is_there_in_time(struct libmnt_fs *line, struct libmnt_fs *mounted,
			     const char *path)
{
	const char *target = mnt_fs_get_target(mounted) ?: "?";

	if (mnt_fs_is_netfs(mounted) ||
	    (line && mnt_fs_match_options(line, "_netdev"))) {
		complain("%s lies on %s, which is mounted when the network is there, and that is too late; "
			 ELSEWHERE, path, target);
		return false;
	}
	if (!line && strcmp(target, "/"))
		say("%s is not in /etc/fstab; to track after a reboot, add it", target);
	return true;
}

static bool is_mounted_well(const char *directory, const char *path)
{
	struct libmnt_table *table = device_mounts();
	struct libmnt_table *fstab = mnt_new_table();
	struct libmnt_fs *mounted = device_mount_of(table, directory);
	struct libmnt_fs *line = NULL;
	bool good = true;

	if (mounted && fstab && !mnt_table_parse_fstab(fstab, NULL))
		line = mnt_table_find_target(fstab, mnt_fs_get_target(mounted),
					     MNT_ITER_BACKWARD);
	if (mounted && is_memory(mnt_fs_get_fstype(mounted) ?: ""))
		good = refuse_memory(path);
	else if (mounted)
		good = is_there_in_time(line, mounted, path);
	mnt_unref_table(fstab);
	mnt_unref_table(table);
	return good;
}

/* Recording a write would be a write to be recorded */
static bool lies_apart(const struct device *device, const char *name,
		       const char *path)
{
	const char *const devices[] = { device->name };
	char why[512];

	switch (reach(name, devices, 1, NULL, why, sizeof(why))) {
	case LIES_NOT:
		return true;
	case LIES_ON:
		complain("%s lies on %s itself (through %s), and to record a write there is one more write; one disk for both needs a file on an ext4 or XFS that lies on that disk alone: "
			 ELSEWHERE, path, device->shown, name);
		return false;
	case LIES_UNKNOWN:
		complain("%s, which may be %s; " ELSEWHERE, why, device->shown);
		return false;
	}
	return false;
}

/* @above: only what is mounted before that file system */
static bool directory_lies_apart(const struct device *device,
				 const char *directory, const char *path,
				 bool above)
{
	struct backing *backing = calloc(1, sizeof(*backing));
	bool good = backing;

	if (!backing)
		return false;
	backing_of_directory(directory, backing);
	if (*backing->unknown && !above) {
		complain("%s %s; " ELSEWHERE, path, backing->unknown);
		good = false;
	} else if (!backing->n && !above) {
		complain("%s does not lie on a block device; " ELSEWHERE, path);
		good = false;
	}
	for (size_t i = 0; i < backing->n && good; i++)
		good = above || !is_memory_disk(backing->names[i]) ?
			lies_apart(device, backing->names[i], path) :
			refuse_memory(path);
	free(backing);
	return good;
}

/* Also the file systems above it, but for the root */
static bool all_lie_apart(const struct device *device, const char *directory,
			  const char *path)
{
	char above[PATH_MAX];
	struct stat st, of_above;
	bool good;

	good = directory_lies_apart(device, directory, path, false) &&
	       !stat(directory, &st);
	snprintf(above, sizeof(above), "%s", directory);
	while (good && strcmp(dirname(above), "/") && !stat(above, &of_above)) {
		if (of_above.st_dev == st.st_dev)
			continue;
		good = directory_lies_apart(device, above, path, true);
		st = of_above;
	}
	return good;
}

bool metafile_place(const struct device *device, const char *typed, char *path,
		    size_t size)
{
	char copy[PATH_MAX], directory[PATH_MAX];
	const char *name = strrchr(typed, '/');

	if (!file_path_is_good(typed))
		return false;
	if (!tab_file_is_good(typed) || !name[1] || !strcmp(name, "/.") ||
	    !strcmp(name, "/..")) {
		complain("'%s' cannot be the name of the file; use one without quotes, backslashes and control characters",
			 typed);
		return false;
	}
	snprintf(copy, sizeof(copy), "%s", typed);
	if (!realpath(dirname(copy), directory)) {
		complain("cannot make %s: %s", typed, strerror(errno));
		return false;
	}
	if ((size_t)snprintf(path, size, "%s%s", strcmp(directory, "/") ? directory : "",
			     name) >= size) {
		complain("the name of the file is too long");
		return false;
	}
	return is_mounted_late_enough(device, path) &&
	       is_mounted_well(directory, path) &&
	       all_lie_apart(device, directory, path);
}

/*
 * The loop device
 */

static bool lock(int fd, const char *path)
{
	char name[NAME_SIZE] = "";

	if (!loop_of_file(path, name) && !flock(fd, LOCK_EX | LOCK_NB))
		return true;
	if (*name)
		complain("%s is in use by /dev/%s; name another file, or stop using it",
			 path, name);
	else
		complain("%s is in use by another process; name another file, or end that one",
			 path);
	return false;
}

/* It has the file open from now on, and so it has the lock */
static bool hold(struct metafile *file, int fd)
{
	return (fd < 0 || lock(fd, file->path)) &&
	       loop_hold(file->path, fd, MARK, file->node, sizeof(file->node),
			 &file->fd);
}

static void set_path(struct metafile *file, const char *path)
{
	memset(file, 0, sizeof(*file));
	snprintf(file->path, sizeof(file->path), "%s", path);
	file->fd = -1;
}

/* That it is there must outlive a crash */
static bool sync_directory(const char *path)
{
	char copy[PATH_MAX];
	bool good;
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = fd >= 0 && !fsync(fd);
	if (!good)
		complain("cannot write the directory of %s: %s", path,
			 strerror(errno));
	if (fd >= 0)
		close(fd);
	return good;
}

bool metafile_make(struct metafile *file, const char *path, uint64_t bytes,
		   struct record *record)
{
	bool good;
	int fd;

	set_path(file, path);
	good = file_make(record, path, bytes, &fd) &&
	       (fd < 0 || sync_directory(path)) && hold(file, fd);
	if (fd >= 0)
		close(fd);
	return good;
}

/* Nobody but root can have put it there */
static bool is_ours(int fd, const char *path)
{
	struct stat st;

	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && !st.st_uid &&
	    !(st.st_mode & 022))
		return true;
	complain("%s is not a file that only root can write to; name a new file", path);
	return false;
}

bool metafile_open(struct metafile *file, const char *path)
{
	bool good;
	int fd;

	set_path(file, path);
	fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		complain("cannot open %s, where it is recorded what changes: %s; if it is gone, begin anew: interposectl track on --file %s DEVICE",
			 path, strerror(errno), path);
		return false;
	}
	good = is_ours(fd, path) && !fcntl(fd, F_SETFL, 0) && hold(file, fd);
	close(fd);
	return good;
}

void metafile_close(struct metafile *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

bool metafile_of(const char *node, char *path, size_t size)
{
	char name[NAME_SIZE];
	struct stat st;

	*path = '\0';
	return !stat(node, &st) && S_ISBLK(st.st_mode) &&
	       sysfs_name(st.st_rdev, name) &&
	       loop_is_marked(name, MARK, path, size);
}
