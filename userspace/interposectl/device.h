/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device that an argument means, and who uses it.
 *
 *     vda1  /dev/...  8:1  UUID=...  /home  ./mail --> device_find --> dev_t
 *
 * From there on it is meant by its number; names are for people.
 */
#ifndef INTERPOSECTL_DEVICE_H
#define INTERPOSECTL_DEVICE_H

#include "sysfs.h"

struct libmnt_table;

#define SHOWN_SIZE	(4 * NAME_SIZE)

struct device {
	char path[PATH_MAX];		/* to be named in a table: no blank is in it */
	char name[NAME_SIZE];		/* the kernel's */
	char shown[SHOWN_SIZE];		/* for messages */
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

/*
 * What an administrator types, in any of its spellings:
 *   vda1, dm-3, cciss!c0d0, vg0/home, a mapped device's name,
 *   any node or link in /dev, also with a blank for \x20, 8:1,
 *   UUID= LABEL= PARTUUID= PARTLABEL=,
 *   a mount point or anything below one.
 * False: it has been said why.
 */
bool device_find(const char *argument, struct device *device);
/* 1: found, 0: there is none, and nothing has been said, -1: said why not */
int device_look(const char *argument, struct device *device);
/* One that is known by its number */
bool device_of_number(dev_t dev, struct device *device);
bool device_of_node(const char *path, struct device *device);

/* "/dev/sda1", "/dev/mapper/vg0-home": so it is printed, always */
char *device_shown(const char *name, char *out, size_t size);
/* The same without "/dev/" and "/dev/mapper/", for columns */
char *device_column(const char *name, char *out, size_t size);
/* A node of it, which is there: "/dev/sda1", "/dev/dm-3", or its number */
void device_node(const char *name, char *path, size_t size);
/* As a part of the name of a mapped device; see name_word() */
void device_word(const struct device *device, char *word, size_t size);

#define DEVICES_MAX	64

/*
 * The devices on which the file system of a file lies: none, one, or, for a
 * btrfs or f2fs, several. -1: it has some, and does not tell which.
 */
int devices_of_file(const char *path, dev_t *devs, size_t max);
/* The mount table of this process, and the mount in it that a file is in */
struct libmnt_table *device_mounts(void);
struct libmnt_fs *device_mount_of(struct libmnt_table *table, const char *path);
void device_usage(const char *name, struct usage *usage);
/* Opened by nobody who claims it, such as a file system or a mapped device */
bool device_is_free(const char *path);
/* What libblkid finds: "ext4", "LVM2_member", "" */
void device_signature(const char *path, char *type, size_t size);

#endif
