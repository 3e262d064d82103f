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

extern const char *sysfs_root;		/* "/sys", but for unit tests */

/* On which device does the file system of that file lie? "" if on none */
extern void (*sysfs_file_device)(const char *path, char *name);

bool sysfs_name(dev_t dev, char *name);
bool sysfs_devno(const char *name, dev_t *dev);
bool sysfs_exists(const char *name, const char *attribute);
bool sysfs_read(const char *name, const char *attribute, char *value,
		size_t size);
bool sysfs_is(const char *name, const char *attribute, const char *value);
uint64_t sysfs_sectors(const char *name);

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

/* Does what is written to @name come to @on in the end? */
bool sysfs_lies_on(const char *name, const char *on);

#endif
