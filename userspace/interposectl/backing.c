// SPDX-License-Identifier: GPL-2.0
/*
 *     loop0 --LOOP_GET_STATUS64--> device number of the file's file system
 *                                    |           |
 *                        a disk's <--+           +--> none's: btrfs, tmpfs, ...
 *                           |                              |
 *                 its log may lie elsewhere      which one? by the file, if it is
 *                                                the same, or by any mount table
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <libmount.h>
#include <linux/btrfs.h>
#include <linux/loop.h>
#include <linux/magic.h>

#include "backing.h"

static void add(struct backing *backing, const char *name)
{
	if (backing->n < BACKING_MAX)
		snprintf(backing->names[backing->n++], NAME_SIZE, "%s", name);
	else
		snprintf(backing->unknown, sizeof(backing->unknown),
			 "lies on too many devices");
}

__attribute__((format(printf, 2, 3)))
static void unknown(struct backing *backing, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(backing->unknown, sizeof(backing->unknown), format, args);
	va_end(args);
}

static void add_node(struct backing *backing, const char *path)
{
	char name[NAME_SIZE];
	struct stat st;

	if (!stat(path, &st) && S_ISBLK(st.st_mode) &&
	    sysfs_name(st.st_rdev, name))
		add(backing, name);
	else
		unknown(backing, "also lies on %.80s, which cannot be found",
			path);
}

/*
 * Mount tables: of this process, and of all others
 */

struct mounted {
	char type[64];
	char options[4096];
};

/* A member that a bcachefs has lost may be mounted too, with the same number */
static void note_mounted(struct libmnt_fs *fs, struct mounted *found)
{
	const char *type = mnt_fs_get_fstype(fs) ?: "";
	size_t length = strlen(found->type);

	if (!length)
		snprintf(found->options, sizeof(found->options), "%s",
			 mnt_fs_get_fs_options(fs) ?: "");
	if (!length)
		snprintf(found->type, sizeof(found->type), "%s", type);
	else if (strcmp(found->type, type))
		snprintf(found->type + length, sizeof(found->type) - length,
			 " or %s", type);
}

static bool look_in_table(const char *name, dev_t dev, struct mounted *found)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_table *table;
	struct libmnt_fs *fs;
	char path[PATH_MAX];
	bool good = false;

	table = mnt_new_table_from_file(proc_path(name, path, sizeof(path)));
	while (table && iter && !mnt_table_next_fs(table, iter, &fs)) {
		if (mnt_fs_get_devno(fs) != dev)
			continue;
		note_mounted(fs, found);
		good = true;
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return good;
}

/* Other mount namespaces than this one are those of other processes */
static bool look_for_mount(dev_t dev, struct mounted *found)
{
	char name[NAME_SIZE + 16], path[PATH_MAX];
	struct dirent *entry;
	ino_t last = 0;
	bool good;
	DIR *proc;

	memset(found, 0, sizeof(*found));
	good = look_in_table("self/mountinfo", dev, found);
	proc = good ? NULL : opendir(proc_root);
	while (proc && !good && (entry = readdir(proc))) {
		struct stat st;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(name, sizeof(name), "%s/ns/mnt", entry->d_name);
		if (stat(proc_path(name, path, sizeof(path)), &st) ||
		    st.st_ino == last)
			continue;
		last = st.st_ino;
		snprintf(name, sizeof(name), "%s/mountinfo", entry->d_name);
		good = look_in_table(name, dev, found);
	}
	if (proc)
		closedir(proc);
	return good;
}

/*
 * File systems with a device number of none
 */

/* By its UUID, or all there are: those of a file that cannot be opened */
static void add_btrfs(struct backing *backing, const char *uuid)
{
	char path[PATH_MAX], devices[PATH_MAX];
	struct dirent *entry, *device;
	size_t before = backing->n;
	DIR *all, *one;

	snprintf(path, sizeof(path), "%s/fs/btrfs", sysfs_root);
	all = opendir(path);
	while (all && (entry = readdir(all))) {
		if (entry->d_name[0] == '.' ||
		    (uuid && strcmp(uuid, entry->d_name)))
			continue;
		snprintf(devices, sizeof(devices), "%s/%s/devices", path,
			 entry->d_name);
		one = opendir(devices);
		while (one && (device = readdir(one)))
			if (device->d_name[0] != '.')
				add(backing, device->d_name);
		if (one)
			closedir(one);
	}
	if (all)
		closedir(all);
	if (backing->n == before)
		unknown(backing, "lies on a btrfs whose devices cannot be found");
}

