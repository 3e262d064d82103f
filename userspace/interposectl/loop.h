/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loop devices, known by their file
 */
#ifndef INTERPOSECTL_LOOP_H
#define INTERPOSECTL_LOOP_H

#include <stdbool.h>
#include <stddef.h>

#include "sysfs.h"

bool loop_attach(const char *file, int backing, char *node, size_t size);
/*
 * The same for a loop device that goes by itself with its last user, of which the
 * caller is the first one: @fd, or -1 if it was only printed. @mark: by which it is
 * told from those of others; at most 63 characters.
 */
bool loop_hold(const char *file, int backing, const char *mark, char *node,
	       size_t size, int *fd);

/* The loop device of a file, by device and inode */
bool loop_of_file(const char *path, char *name);
/* Of one with that mark: its file, or "" if that has another name now, or none */
bool loop_is_marked(const char *name, const char *mark, char *path, size_t size);
/* And with any: does it go as soon as nobody has it open? */
bool loop_goes(const char *name);

#endif
