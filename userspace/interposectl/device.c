// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <blkid.h>
#include <libmount.h>

#include "device.h"
#include "parse.h"
#include "say.h"

/*
 * Who uses it
 */

static struct libmnt_table *mounts(void)
{
	return mnt_new_table_from_file("/proc/self/mountinfo");
}

/* A btrfs has a number of its own: then its source tells */
static dev_t mounted_device(struct libmnt_fs *fs)
{
	const char *source = mnt_fs_get_srcpath(fs);
	char name[NAME_SIZE];
	struct stat st;

	if (sysfs_name(mnt_fs_get_devno(fs), name))
		return mnt_fs_get_devno(fs);
	if (source && !stat(source, &st) && S_ISBLK(st.st_mode))
		return st.st_rdev;
	return 0;
}

static void note_mount(struct libmnt_fs *fs, struct usage *usage)
{
	const char *target = mnt_fs_get_target(fs);
	const char *type = mnt_fs_get_fstype(fs);
	bool root = target && !strcmp(target, "/");

	if (!*usage->mountpoint || root) {
		snprintf(usage->mountpoint, sizeof(usage->mountpoint), "%s",
			 target ? target : "?");
		snprintf(usage->fstype, sizeof(usage->fstype), "%s",
			 type ? type : "");
	}
	usage->root |= root;
}

void device_of_file(const char *path, char *name)
{
	struct libmnt_table *table = mounts();
	struct libmnt_fs *fs = table ? mnt_table_find_mountpoint(table, path,
							MNT_ITER_BACKWARD) : NULL;
	struct stat st;

	if ((stat(path, &st) || !sysfs_name(st.st_dev, name)) &&
	    (!fs || !sysfs_name(mounted_device(fs), name)))
		*name = '\0';
	mnt_unref_table(table);
}

/* A file that is swapped to is found as one of its file system's device */
static void look_for_swap(const char *name, struct usage *usage)
{
	char line[PATH_MAX + 128], path[PATH_MAX], *end;
	FILE *swaps = fopen("/proc/swaps", "re");
	char device[NAME_SIZE];
	struct stat st;

	while (swaps && fgets(line, sizeof(line), swaps)) {
		end = strchr(line, ' ');
		if (!end || *line != '/')
			continue;
		*end = '\0';
		snprintf(path, sizeof(path), "%s", line);
		if (stat(path, &st) ||
		    !sysfs_name(S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev,
				device))
			continue;
		if (sysfs_lies_on(device, name))
			usage->swap = true;
	}
	if (swaps)
		fclose(swaps);
}

void device_usage(const char *name, struct usage *usage)
{
	struct libmnt_table *table = mounts();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	char mounted[NAME_SIZE], disk[NAME_SIZE];
	struct libmnt_fs *fs;

	memset(usage, 0, sizeof(*usage));
	usage->read_only = sysfs_is(name, "ro", "1");
	while (table && iter && !mnt_table_next_fs(table, iter, &fs)) {
		if (!sysfs_name(mounted_device(fs), mounted))
			continue;
		sysfs_disk(mounted, disk);
		if (!strcmp(mounted, name) || !strcmp(disk, name))
			note_mount(fs, usage);
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	look_for_swap(name, usage);
}

bool device_is_free(const char *path)
{
	int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void device_signature(const char *path, char *type, size_t size)
{
	blkid_probe probe = blkid_new_probe_from_filename(path);
	const char *value = NULL;

	*type = '\0';
	if (!probe)
		return;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
	blkid_probe_enable_partitions(probe, 1);
	if (blkid_do_safeprobe(probe) == -2)
		value = "several signatures";
	else if (blkid_probe_lookup_value(probe, "TYPE", &value, NULL) &&
		 blkid_probe_lookup_value(probe, "PTTYPE", &value, NULL))
		value = NULL;
	if (value)
		snprintf(type, size, "%s", value);
	blkid_free_probe(probe);
}

/*
 * Which one is meant
 */

bool device_of_node(const char *path, struct device *device)
{
	struct stat st;

	memset(device, 0, sizeof(*device));
	if (stat(path, &st)) {
		complain("%s: %s", path, strerror(errno));
		return false;
	}
	if (!S_ISBLK(st.st_mode)) {
		complain("%s is no block device", path);
		return false;
	}
	snprintf(device->path, sizeof(device->path), "%s", path);
	device->dev = st.st_rdev;
	if (!sysfs_name(st.st_rdev, device->name)) {
		complain("%s: there is no such device", path);
		return false;
	}
	device->sectors = sysfs_sectors(device->name);
	return true;
}

static bool device_of_mountpoint(const char *path, struct device *device)
{
	struct libmnt_table *table = mounts();
	char node[PATH_MAX] = "", name[NAME_SIZE], *real = realpath(path, NULL);
	struct libmnt_fs *fs = NULL;

	if (table && real)
		fs = mnt_table_find_target(table, real, MNT_ITER_BACKWARD);
	if (fs && sysfs_name(mounted_device(fs), name)) {
		snprintf(node, sizeof(node), "%s", mnt_fs_get_srcpath(fs) ?: "");
		if (access(node, F_OK))
			snprintf(node, sizeof(node), "/dev/%s", name);
	}
	mnt_unref_table(table);
	free(real);
	if (*node)
		return device_of_node(node, device);
	complain("%s: nothing is mounted there that lies on a block device; name the device or where it is mounted",
		 path);
	return false;
}

bool device_find(const char *argument, struct device *device)
{
	char path[PATH_MAX], name[NAME_SIZE];
	struct stat st;
	dev_t dev;

	if (!stat(argument, &st) && S_ISDIR(st.st_mode))
		return device_of_mountpoint(argument, device);
	if (parse_devno(argument, &dev) && sysfs_name(dev, name)) {
		snprintf(path, sizeof(path), "/dev/%s", name);
		argument = path;
	}
	return device_of_node(argument, device);
}

void device_word(const struct device *device, char *word, size_t size)
{
	char map[NAME_SIZE];

	if (!sysfs_read(device->name, "dm/name", map, sizeof(map)))
		snprintf(map, sizeof(map), "%s", device->name);
	snprintf(word, size, "%.*s", 64, map);
	for (; *word; word++)
		if (*word == '!' || *word == '/')
			*word = '-';
}