static void btrfs_of_file(struct backing *backing, int fd)
{
	struct btrfs_ioctl_fs_info_args info = { };
	char uuid[40];
	size_t n = 0;

	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info)) {
		add_btrfs(backing, NULL);
		return;
	}
	for (int i = 0; i < 16; i++)
		n += snprintf(uuid + n, sizeof(uuid) - n, "%s%02x",
			      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			      info.fsid[i]);
	add_btrfs(backing, uuid);
}

/* A tmpfs is written to wherever is swapped to */
static void add_swaps(struct backing *backing)
{
	char line[PATH_MAX + 128], *path, name[NAME_SIZE];
	FILE *swaps = fopen(proc_path("swaps", line, sizeof(line)), "re");
	struct stat st;

	while (swaps && fgets(line, sizeof(line), swaps)) {
		line[strcspn(line, " \t")] = '\0';
		if (*line != '/')
			continue;
		path = mnt_unmangle(line);
		if (path && !stat(path, &st) &&
		    sysfs_name(S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev,
			       name))
			add(backing, name);
		else
			unknown(backing, "lies in a tmpfs, and the location of its swap space (%.80s) is unknown",
				line);
		free(path);
	}
	if (swaps)
		fclose(swaps);
}

static const char *type_of_magic(int fd)
{
	struct statfs st;

	if (fstatfs(fd, &st))
		return NULL;
	switch ((unsigned int)st.f_type) {
	case BTRFS_SUPER_MAGIC: return "btrfs";
	case TMPFS_MAGIC: return "tmpfs";
	case RAMFS_MAGIC: return "ramfs";
	case OVERLAYFS_SUPER_MAGIC: return "overlay";
	}
	return NULL;
}

/* @fd: of a file there, or -1 */
static void backing_of_type(struct backing *backing, const char *type, int fd)
{
	if (!strcmp(type, "btrfs") && fd >= 0)
		btrfs_of_file(backing, fd);
	else if (!strcmp(type, "btrfs"))
		add_btrfs(backing, NULL);
	else if (!strcmp(type, "tmpfs") || !strcmp(type, "devtmpfs"))
		add_swaps(backing);
	else if (strcmp(type, "ramfs") && strcmp(type, "rootfs"))
		unknown(backing, "lies on a file system (%.40s) on an unknown disk",
			*type ? type : "in no mount table");
}

/*
 * File systems on a device, and what they have elsewhere
 */

static void add_option(struct backing *backing, const char *options,
		       const char *name)
{
	char path[PATH_MAX], *value;
	size_t length;

	if (mnt_optstr_get_option(options, name, &value, &length) || !value)
		return;
	snprintf(path, sizeof(path), "%.*s", (int)length, value);
	add_node(backing, path);
}

static void add_xfs_devices(struct backing *backing, const char *name,
			    const char *options)
{
	(void)name;
	add_option(backing, options, "logdev");
	add_option(backing, options, "rtdev");
}

/* Journals on devices of their own; which is whose, nobody tells */
static void add_journals(struct backing *backing, const char *name,
			 const char *options)
{
	struct dirent *entry;
	char path[PATH_MAX];
	DIR *dir = opendir(proc_path("fs/jbd2", path, sizeof(path)));

	(void)name;
	(void)options;
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    sysfs_exists(entry->d_name, "dev"))
			add(backing, entry->d_name);
	if (dir)
		closedir(dir);
}

/* "Disk: 1 (zoned=0): 0x... - 0x... on /dev/sdb1", if there are several */
void backing_of_f2fs(const char *name, struct backing *backing)
{
	char map_name[NAME_SIZE + 32], line[PATH_MAX + 128], *on;
	FILE *map;

	snprintf(map_name, sizeof(map_name), "fs/f2fs/%s/disk_map", name);
	map = fopen(proc_path(map_name, line, sizeof(line)), "re");
	if (!map)
		unknown(backing, "lies on an f2fs whose disks are unknown");
	while (map && fgets(line, sizeof(line), map)) {
		line[strcspn(line, "\n")] = '\0';
		on = strstr(line, " on ");
		if (on && !strncmp(line, "Disk:", 5))
			add_node(backing, on + 4);
	}
	if (map)
		fclose(map);
}

static void add_f2fs_disks(struct backing *backing, const char *name,
			   const char *options)
{
	(void)options;
	backing_of_f2fs(name, backing);
}

