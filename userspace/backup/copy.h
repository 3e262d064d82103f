/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The data: several workers, each with a piece of its own in flight
 *
 *     copy_in       source --> checksum --> image
 *     copy_out      source --> checksum --> pipe
 *     copy_from                 pipe -----> checksum --> image
 *     copy_check    image ---> checksum, the same as in the manifest?
 */
#ifndef BACKUP_COPY_H
#define BACKUP_COPY_H

#include "image.h"
#include "manifest.h"
#include "parse.h"

enum progress_kind { PROGRESS_BAR, PROGRESS_JSON, PROGRESS_NONE };

extern enum progress_kind progress_kind;
/* Bytes a second that are read, 0: as many as there are */
extern uint64_t copy_limit;
/* Reads give way to those of all others */
extern bool copy_idle;

/* The calling thread reads as is asked. Returns why it cannot, or NULL */
const char *copy_priority(void);

/* False: no memory */
bool ranges_add(struct ranges *ranges, uint64_t start, uint64_t length);
/* Rounded to clusters, sorted, none twice, and within @size. False: no memory */
bool ranges_align(struct ranges *ranges, uint64_t size);
/* The same without the rounding, and with any size */
bool ranges_merge(struct ranges *ranges);
/* As pieces, without sums */
bool ranges_cut(const struct ranges *ranges, uint64_t size,
		struct extents *pieces);

/*
 * All @pieces of @fd, whose sums are filled in. @over: the image has a backing
 * file, so zeroes are written, too. False: it has been said why.
 */
bool copy_in(int fd, const char *what, struct extents *pieces,
	     const char *file, bool over, enum access access);
/* The same to somebody else, who has the list of @pieces */
bool copy_out(int fd, const char *what, struct extents *pieces, int to);
/* And there, from the pipe @from */
bool copy_from(int from, struct extents *pieces, const char *file, bool over,
	       enum access access);
/* What differs is said, as much as there is room for a patient reader */
bool copy_check(const char *file, const struct extents *pieces);
/* The sums of @pieces, from the image */
bool copy_sum(const char *file, struct extents *pieces);
/* Ranges with zeroes, of one piece as it is in the manifest, become one extent */
bool extents_compact(struct extents *extents);

#endif
