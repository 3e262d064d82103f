/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a backup and its receiver say to each other, which may be on another machine:
 *
 *     receive                              backup --to ssh://HOST/DIR
 *       hello: the backups in DIR   ----->
 *                                   <----- begin: the manifest, without the sums
 *                                   <----- a frame for each extent, in any order
 *       stored                      ----->
 *
 * A message is JSON behind its length. Whoever hears the end of the other before all
 * of it was said, undoes what it has done.
 */
#ifndef BACKUP_PIPE_H
#define BACKUP_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "manifest.h"

struct json_object;

#define PIPE_VERSION	1

/* Before the data of an extent of the manifest; in little-endian */
struct frame {
	uint32_t magic;
	uint32_t zero;			/* then no data follow */
	uint64_t index;			/* of the extent */
	unsigned char sum[SUM_SIZE];
};

#define FRAME_MAGIC	0x31465042	/* "BPF1" */

/* They end early when this program is interrupted. False: errno, or 0 at the end */
bool pipe_write(int fd, const void *data, size_t n);
bool pipe_read(int fd, void *data, size_t n);
bool pipe_prepare(int fd);

/* @text: JSON, all of it */
bool pipe_say(int fd, const char *text, size_t n);
/* To be put; NULL: not understood, or the end */
struct json_object *pipe_hear(int fd);

#endif
