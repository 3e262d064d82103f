/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The moment of a snapshot: all origins suspended, all snapshots made, all
 * origins resumed.
 */
#ifndef INTERPOSECTL_INSTANT_H
#define INTERPOSECTL_INSTANT_H

#include "device.h"
#include "map.h"

struct origin {
	struct device device;
	char interposer[MAP_NAME_MAX];
	bool interposed;		/* already, by somebody else */
	char beneath[128];		/* node, or how a shell finds it */
	char snapshot[MAP_NAME_MAX];
	const char *space;		/* its --cow, or NULL */
	char cow[PATH_MAX];
	unsigned int chunk;		/* sectors */
};

/* False: some snapshots may be there, but no origin is suspended */
bool instant(struct origin *origins, size_t n);

#endif
