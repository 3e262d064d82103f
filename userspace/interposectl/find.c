// SPDX-License-Identifier: GPL-2.0
/*
 * Which device is meant by what somebody types:
 *
 *     UUID=, LABEL=, ... --> the one whose signature says so, now
 *     8:1 ----------------> that one
 *     vda1, vg0/home -----> /dev/..., a name of the kernel or of a mapped device
 *     a node, a link -----> its number
 *     a directory --------> the device of the file system there, by its number
 *
 * A word that means two devices is refused, not guessed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <blkid.h>
#include <libmount.h>

#include "device.h"
#include "map.h"
#include "names.h"
#include "parse.h"
#include "say.h"

bool device_of_number(dev_t dev, struct device *device)
{
	memset(device, 0, sizeof(*device));
	device->dev = dev;
	if (!sysfs_name(dev, device->name)) {
		complain("there is no block device %u:%u", major(dev),
			 minor(dev));
		return false;
	}
	device_node(device->name, device->path, sizeof(device->path));
	device_shown(device->name, device->shown, sizeof(device->shown));
	device->sectors = sysfs_sectors(device->name);
	return true;
}

/*
 * Tags
 */

struct search {
	const char *name;		/* of the value, for libblkid */
	const char *value;
	char decoded[256];
	bool partition;
	char found[DEVICES_MAX][NAME_SIZE];
	size_t n;
};

static const struct {
	const char *tag;
	const char *name;
	bool partition;
} tags[] = {
	{ "UUID=", "UUID", false },
	{ "LABEL=", "LABEL", false },
	{ "PARTUUID=", "PART_ENTRY_UUID", true },
	{ "PARTLABEL=", "PART_ENTRY_NAME", true },
};

static bool is_held(const char *entry, void *data)
{
	(void)data;
	return sysfs_is(entry, "dm/suspended", "1");
}

static bool holds_back(const char *entry, void *data)
{
	return sysfs_is_bypass(entry) &&
	       sysfs_each(entry, "holders", is_held, data);
}

/* Whoever reads from it now may wait for ever; @data: how deep it may be */
static bool is_suspended(const char *name, void *data)
{
	unsigned int depth = *(unsigned int *)data;
	char disk[NAME_SIZE];

	if (!depth || sysfs_is(name, "dm/suspended", "1"))
		return true;
	depth--;
	sysfs_disk(name, disk);
	return sysfs_each(name, "holders", holds_back, NULL) ||
	       sysfs_each(disk, "holders", holds_back, NULL) ||
	       sysfs_each(disk, "slaves", is_suspended, &depth);
}

static bool is_bypass(const char *entry, void *data)
{
	(void)data;
	return sysfs_is_bypass(entry);
}

/*
 * No copy of a device that is interposed is meant, and nothing beneath it. Who
 * has made one without our UUID, has made it of the disk beneath.
 */
static bool may_be_meant(const char *name)
{
	unsigned int depth = 16;
	char uuid[32];

	return !sysfs_is_bypass(name) && sysfs_sectors(name) &&
	       !sysfs_each(name, "slaves", is_bypass, NULL) &&
	       !(sysfs_read(name, "dm/uuid", uuid, sizeof(uuid)) &&
		 !strncmp(uuid, "INTERPOSE-", 10)) &&
	       !is_suspended(name, &depth);
}

static bool same(const struct search *search, const char *value)
{
	if (strstr(search->name, "UUID"))
		return !strcasecmp(value, search->value);
	return !strcmp(value, search->value) || !strcmp(value, search->decoded);
}

static bool has_tag(const char *path, const struct search *search)
{
	blkid_probe probe = blkid_new_probe_from_filename(path);
	const char *value;
	bool found;

	if (!probe)
		return false;
	blkid_probe_enable_superblocks(probe, !search->partition);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_UUID |
						 BLKID_SUBLKS_LABEL |
						 BLKID_SUBLKS_USAGE);
	if (!search->partition) {
		/* members of RAID and of volume groups all have the same */
		blkid_probe_filter_superblocks_usage(probe, BLKID_FLTR_NOTIN,
						     BLKID_USAGE_RAID);
	} else {
		blkid_probe_enable_partitions(probe, true);
		blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS);
	}
	found = !blkid_do_safeprobe(probe) &&
		!blkid_probe_lookup_value(probe, search->name, &value, NULL) &&
		same(search, value);
	blkid_free_probe(probe);
	return found;
}

