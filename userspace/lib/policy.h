/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What to do about the space of a snapshot: a pure function. See policy.c.
 */
#ifndef INTERPOSE_POLICY_H
#define INTERPOSE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct interpose_limits - what the administrator wants
 * @warn_percent: warn, and extend, from this fill on; 1 to 100
 * @drop_percent: drop an unused snapshot that cannot be extended from this fill
 *	on; more than 100: never
 * @step_percent: extend by at least this part of the present size
 * @horizon_ms: look so far ahead, and extend before it is full by then
 */
struct interpose_limits {
	unsigned int warn_percent;
	unsigned int drop_percent;
	unsigned int step_percent;
	uint64_t horizon_ms;
};

#define INTERPOSE_LIMITS_DEFAULT \
	{ .warn_percent = 80, .drop_percent = 95, .step_percent = 20, \
	  .horizon_ms = 20000 }

/**
 * struct interpose_usage - how things stand; all sizes in sectors
 * @used: taken of the copy-on-write space
 * @total: its size
 * @used_before: @used at the last look
 * @elapsed_ms: time since then; 0 if this is the first look
 * @warned_percent: fill of which was warned last; 0 if never
 * @most: the size beyond which no snapshot of this origin needs anything
 * @free: what the volume group has left; 0 if the space is no logical volume
 * @extent: a logical volume grows by multiples of this; not 0 if @free is not
 * @invalid: the snapshot is lost already
 * @in_use: the snapshot is open, for example mounted
 */
struct interpose_usage {
	uint64_t used;
	uint64_t total;
	uint64_t used_before;
	uint64_t elapsed_ms;
	unsigned int warned_percent;
	uint64_t most;
	uint64_t free;
	uint64_t extent;
	bool invalid;
	bool in_use;
};

enum interpose_action {
	INTERPOSE_NOTHING,
	INTERPOSE_WARN,
	INTERPOSE_EXTEND,
	INTERPOSE_DROP,
};

/**
 * struct interpose_decision - what to do
 * @action: one thing
 * @sectors: INTERPOSE_EXTEND: by so many, a multiple of the extent
 * @percent: how full it is, rounded down
 */
struct interpose_decision {
	enum interpose_action action;
	uint64_t sectors;
	unsigned int percent;
};

struct interpose_decision
interpose_decide(const struct interpose_limits *limits,
		 const struct interpose_usage *usage);

/* By how much to extend by hand; 0 if that is not possible */
uint64_t interpose_step(const struct interpose_limits *limits,
			const struct interpose_usage *usage);

#endif
