/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The block devices on which a file system lies, or the file of a loop device:
 * more than one for a btrfs, a journal elsewhere, or memory that is swapped out.
 * What the kernel does not tell is never guessed from a path.
 */
#ifndef INTERPOSECTL_BACKING_H
#define INTERPOSECTL_BACKING_H

#include "sysfs.h"

/* For sysfs_backing */
void backing_of_disk(const char *disk, struct backing *backing);
void backing_of_directory(const char *path, struct backing *backing);

/* All disks of an f2fs whose first one is @name, or none if it is the only one */
void backing_of_f2fs(const char *name, struct backing *backing);

#endif