static bool look_at(const char *name, void *data)
{
	struct search *search = data;
	char path[PATH_MAX];

	if (!may_be_meant(name))
		return false;
	device_node(name, path, sizeof(path));
	if (has_tag(path, search))
		snprintf(search->found[search->n++], NAME_SIZE, "%s", name);
	return search->n == DEVICES_MAX;
}

/* The paths of a multipath, and the like, are meant by what lies on them */
static void keep_the_upper(struct search *search)
{
	size_t n = 0;

	for (size_t i = 0; i < search->n; i++) {
		bool lower = false;

		for (size_t j = 0; j < search->n; j++)
			lower |= j != i &&
				 sysfs_lies_on(search->found[j], search->found[i]) &&
				 !sysfs_lies_on(search->found[i], search->found[j]);
		if (!lower)
			memmove(search->found[n++], search->found[i], NAME_SIZE);
	}
	search->n = n;
}

static bool find_tag(const char *argument, size_t tag, struct device *device)
{
	struct search search = {
		.name = tags[tag].name,
		.value = argument + strlen(tags[tag].tag),
		.partition = tags[tag].partition,
	};
	char plain[256], one[SHOWN_SIZE], two[SHOWN_SIZE];
	size_t length = strlen(search.value);
	dev_t dev;

	/* "my disk", as some write it in fstab */
	if (length > 1 && length < sizeof(plain) && strchr("\"'", *search.value) &&
	    search.value[length - 1] == *search.value) {
		snprintf(plain, length - 1, "%s", search.value + 1);
		search.value = plain;
	}
	name_decode(search.value, search.decoded, sizeof(search.decoded));
	if (*search.value)
		sysfs_each(".", ".", look_at, &search);
	keep_the_upper(&search);
	if (search.n > 1)
		complain("both %s and %s have %s; name one of them by its path",
			 device_shown(search.found[0], one, sizeof(one)),
			 device_shown(search.found[1], two, sizeof(two)), argument);
	else if (!search.n)
		complain("no block device has %s; blkid lists those that exist",
			 argument);
	return search.n == 1 && sysfs_devno(search.found[0], &dev) &&
	       device_of_number(dev, device);
}

/*
 * Directories
 */

/* Say why the device of a file system is unknown, and what to do */
static void complain_of_file_system(const char *path)
{
	struct libmnt_table *table = device_mounts();
	struct libmnt_fs *fs = NULL;
	const char *type, *options;
	char *upper = NULL;
	size_t size;

	if (table)
		fs = device_mount_of(table, path);
	type = fs ? mnt_fs_get_fstype(fs) : NULL;
	options = fs ? mnt_fs_get_fs_options(fs) : NULL;
	if (options && type && !strcmp(type, "overlay") &&
	    !mnt_optstr_get_option(options, "upperdir", &upper, &size))
		complain("%s is an overlay on other file systems (writes go to %.*s); name the device",
			 path, (int)size, upper);
	else if (type && (!strcmp(type, "bcachefs") || !strcmp(type, "f2fs")))
		complain("%s is on a file system (%s) that may be on several block devices; name the device",
			 path, type);
	else if (type)
		complain("%s is on a file system (%s) that is not on a single block device; name the device",
			 path, type);
	else
		complain("cannot determine which block device %s is on; name the device",
			 path);
	mnt_unref_table(table);
}

static bool find_directory(const char *path, struct device *device)
{
	char list[1024] = "", name[NAME_SIZE], shown[SHOWN_SIZE];
	dev_t devs[DEVICES_MAX];
	size_t length = 0;
	int n = devices_of_file(path, devs, DEVICES_MAX);

	if (n == 1)
		return device_of_number(devs[0], device);
	if (n < 1) {
		complain_of_file_system(path);
		return false;
	}
	for (int i = 0; i < n && length < sizeof(list); i++)
		if (sysfs_name(devs[i], name))
			length += snprintf(list + length, sizeof(list) - length,
					   "%s%s", i ? " " : "",
					   device_shown(name, shown, sizeof(shown)));
	complain("the file system of %s is on several devices (%s); name one of them, or all of them if the command takes several",
		 path, list);
	return false;
}

/*
 * Paths and words
 */

