/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a file lies on its device: what the file system says, what of that can be
 * relied on, and the proof that it is so
 *
 *     FIEMAP --> check --> join --> lines of a table
 *                           |
 *       both ends of each are marked through the file system,
 *       and the marks are found at these places of the device
 */
#ifndef INTERPOSECTL_EXTENTS_H
#define INTERPOSECTL_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "map.h"

/* A table of more lines is slow, and takes much memory in the kernel */
#define EXTENTS_MOST	4096

struct extent {
	uint64_t logical, physical, length;	/* bytes */
	uint32_t flags;				/* FIEMAP_EXTENT_* */
};

struct extents {
	struct extent *v;
	size_t n;
};

/* What makes a file and its places known */
struct mark {
	unsigned char id[16];
	unsigned int unit;		/* bytes that are written and read at once */
};

/* What is written back for that; false: @why, "is ..." or "has ..." */
bool extents_read(int fd, uint64_t bytes, struct extents *extents, char *why,
		  size_t size);
/* However many there are, and without a check of what that is */
bool extents_read_all(int fd, struct extents *extents);
void extents_free(struct extents *extents);
/* In the place of what is in @to. False: no memory */
bool extents_copy(struct extents *to, const struct extent *v, size_t n);

/* That another file has the same places is no hindrance */
void extents_let_share(struct extents *extents);
/*
 * Each of the @bytes is in one place of a device of that size, for itself, and in
 * whole blocks. What goes beyond @bytes is cut off. False: @why, as above
 */
bool extents_check(struct extents *extents, uint64_t bytes, uint64_t device,
		   unsigned int block, char *why, size_t size);
/* Neighbours in the file that are also neighbours on the device are one */
void extents_join(struct extents *extents);
/* Only places count */
bool extents_same(const struct extents *one, const struct extents *other);
/* One behind the other, from a sector on; room for as many as there are extents */
void extents_pieces(const struct extents *extents, uint64_t from,
		    struct map_piece *pieces);
/* Do these have any place on the device in common? */
bool extents_overlap(const struct extents *extents,
		     const struct map_piece *pieces, size_t n);
/*
 * Adds what of them is free, by what the file system says of a place of that length.
 * False: no memory
 */
bool extents_add_free(struct extents *to, const struct extents *from,
		      uint64_t start, uint64_t length);
/* As they are in the file */
void extents_sort(struct extents *extents);
uint64_t extents_bytes(const struct extents *extents);
/* From the end, until it is so many bytes */
void extents_cut(struct extents *extents, uint64_t bytes);
bool extents_are(const struct extents *extents, const struct map_piece *pieces,
		 size_t n);

/* A mark for a place in the file, of mark->unit bytes */
void mark_fill(const struct mark *mark, uint64_t logical, unsigned char *block);

/* Through the file system, past its cache; errno if that fails */
bool extents_mark(int fd, const struct extents *extents,
		  const struct mark *mark);
/* On the device, past the cache; false: @why */
bool extents_prove(int fd, const struct extents *extents,
		   const struct mark *mark, char *why, size_t size);

#endif
