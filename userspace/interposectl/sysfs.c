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
const char *proc_root = "/proc";

char *proc_path(const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", proc_root, name);
	return path;
}

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

unsigned int sysfs_block_size(const char *name)
{
	char disk[NAME_SIZE], value[WORD_MAX];
	uint64_t bytes;

	if (!sysfs_disk(name, disk) ||
	    !sysfs_read(disk, "queue/logical_block_size", value,
			sizeof(value)) ||
	    !parse_number(value, &bytes) || bytes < 512 || bytes > 1 << 20)
		return 512;
	return bytes;
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
 *   loop0 -- sysfs_backing --> sdb1 -- partition of --> sdb
 *   dm-3  -- slaves ---------> sda2
 */

static void nothing_beneath(const char *disk, struct backing *backing)
{
	(void)disk;
	(void)backing;
}

void (*sysfs_backing)(const char *disk, struct backing *backing) =
	nothing_beneath;

struct walk {
	const char *on;
	unsigned int depth;
	bool found;
	char *why;			/* of the first that cannot be told */
	size_t size;
};

static void walk_from(const char *name, struct walk *walk);

static bool walk_slave(const char *entry, void *data)
{
	struct walk *walk = data;

	walk_from(entry, walk);
	return walk->found;
}

/* A program, another machine or a pool has its data, and sysfs not where */
static bool is_opaque(const char *disk)
{
	static const char *const drivers[] = { "nbd", "ublkb", "drbd", "zd" };

	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
		const char *number = disk + strlen(drivers[i]);

		if (!strncmp(disk, drivers[i], strlen(drivers[i])) &&
		    *number && !number[strspn(number, "0123456789")])
			return true;
	}
	return false;
}

static void note_unknown(struct walk *walk, const char *name, const char *what)
{
	if (walk->size && !*walk->why)
		snprintf(walk->why, walk->size, "%s %s", name, what);
}

static void walk_backing(const char *disk, struct walk *walk)
{
	struct backing *backing = calloc(1, sizeof(*backing));

	if (!backing) {
		note_unknown(walk, disk, "cannot be examined");
		return;
	}
	sysfs_backing(disk, backing);
	for (size_t i = 0; i < backing->n && !walk->found; i++)
		walk_from(backing->names[i], walk);
	if (*backing->unknown)
		note_unknown(walk, disk, backing->unknown);
	free(backing);
}

/* Nothing is so deep but a loop, which counts as found */
static void walk_from(const char *name, struct walk *walk)
{
	char disk[NAME_SIZE], disk_of_on[NAME_SIZE];

	if (!strcmp(name, walk->on) || ++walk->depth > DEPTH_MAX) {
		walk->found = true;
		return;
	}
	sysfs_each(name, "slaves", walk_slave, walk);
	if (!walk->found && sysfs_disk(name, disk)) {
		walk->found = !strcmp(disk, walk->on);
		if (!walk->found && strcmp(disk, name))
			sysfs_each(disk, "slaves", walk_slave, walk);
		if (!walk->found)
			walk_backing(disk, walk);
		if (!walk->found && is_opaque(disk))
			note_unknown(walk, disk, "keeps its data on an unknown disk");
	}
	/* the whole disk has the partition in it */
	if (!walk->found && sysfs_disk(walk->on, disk_of_on))
		walk->found = !strcmp(name, disk_of_on);
	walk->depth--;
}

enum lies sysfs_where(const char *name, const char *on, char *why, size_t size)
{
	char reason[512] = "";
	struct walk walk = { .on = on, .why = reason, .size = sizeof(reason) };

	walk_from(name, &walk);
	snprintf(why, size, "%s", walk.found ? "" : reason);
	return walk.found ? LIES_ON : *reason ? LIES_UNKNOWN : LIES_NOT;
}

bool sysfs_lies_on(const char *name, const char *on)
{
	char why[8];

	return sysfs_where(name, on, why, sizeof(why)) == LIES_ON;
}
