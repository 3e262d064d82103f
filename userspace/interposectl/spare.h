/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which places of a file no snapshot needs. What is written to a file beneath the hook
 * is not copied before, so a snapshot that was taken before the file was made
 * must have nothing there:
 *
 *     the moment of the snapshot       now
 *     |  a file  |    free    |        |  the new file of a COW store  |
 *      needed     spare                 not used    used
 *
 * The file system of the moment says what was free, by a mount that nobody else sees: of
 * a snapshot of the snapshot in memory, since its journal is replayed, and orphans are
 * removed, where somebody else reads or may read. It lies on a read-only loop device,
 * for the snapshot may be mounted.
 */
#ifndef INTERPOSECTL_SPARE_H
#define INTERPOSECTL_SPARE_H

#include "settled.h"
#include "stack.h"
#include "state.h"

struct sparing {
	const struct stack *stack;
	const struct interposer *ip;	/* the hook beneath which the file is */
	uint64_t unit;			/* bytes: the sum is a multiple of it */
	unsigned int limit;		/* seconds, for each snapshot */
	struct record *record;
	bool hangs;			/* out: a process was killed, and is still there */
};

/*
 * Sets file->spare, once the places of the file are proved. False: it has been said
 * why
 */
bool spare_find(struct settled *file, struct sparing *sparing);

#endif
