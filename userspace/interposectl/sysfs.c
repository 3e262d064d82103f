// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "parse.h"
#include "sysfs.h"

#define DEPTH_MAX	32

const char *sysfs_root = "/sys";

/*
 * Names and attributes
 */

static bool link_name(const char *path, char *name)
{
	char target[PATH_MAX], *slash;
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length < 0)
		return false;
	target[length] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, NAME_SIZE, "%s", slash ? slash + 1 : target);
	return true;
}

bool sysfs_name(dev_t dev, char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u", sysfs_root,
		 major(dev), minor(dev));
	return link_name(path, name);
}

static void attribute_path(char *path, const char *name, const char *attribute)
{
	snprintf(path, PATH_MAX, "%s/class/block/%s/%s", sysfs_root, name,
		 attribute);
}

bool sysfs_exists(const char *name, const char *attribute)
{
	char path[PATH_MAX];

	attribute_path(path, name, attribute);
	return !access(path, F_OK);
}

/* The first line of it */
bool sysfs_read(const char *name, const char *attribute, char *value,
		size_t size)
{
	char path[PATH_MAX];
	FILE *file;
	bool got;

	attribute_path(path, name, attribute);
	file = fopen(path, "re");
	if (!file)
		return false;
	got = fgets(value, size, file);
	fclose(file);
	if (got)
		value[strcspn(value, "\n")] = '\0';
	return got;
}

bool sysfs_is(const char *name, const char *attribute, const char *value)
{
	char got[64];

	return sysfs_read(name, attribute, got, sizeof(got)) &&
	       !strcmp(got, value);
}

bool sysfs_devno(const char *name, dev_t *dev)
{
	char value[WORD_MAX];

	return sysfs_read(name, "dev", value, sizeof(value)) &&
	       parse_devno(value, dev);
}

uint64_t sysfs_sectors(const char *name)
{
	char value[WORD_MAX];
	uint64_t sectors;

	if (!sysfs_read(name, "size", value, sizeof(value)) ||
	    !parse_number(value, &sectors))
		return 0;
	return sectors;
}

bool sysfs_is_partition(const char *name)
{
	return sysfs_exists(name, "partition");
}

/* interposeN, the disk beneath a hook */
bool sysfs_is_bypass(const char *name)
{
	size_t length = strlen("interpose");

	return !strncmp(name, "interpose", length) && name[length] &&
	       !name[length + strspn(name + length, "0123456789")];
}

bool sysfs_disk(const char *name, char *disk)
{
	char path[PATH_MAX], target[PATH_MAX], *slash;
	ssize_t length;

	if (!sysfs_is_partition(name)) {
		snprintf(disk, NAME_SIZE, "%s", name);
		return true;
	}
	snprintf(path, sizeof(path), "%s/class/block/%s", sysfs_root, name);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	slash = strrchr(target, '/'); /* …/sda/sda1 */
	if (!slash)
		return false;
	*slash = '\0';
	slash = strrchr(target, '/');
	snprintf(disk, NAME_SIZE, "%.*s", NAME_MAX, slash ? slash + 1 : target);
	return true;
}

static bool each_in(const char *path,
		    bool (*each)(const char *entry, void *data), void *data)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool stop = false;

	if (!dir)
		return false;
	while (!stop && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			stop = each(entry->d_name, data);
	closedir(dir);
	return stop;
}

bool sysfs_each(const char *name, const char *directory,
		bool (*each)(const char *entry, void *data), void *data)
{
	char path[PATH_MAX];

	attribute_path(path, name, directory);
	return each_in(path, each, data);
}

bool sysfs_each_in(const char *directory,
		   bool (*each)(const char *entry, void *data), void *data)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", sysfs_root, directory);
	return each_in(path, each, data);
}

/*
 * What lies on what
 *
 *   loop0 -- backing_file --> sdb1 -- partition of --> sdb
 *   dm-3  -- slaves --------> sda2
 */

static void real_file_device(const char *path, char *name)
{
	struct stat st;

	if (stat(path, &st) || !sysfs_name(st.st_dev, name))
		*name = '\0';
}

void (*sysfs_file_device)(const char *path, char *name) = real_file_device;

struct walk {
	const char *on;
	unsigned int depth;
};

static bool lies_on(const char *name, struct walk *walk);

static bool slave_lies_on(const char *entry, void *data)
{
	return lies_on(entry, data);
}

static bool backing_file_lies_on(const char *disk, struct walk *walk)
{
	char path[PATH_MAX], device[NAME_SIZE];

	if (!sysfs_read(disk, "loop/backing_file", path, sizeof(path)))
		return false;
	sysfs_file_device(path, device);
	return *device && lies_on(device, walk);
}

/* A circle cannot be, and is taken for a yes */
static bool lies_on(const char *name, struct walk *walk)
{
	char disk[NAME_SIZE], disk_of_on[NAME_SIZE];
	bool found;

	if (!strcmp(name, walk->on) || ++walk->depth > DEPTH_MAX)
		return true;
	found = sysfs_each(name, "slaves", slave_lies_on, walk);
	if (!found && sysfs_disk(name, disk)) {
		found = !strcmp(disk, walk->on) ||
			(strcmp(disk, name) &&
			 sysfs_each(disk, "slaves", slave_lies_on, walk)) ||
			backing_file_lies_on(disk, walk);
	}
	/* the whole disk has the partition in it */
	if (!found && sysfs_disk(walk->on, disk_of_on))
		found = !strcmp(name, disk_of_on);
	walk->depth--;
	return found;
}

bool sysfs_lies_on(const char *name, const char *on)
{
	struct walk walk = { .on = on };

	return lies_on(name, &walk);
}
