/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device that an argument means: a node, or where its file system is
 * mounted. And who uses it.
 */
#ifndef INTERPOSECTL_DEVICE_H
#define INTERPOSECTL_DEVICE_H

#include "sysfs.h"

struct device {
	char path[PATH_MAX];		/* to be named in a table */
	char name[NAME_SIZE];		/* the kernel's */
	dev_t dev;
	uint64_t sectors;
};

struct usage {
	char mountpoint[PATH_MAX];	/* one of them, or "" */
	char fstype[64];
	bool root;
	bool read_only;
	bool swap;
};

/* False: it has been said why */
bool device_find(const char *argument, struct device *device);
bool device_of_node(const char *path, struct device *device);
/* The name of the device on which the file system of a file lies, or "" */
void device_of_file(const char *path, char *name);
void device_usage(const char *name, struct usage *usage);
/* Opened by nobody who claims it, such as a file system or a mapped device */
bool device_is_free(const char *path);
/* "sda1", also for cciss/c0d0p1 */
void device_word(const struct device *device, char *word, size_t size);
/* What libblkid finds: "ext4", "LVM2_member", "" */
void device_signature(const char *path, char *type, size_t size);

#endif
