/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a file of an unmounted file system will lie once that is mounted. Only its
 * driver knows: what the journal holds counts, too, and is not yet in its place.
 *
 *     /dev/interposeN <-- snapshot <-- mounted read-only, by a process that is alone
 *                            |         with that: the journal is replayed there
 *                         memory, and only for what is written
 *
 * The mount proper reads the same journal, of the same device, and has the same
 * driver, so it comes to the same places: nothing is written to the device before,
 * which is held meanwhile, and what is written afterwards comes from that mount, or
 * from who checks it. That is why the journal has to be on the device itself.
 */
#ifndef INTERPOSECTL_REPLAY_H
#define INTERPOSECTL_REPLAY_H

#include "settled.h"
#include "state.h"

struct replay {
	const struct device *device;	/* with the file system, mounted or not */
	const char *beneath;		/* node beneath its hook */
	const char *name;		/* of the mapped device that shows it for a while */
	unsigned int limit;		/* seconds */
	struct record *record;
	bool hangs;			/* out: given up, and cannot be undone yet */
};

/* Is all of it on that device? False: it has been said why not, and what to do */
bool replay_suits(const struct device *device, const char *remedy);

/* The root of a file system that is mounted; -1: no mount shows all of it */
int replay_open_mounted(const struct device *device);

/*
 * A mapped device of that name, on which the journal can be replayed, and its end. How
 * to undo it is in the record. False: it has been said why
 */
bool replay_show(const struct replay *replay);
void replay_hide(const struct replay *replay);
/*
 * On state_dir, in a mount namespace of this process: nobody else sees it, and it goes
 * with this process, whatever ends that. False: errno
 */
bool replay_mount(const char *node, const char *type);

/* As settled_find() does it. False: it has been said why */
bool replay_find(struct replay *replay, struct settled *file);

#endif