/*
 * Those that open no other device than the one with their number (in the kernel,
 * whoever calls bdev_file_open_by_*() does), or tell which. What is not here may
 * have others: a bcachefs has the number of its first disk, and a JFS or ReiserFS
 * does not tell where its log is. What a FUSE program ("fuseblk") opens is its
 * own affair, but those that there are keep their data where they are mounted.
 */
static const struct {
	const char *type;
	void (*add_others)(struct backing *backing, const char *name,
			   const char *options);
} known[] = {
	{ "ext4", add_journals },
	{ "ext3", add_journals },
	{ "ext2", add_journals },	/* by ext4, with the journal of an ext3 */
	{ "xfs", add_xfs_devices },
	{ "f2fs", add_f2fs_disks },
	{ "vfat", NULL }, { "msdos", NULL }, { "exfat", NULL },
	{ "ntfs3", NULL }, { "ntfs", NULL }, { "nilfs2", NULL },
	{ "udf", NULL }, { "iso9660", NULL }, { "squashfs", NULL },
	{ "hfs", NULL }, { "hfsplus", NULL }, { "hpfs", NULL },
	{ "minix", NULL }, { "affs", NULL }, { "ufs", NULL },
	{ "fuseblk", NULL },
};

/* "fuseblk.ntfs" is one of "fuseblk" */
static bool is_type(const char *type, const char *of)
{
	size_t length = strlen(of);

	return !strncmp(type, of, length) && (!type[length] || type[length] == '.');
}

static void add_others(struct backing *backing, const char *name, dev_t dev)
{
	struct mounted mounted;

	look_for_mount(dev, &mounted);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!is_type(mounted.type, known[i].type))
			continue;
		if (known[i].add_others)
			known[i].add_others(backing, name, mounted.options);
		return;
	}
	unknown(backing, "lies on a file system (%.40s) whose disks are not known",
		*mounted.type ? mounted.type : "in no mount table");
}

static void backing_of_dev(struct backing *backing, dev_t dev, int fd)
{
	struct mounted mounted;
	char name[NAME_SIZE];
	const char *type = fd < 0 ? NULL : type_of_magic(fd);

	if (sysfs_name(dev, name)) {
		add(backing, name);
		add_others(backing, name, dev);
		return;
	}
	if (!type) {
		look_for_mount(dev, &mounted);
		type = mounted.type;
	}
	backing_of_type(backing, type, fd);
}

/*
 * Loop devices
 */

/* The file, if its path still leads there; a subvolume has no other name */
static int open_backing_file(const char *disk, const struct loop_info64 *info)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (!sysfs_read(disk, "loop/backing_file", path, sizeof(path)))
		return -1;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && st.st_dev == info->lo_device &&
	    st.st_ino == info->lo_inode)
		return fd;
	close(fd);
	return -1;
}

static void backing_of_loop(const char *disk, struct backing *backing)
{
	struct loop_info64 info;
	char path[NAME_SIZE + 8], name[NAME_SIZE];
	int fd, file;
	bool good;

	snprintf(path, sizeof(path), "/dev/%s", disk);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	good = fd >= 0 && !ioctl(fd, LOOP_GET_STATUS64, &info);
	if (!good)
		unknown(backing, "does not report its backing file (%s)",
			strerror(errno));
	if (fd >= 0)
		close(fd);
	if (!good)
		return;
	if (info.lo_rdevice && sysfs_name(info.lo_rdevice, name)) {
		add(backing, name);
		return;
	}
	file = open_backing_file(disk, &info);
	backing_of_dev(backing, info.lo_device, file);
	if (file >= 0)
		close(file);
}

/* A zram disk writes pages that it does not keep to its backing device */
static void backing_of_zram(const char *disk, struct backing *backing)
{
	char path[PATH_MAX];

	if (sysfs_read(disk, "backing_dev", path, sizeof(path)) &&
	    *path == '/')
		add_node(backing, path);
}

void backing_of_disk(const char *disk, struct backing *backing)
{
	if (sysfs_exists(disk, "loop/backing_file"))
		backing_of_loop(disk, backing);
	else if (sysfs_exists(disk, "backing_dev"))
		backing_of_zram(disk, backing);
}

void backing_of_directory(const char *path, struct backing *backing)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	memset(backing, 0, sizeof(*backing));
	if (fd < 0 || fstat(fd, &st))
		unknown(backing, "cannot be opened (%s)", strerror(errno));
	else
		backing_of_dev(backing, st.st_dev, fd);
	if (fd >= 0)
		close(fd);
}
