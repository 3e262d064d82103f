/* SPDX-License-Identifier: GPL-2.0 */
/*
 * era's metadata in a file on the device itself whose changes it records, for machines
 * with one disk:
 *
 *        file system                 NAME, the interposer: era
 *             |                         | data       | metadata
 *     /dev/sda1: hook ------------------+            |
 *     - - - - - - - - - - - - - - - - - | - - - -    |
 *     /dev/interposeN, beneath it <-----+      NAME-era: linear, over the blocks
 *             ^                                 of a settled file on sda1
 *             +--------------------------------------+
 *
 * Beneath the hook: to record a write is no write to be recorded.
 *
 * Attached is linear at first, for there must be something beneath the hook before
 * anything can lie on it. Then era takes its place, in one resume: the kernel suspends
 * the one, and resumes the other, or is back where it was. Between two ioctls nothing
 * is ever suspended, but if era cannot read or write what its table named; so the
 * record needs no line for that, and "era NAME" loads linear again and resumes it.
 */
#ifndef INTERPOSECTL_OWN_H
#define INTERPOSECTL_OWN_H

#include "say.h"
#include "settled.h"
#include "stack.h"

struct own {
	const struct device *device;
	const char *name;		/* of the interposer */
	bool pin;
	bool wipe;			/* begin a new series */
	unsigned int block;		/* sectors */
	unsigned int limit;		/* seconds */
	const char *uuid;		/* of the series that it must be, or NULL */
	char path[PATH_MAX];		/* of the file, in its file system */
	struct settled file;
	struct device meta;		/* NAME-era */
};

/* Is that the name of a file on the file system of the device itself? */
bool own_is_on(const struct device *device, const char *typed);

/*
 * In a new file of that name and so many @bytes, on a device that is mounted, or in one
 * that has held its record before. How to undo it is in the record, and in a failure
 * it is undone.
 */
enum status own_begin(struct own *own, const char *typed, uint64_t bytes,
		      struct record *record);
/* As it was before a reboot: @own->path */
enum status own_start(struct own *own);

/* Is its metadata such a file? Or is that the node of one? */
bool own_is_used(const struct interposer *ip);
bool own_is_meta(const char *node);
bool own_is_store(dev_t dev);
/* Does what that is the node of lie in that file? Another one may have its name by now */
bool own_lies_in(const char *node, const char *path);
/*
 * Is that file still where it is recorded? What is mounted must be the file system of
 * the attach: whoever has made another one there, or has repaired it, may have given
 * these blocks to other files. False: so it is, which has been said
 */
bool own_check(const struct interposer *ip, const char *path);
/* With all that belongs to it but the file, as detach() does it, after its checks */
enum status own_detach(const struct interposer *ip);
/* linear instead of it, also if it is so already. False: it has been said why */
bool own_release(const char *name);
/* How to undo what lies between the interposer and the file, if there is one */
bool own_note(struct record *record, const char *name);

/* Where that file of a device is now; false: it is not mounted there */
bool own_mounted_path(const struct device *device, const char *path, char *out,
		      size_t size);

/* Pure: a path below a mount, as one from the root of its file system, and back */
bool own_path_within(const char *root, const char *target, const char *path,
		     char *out, size_t size);
bool own_path_below(const char *root, const char *target, const char *path,
		    char *out, size_t size);

#endif
