/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What sysfs tells of block devices: names, attributes, what lies on what. A
 * device is named as the kernel does, "sda1" or "dm-3".
 */
#ifndef INTERPOSECTL_SYSFS_H
#define INTERPOSECTL_SYSFS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NAME_SIZE	(NAME_MAX + 1)

/* "/sys" and "/proc", but for unit tests */
extern const char *sysfs_root, *proc_root;

/* The path of @name below proc_root */
char *proc_path(const char *name, char *path, size_t size);

#define BACKING_MAX	64

/* What lies beneath a disk, or a file system, and is not in sysfs */
struct backing {
	char names[BACKING_MAX][NAME_SIZE];
	size_t n;
	char unknown[256];		/* "lies ...", if it cannot be determined */
};

/* For a loop device, for example; adds nothing if there is nothing */
extern void (*sysfs_backing)(const char *disk, struct backing *backing);

bool sysfs_name(dev_t dev, char *name);
bool sysfs_devno(const char *name, dev_t *dev);
bool sysfs_exists(const char *name, const char *attribute);
bool sysfs_read(const char *name, const char *attribute, char *value,
		size_t size);
bool sysfs_is(const char *name, const char *attribute, const char *value);
uint64_t sysfs_sectors(const char *name);

/* Bytes of a logical block */
unsigned int sysfs_block_size(const char *name);

/* The disk of a partition, or the disk itself */
bool sysfs_disk(const char *name, char *disk);
bool sysfs_is_partition(const char *name);
bool sysfs_is_bypass(const char *name);

/* What there is in a directory; @each returns true to stop, and so does this */
bool sysfs_each(const char *name, const char *directory,
		bool (*each)(const char *entry, void *data), void *data);
/* The same for a directory below the root */
bool sysfs_each_in(const char *directory,
		   bool (*each)(const char *entry, void *data), void *data);

enum lies { LIES_NOT, LIES_ON, LIES_UNKNOWN };

/*
 * Does what is written to @name come to @on in the end? @why, for LIES_UNKNOWN:
 * "loop0 lies on a file system of which ..."
 */
enum lies sysfs_where(const char *name, const char *on, char *why, size_t size);
/* It does for certain */
bool sysfs_lies_on(const char *name, const char *on);

#endif
