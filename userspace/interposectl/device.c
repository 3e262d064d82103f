// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <blkid.h>
#include <libmount.h>
#include <linux/btrfs.h>

#include "backing.h"
#include "device.h"
#include "names.h"
#include "parse.h"
#include "say.h"

/*
 * Names of it
 */

/* The kernel writes '!' where the node has a directory */
static void slashes(char *name)
{
	for (; *name; name++)
		if (*name == '!')
			*name = '/';
}

char *device_column(const char *name, char *out, size_t size)
{
	char map[NAME_SIZE], plain[NAME_SIZE];

	if (sysfs_read(name, "dm/name", map, sizeof(map)) && *map) {
		name_decode_letters(map, plain, sizeof(plain));
		return name_printable(plain, out, size);
	}
	name_printable(name, out, size);
	slashes(out);
	return out;
}

char *device_shown(const char *name, char *out, size_t size)
{
	const char *directory = sysfs_exists(name, "dm/name") ? "/dev/mapper/" :
				"/dev/";
	char column[SHOWN_SIZE];

	snprintf(out, size, "%s%s", directory,
		 device_column(name, column, sizeof(column) - 16));
	return out;
}

static bool is_node_of(const char *path, dev_t dev)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode) && st.st_rdev == dev;
}

void device_node(const char *name, char *path, size_t size)
{
	dev_t dev = 0;

	sysfs_devno(name, &dev);
	snprintf(path, size, "/dev/%s", name);
	slashes(path);
	if (is_node_of(path, dev))
		return;
	snprintf(path, size, "/dev/block/%u:%u", major(dev), minor(dev));
	if (!is_node_of(path, dev))
		snprintf(path, size, "%u:%u", major(dev), minor(dev));
}

void device_word(const struct device *device, char *word, size_t size)
{
	char map[NAME_SIZE];

	if (!sysfs_read(device->name, "dm/name", map, sizeof(map)))
		snprintf(map, sizeof(map), "%s", device->name);
	name_word(map, word, size);
}

/*
 * What lies on it. A mount table has names of devices, which may be those of
 * others by now: only numbers count.
 */

struct libmnt_table *device_mounts(void)
{
	char path[PATH_MAX];

	return mnt_new_table_from_file(proc_path("self/mountinfo", path,
						 sizeof(path)));
}

struct numbers {
	dev_t *v;
	size_t n, max;
};

static bool add_number(const char *name, void *data)
{
	struct numbers *numbers = data;

	if (numbers->n < numbers->max && sysfs_devno(name, numbers->v + numbers->n))
		numbers->n++;
	return false;
}

/* /sys/fs/btrfs/FSID/devices has links to the devices themselves */
static int devices_of_btrfs(const char *path, dev_t *devs, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct btrfs_ioctl_fs_info_args info = { };
	struct numbers numbers = { devs, 0, max };
	char where[128];
	size_t n = 0;

	if (fd < 0)
		return -1;
	if (!ioctl(fd, BTRFS_IOC_FS_INFO, &info)) {
		n = snprintf(where, sizeof(where), "fs/btrfs/");
		for (int i = 0; i < BTRFS_FSID_SIZE; i++)
			n += snprintf(where + n, sizeof(where) - n,
				      i == 4 || i == 6 || i == 8 || i == 10 ?
				      "-%02x" : "%02x", info.fsid[i]);
		snprintf(where + n, sizeof(where) - n, "/devices");
		sysfs_each_in(where, add_number, &numbers);
	}
	close(fd);
	return numbers.n ? (int)numbers.n : -1;
}

/* The mount of a file, by its number, so that no spelling of its path counts */
struct libmnt_fs *device_mount_of(struct libmnt_table *table,
				  const char *path)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs = NULL;
	struct statx stx;

	if (!table || !iter ||
	    statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_MNT_ID, &stx) ||
	    !(stx.stx_mask & STATX_MNT_ID)) {
		mnt_free_iter(iter);
		return NULL;
	}
	while (!mnt_table_next_fs(table, iter, &fs))
		if (mnt_fs_get_id(fs) == (int)stx.stx_mnt_id)
			break;
	mnt_free_iter(iter);
	return fs && mnt_fs_get_id(fs) == (int)stx.stx_mnt_id ? fs : NULL;
}