/* A node or a directory; 1: it is, 0: nothing is there, -1: said why not */
static int find_path(const char *path, struct device *device)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG)
			return 0;
		complain("%s: %s", path, strerror(errno));
		return -1;
	}
	if (S_ISBLK(st.st_mode))
		return device_of_number(st.st_rdev, device) ? 1 : -1;
	if (S_ISDIR(st.st_mode))
		return find_directory(path, device) ? 1 : -1;
	if (S_ISREG(st.st_mode))
		complain("%s is a file, not a block device; name a device, or a directory on it",
			 path);
	else
		complain("%s is not a block device", path);
	return -1;
}

struct map_search {
	const char *name;
	dev_t *dev;
};

/* Its name as it is, or what libdevmapper has written as "a\x20b" */
static bool is_map(const char *entry, void *data)
{
	struct map_search *search = data;
	char name[NAME_SIZE];

	return sysfs_read(entry, "dm/name", name, sizeof(name)) &&
	       name_is_same(name, search->name) &&
	       sysfs_devno(entry, search->dev);
}

/* "/dev/mapper/caf\xc3\xa9" is the node of one that is printed in UTF-8 */
static bool find_map(const char *path, dev_t *dev)
{
	struct map_search search = { map_name(path), dev };

	return search.name != path && !strchr(search.name, '/') &&
	       sysfs_each(".", ".", is_map, &search);
}

/* As it is, then with each of the ways to write what cannot be in a name */
static int find_spelling(const char *path, struct device *device)
{
	char other[PATH_MAX];
	int found = find_path(path, device);
	dev_t dev;

	if (!found && find_map(path, &dev))
		return device_of_number(dev, device) ? 1 : -1;

	if (!found && name_encode(path, other, sizeof(other)) &&
	    !strncmp(path, "/dev/", 5) && strcmp(path, other))
		found = find_path(other, device);
	if (!found && name_decode(path, other, sizeof(other)) &&
	    strcmp(path, other))
		found = find_path(other, device);
	return found;
}

/* "vda1", "cciss!c0d0", "vg0/home", and mapped devices, with nodes or without */
static bool find_in_dev(const char *word, dev_t *dev)
{
	static const char *const directories[] = { "/dev", "/dev/mapper" };
	char path[PATH_MAX], coded[PATH_MAX - 16];
	struct map_search search = { word, dev };
	struct stat st;

	if (strchr(word, '/') == word || !*word || *word == '.')
		return false;
	if (!strchr(word, '/') && sysfs_devno(word, dev))
		return true;
	if (!name_encode(word, coded, sizeof(coded)))
		return false;
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", directories[i / 2],
			 i % 2 ? coded : word);
		if (stat(path, &st) || !S_ISBLK(st.st_mode))
			continue;
		*dev = st.st_rdev;
		return true;
	}
	return !strchr(word, '/') && sysfs_each(".", ".", is_map, &search);
}

/* In the current directory there is something else of that name */
static bool is_also_here(const char *word, dev_t dev)
{
	dev_t devs[DEVICES_MAX];
	struct stat st;

	if (stat(word, &st))
		return false;
	if (S_ISBLK(st.st_mode))
		return st.st_rdev != dev;
	return S_ISDIR(st.st_mode) &&
	       (devices_of_file(word, devs, DEVICES_MAX) != 1 || *devs != dev);
}

static int find_word(const char *word, struct device *device)
{
	dev_t dev;

	if (!find_in_dev(word, &dev))
		return find_spelling(word, device);
	if (!device_of_number(dev, device))
		return -1;
	if (!is_also_here(word, dev))
		return 1;
	complain("%s is a device, and this directory has another %s; use %s or ./%s",
		 word, word, device->shown, word);
	return -1;
}

bool device_of_node(const char *path, struct device *device)
{
	int found = find_path(path, device);

	if (!found)
		complain("%s: %s", path, strerror(ENOENT));
	return found > 0;
}

int device_look(const char *argument, struct device *device)
{
	dev_t dev;

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
		if (!strncmp(argument, tags[i].tag, strlen(tags[i].tag)))
			return find_tag(argument, i, device) ? 1 : -1;
	if (parse_devno(argument, &dev))
		return device_of_number(dev, device) ? 1 : -1;
	return find_word(argument, device);
}

bool device_find(const char *argument, struct device *device)
{
	int found = device_look(argument, device);

	if (!found && *argument == '/')
		complain("%s: %s", argument, strerror(ENOENT));
	else if (!found)
		complain("there is no device '%s'; lsblk lists the devices",
			 argument);
	return found > 0;
}
