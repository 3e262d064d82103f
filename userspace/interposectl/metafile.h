/* SPDX-License-Identifier: GPL-2.0 */
/*
 * era's metadata in a file on another file system than the one whose changes it
 * records:
 *
 *     file <-- loop device <-- era
 *      |          |
 *    flock     goes with its last user: era, and until that is attached, this
 *              program. So it is never left behind, whoever is killed
 *
 * The lock is that of the file as the loop device has it open, and as long as that
 * is there.
 */
#ifndef INTERPOSECTL_METAFILE_H
#define INTERPOSECTL_METAFILE_H

#include "device.h"
#include "state.h"

struct metafile {
	char path[PATH_MAX];		/* or "" */
	char node[PATH_MAX];		/* of its loop device */
	int fd;				/* of that, or -1 */
};

/*
 * May what changes on @device be recorded in a file of that name, also after the
 * next boot? @path: it, without links in its directory. False: it has been said
 * why not.
 */
bool metafile_place(const struct device *device, const char *typed, char *path,
		    size_t size);
/* The file, if it is new, and its loop device. False: it has been said why not */
bool metafile_make(struct metafile *file, const char *path, uint64_t bytes,
		   struct record *record);
bool metafile_open(struct metafile *file, const char *path);
void metafile_close(struct metafile *file);

/*
 * Is that node a loop device that was made here? @path: its file, or "" if that has
 * another name now, or none any more.
 */
bool metafile_of(const char *node, char *path, size_t size);

#endif
