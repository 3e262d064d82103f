/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a COW store can be when nothing is said: the first of these that has room
 *
 *     the volume group with the most free space
 *     a file on the file system with the most free space, of which it takes a half at most
 *     a file on an origin itself, beneath its hook, or memory: whichever is larger
 *
 * The first two may not lie on an origin.
 */
#ifndef INTERPOSECTL_PLACE_H
#define INTERPOSECTL_PLACE_H

#include "cow.h"

struct place_request {
	uint64_t bytes;			/* for all of them */
	uint64_t memory;		/* that may be taken for all of them */
	const char *name;		/* of the snapshot */
	size_t n;			/* how many of them */
	enum lies (*reaches)(const char *name, const void *data, char *why,
			     size_t size);
	const struct device *(*beneath)(const char *directory, const void *data);
	const void *data;
};

/* Says which; false: there is none, and that has been said */
bool place_choose(const struct place_request *request,
		  struct cow_options *options);

#endif
