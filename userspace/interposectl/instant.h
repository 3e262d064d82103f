/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The moment of a snapshot: all origins suspended, all snapshots made, all
 * origins resumed.
 */
#ifndef INTERPOSECTL_INSTANT_H
#define INTERPOSECTL_INSTANT_H

#include "device.h"
#include "map.h"
#include "settled.h"
#include "state.h"

#define ORIGINS_MAX	32

enum made {
	MADE_UNKNOWN,		/* who was to make it was killed, or hangs */
	MADE_NOTHING,
	MADE,
};

struct origin {
	struct device device;
	char interposer[MAP_NAME_MAX];
	bool interposed;		/* already, by somebody else */
	char map[NAME_SIZE];		/* then: the kernel's name of it */
	char beneath[128];		/* node, or how a shell finds it */
	char base[MAP_NAME_MAX];	/* under an era: what is the snapshot's origin */
	char table[512];		/* the era's with that, to be loaded, or "" */
	char point[64];			/* of its era at that moment, or "" */
	char snapshot[MAP_NAME_MAX];
	const char *space;		/* its --cow, or NULL */
	char cow[PATH_MAX];
	char store[PATH_MAX];		/* the COW store, for messages */
	struct settled file;		/* if it is one on an origin, else without a path */
	unsigned int chunk;		/* sectors */
	enum made made;			/* the snapshot; set by instant() */
};

enum outcome {
	INSTANT_DONE,
	INSTANT_FAILED,		/* some snapshots may be there */
	INSTANT_HANGS,		/* the same, and the record cannot be undone yet */
};

/*
 * What this has suspended is resumed after @limit seconds at the latest, whatever
 * happens; see instant.c. At most ORIGINS_MAX of them.
 */
enum outcome instant(struct origin *origins, size_t n, unsigned int limit,
		     struct record *record);

#endif
