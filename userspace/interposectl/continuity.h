/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is anything missing from a series of era?
 *
 *     attach   the device as it is now  <--compare-->  as it was last known
 *              gap: the points from before it are refused from now on
 *     detach   as it is now, if nobody uses it, becomes as it was last known; the
 *              kernel counts what is written until the next reboot
 *     refresh  the same while it is attached, for what comes after a crash
 */
#ifndef INTERPOSECTL_CONTINUITY_H
#define INTERPOSECTL_CONTINUITY_H

#include <limits.h>

#include "device.h"
#include "series.h"
#include "stack.h"

struct continuity {
	bool tracked;			/* there is a series */
	char path[PATH_MAX];		/* of era's metadata */
	struct series series;
	int held;			/* the device: nobody mounts it meanwhile */
	int meta;			/* a loop device would go with the detach */
	uint64_t of_meta;		/* sectors that were written there, so far */
};

/* The device before an attach */
struct view_of_device {
	uint64_t sectors;
	bool in_use;
	unsigned char boot[SERIES_UUID];
	uint64_t diskseq;
	uint64_t written;
	struct witness witness;
};

/* Pure: may the series go on? False: @why not */
bool continuity_goes_on(const struct series *series,
			const struct view_of_device *now, char *why,
			size_t size);

/* @argv: of the inner target, with its name. A gap is complained of. */
void continuity_before_attach(struct continuity *c, const struct device *device,
			      int argc, char **argv);
void continuity_after_attach(struct continuity *c, const char *name);
void continuity_before_detach(struct continuity *c, const struct interposer *ip);
void continuity_after_detach(struct continuity *c, bool detached);
/* The metadata are on the device itself: what is written there counts, too */
void continuity_after_own_detach(struct continuity *c, bool detached);

/* The series of what is attached, and its metadata's node */
enum series_found continuity_series(const struct interposer *ip, char *path,
				    size_t size, struct series *series);
/* Was it attached by interposectl? False: @why that is not so */
bool continuity_holds(const struct series *series, const struct interposer *ip,
		      char *why, size_t size);
/*
 * @pinned: or about to be unpinned, and no more. False: it has been said why.
 * Without a series there is nothing to be done.
 */
bool continuity_refresh(const struct interposer *ip, bool pinned);
bool continuity_is_pinned(const struct interposer *ip);
/* That it is pinned is recorded as long as it is, and not longer */
bool continuity_unpin(const struct interposer *ip);

#endif