/* Without a device of their own, and whatever they show lies elsewhere */
static bool has_no_device(const char *type)
{
	static const char *const types[] = { "tmpfs", "ramfs", "devtmpfs",
		"proc", "sysfs", "devpts", "cgroup", "cgroup2", "rootfs",
		"nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "autofs",
		"efivarfs", "securityfs", "debugfs", "tracefs", "configfs" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

/* The kernel gives a file system of several disks the number of the first one */
static int devices_of_f2fs(const char *name, dev_t *devs, size_t max)
{
	struct backing *backing = calloc(1, sizeof(*backing));
	struct numbers numbers = { devs, 0, max };
	bool good = backing;

	if (backing)
		backing_of_f2fs(name, backing);
	if (good && !backing->n)
		add_number(name, &numbers);
	for (size_t i = 0; good && i < backing->n; i++)
		add_number(backing->names[i], &numbers);
	good = good && !*backing->unknown && numbers.n;
	free(backing);
	return good ? (int)numbers.n : -1;
}

static int devices_of_mount(const char *path, struct libmnt_fs *fs, dev_t dev,
			    dev_t *devs, size_t max)
{
	const char *type = fs ? mnt_fs_get_fstype(fs) : NULL;
	char name[NAME_SIZE];

	if (type && (!strcmp(type, "overlay") || !strcmp(type, "bcachefs")))
		return -1;
	if (type && !strcmp(type, "f2fs") && sysfs_name(dev, name))
		return devices_of_f2fs(name, devs, max);
	if (sysfs_name(dev, name)) {
		*devs = dev;
		return 1;
	}
	if (type && !strcmp(type, "btrfs"))
		return devices_of_btrfs(path, devs, max);
	return type && has_no_device(type) ? 0 : -1;
}

int devices_of_file(const char *path, dev_t *devs, size_t max)
{
	struct libmnt_table *table;
	struct stat st;
	int n;

	if (stat(path, &st))
		return -1;
	table = device_mounts();
	n = devices_of_mount(path, device_mount_of(table, path), st.st_dev, devs, max);
	mnt_unref_table(table);
	return n;
}

/*
 * Who uses it
 */

static bool add_btrfs(const char *fsid, void *data)
{
	char where[NAME_SIZE + 32];

	snprintf(where, sizeof(where), "fs/btrfs/%s/devices", fsid);
	sysfs_each_in(where, add_number, data);
	return false;
}

/* Of a mount that another one hides, it may be any btrfs */
static int devices_of_mounted_btrfs(struct libmnt_fs *fs, dev_t *devs,
				    size_t max)
{
	struct numbers numbers = { devs, 0, max };
	struct statx stx;

	if (!statx(AT_FDCWD, mnt_fs_get_target(fs), AT_NO_AUTOMOUNT,
		   STATX_BASIC_STATS | STATX_MNT_ID, &stx) &&
	    (int)stx.stx_mnt_id == mnt_fs_get_id(fs))
		return devices_of_btrfs(mnt_fs_get_target(fs), devs, max);
	sysfs_each_in("fs/btrfs", add_btrfs, &numbers);
	return numbers.n;
}

/* The first one is known for certain */
static int devices_of_mounted_f2fs(const char *name, dev_t *devs, size_t max)
{
	dev_t first = *devs;
	int n = devices_of_f2fs(name, devs, max);

	if (n > 0)
		return n;
	*devs = first;
	return 1;
}

/* Does that mount lie on @name, or on a partition of it? */
static bool is_mount_of(struct libmnt_fs *fs, const char *name)
{
	const char *type = mnt_fs_get_fstype(fs);
	char mounted[NAME_SIZE], disk[NAME_SIZE];
	dev_t devs[DEVICES_MAX];
	int n = 0;

	devs[0] = mnt_fs_get_devno(fs);
	if (sysfs_name(devs[0], mounted))
		n = 1;
	if (n && type && !strcmp(type, "f2fs"))
		n = devices_of_mounted_f2fs(mounted, devs, DEVICES_MAX);
	else if (type && !strcmp(type, "btrfs") && mnt_fs_get_target(fs))
		n = devices_of_mounted_btrfs(fs, devs, DEVICES_MAX);
	for (int i = 0; i < n; i++) {
		if (!sysfs_name(devs[i], mounted))
			continue;
		sysfs_disk(mounted, disk);
		if (!strcmp(mounted, name) || !strcmp(disk, name))
			return true;
	}
	return false;
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

/* A file that is swapped to is found as one of its file system's devices */
static bool swaps_to(const char *path, const char *name)
{
	dev_t devs[DEVICES_MAX];
	char device[NAME_SIZE];
	struct stat st;
	int n = 0;

	if (stat(path, &st))
		return false;
	if (S_ISBLK(st.st_mode))
		devs[n++] = st.st_rdev;
	else
		n = devices_of_file(path, devs, DEVICES_MAX);
	for (int i = 0; i < n; i++)
		if (sysfs_name(devs[i], device) && sysfs_lies_on(device, name))
			return true;
	return false;
}

static void look_for_swap(const char *name, struct usage *usage)
{
	char line[4 * PATH_MAX + 128], path[PATH_MAX];
	FILE *swaps = fopen(proc_path("swaps", path, sizeof(path)), "re");

	while (swaps && fgets(line, sizeof(line), swaps))
		if (parse_swap(line, path, sizeof(path)) &&
		    swaps_to(path, name))
			usage->swap = true;
	if (swaps)
		fclose(swaps);
}

void device_usage(const char *name, struct usage *usage)
{
	struct libmnt_table *table = device_mounts();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;

	memset(usage, 0, sizeof(*usage));
	usage->read_only = sysfs_is(name, "ro", "1");
	while (table && iter && !mnt_table_next_fs(table, iter, &fs))
		if (is_mount_of(fs, name))
			note_mount(fs, usage);
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
