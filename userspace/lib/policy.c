// SPDX-License-Identifier: GPL-2.0
/*
 * What to do about the space of a snapshot, from how full it is, how fast it
 * fills, and what there is to extend it with. No I/O, no memory, no clock.
 *
 *	lost already                          drop what is left of it
 *	filled, or full within the horizon:
 *	    it can grow                       extend
 *	    nearly full and nobody uses it    drop
 *	    filled                            warn, each 5 % once
 *	else                                  nothing
 *
 * A snapshot that is full becomes invalid, and its origin goes on without an
 * error. Until then each first write to a chunk of the origin waits for the
 * copy of the old data. Where the snapshot is going to be lost, those copies are
 * for nothing: so one that nobody has open is dropped before it is full. Who has
 * it open may yet come to the end of a backup, and an early end would not help
 * the origin much: that one is left until it is invalid.
 */
#include "policy.h"

#define WARN_STEP 5

/* a * b / c, at most UINT64_MAX; c is not 0 */
static uint64_t scale(uint64_t a, uint64_t b, uint64_t c)
{
	unsigned __int128 product = (unsigned __int128)a * b / c;

	return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static unsigned int percent_used(const struct interpose_usage *usage)
{
	if (usage->used >= usage->total)
		return 100;
	return scale(usage->used, 100, usage->total);
}

/* What will be in use at the horizon, if it goes on like this */
static uint64_t expected(const struct interpose_limits *limits,
			 const struct interpose_usage *usage)
{
	uint64_t more;

	if (!usage->elapsed_ms || usage->used <= usage->used_before)
		return usage->used;
	more = scale(usage->used - usage->used_before, limits->horizon_ms,
		     usage->elapsed_ms);
	return min(add(usage->used, more), max(usage->most, usage->used));
}

/* Nothing is left of it at the next look, if that comes after as long a time */
static bool full_soon(const struct interpose_usage *usage)
{
	uint64_t left = usage->total - min(usage->used, usage->total);

	return usage->elapsed_ms && usage->used > usage->used_before &&
	       usage->used - usage->used_before >= left;
}

/* By how much to extend; 0 if that is not possible */
static uint64_t extension(const struct interpose_limits *limits,
			  const struct interpose_usage *usage, uint64_t want)
{
	uint64_t step, target, room;

	if (!usage->extent || usage->most <= usage->total)
		return 0;
	step = add(usage->total, scale(usage->total, limits->step_percent, 100));
	/* below the mark at the horizon: else it would be extended again then */
	target = max(step, add(scale(want, 100, limits->warn_percent), 1));
	target = min(target, usage->most);
	room = usage->free - usage->free % usage->extent;
	target = add(target - usage->total, usage->extent - 1);
	return min(target - target % usage->extent, room);
}

/**
 * interpose_step() - by how much to extend when somebody asks for it
 * @limits: what the administrator wants
 * @usage: how things stand
 *
 * Return: sectors, a multiple of the extent; 0 if it cannot be extended, or need
 * not be.
 */
uint64_t interpose_step(const struct interpose_limits *limits,
			const struct interpose_usage *usage)
{
	return extension(limits, usage, usage->used);
}

/**
 * interpose_decide() - what to do about the space of a snapshot
 * @limits: what the administrator wants
 * @usage: how things stand
 *
 * Return: the decision. The same arguments always give the same one.
 */
struct interpose_decision
interpose_decide(const struct interpose_limits *limits,
		 const struct interpose_usage *usage)
{
	struct interpose_decision decision = { INTERPOSE_NOTHING, 0, 0 };
	uint64_t want = expected(limits, usage);

	decision.percent = percent_used(usage);
	if (usage->invalid) {
		decision.action = INTERPOSE_DROP;
		return decision;
	}
	if (decision.percent < limits->warn_percent && want < usage->total)
		return decision;
	decision.sectors = extension(limits, usage, want);
	if (decision.sectors)
		decision.action = INTERPOSE_EXTEND;
	else if (usage->total >= usage->most || /* holds all that can come */
		 decision.percent < limits->warn_percent)
		return decision;
	else if (limits->drop_percent <= 100 && !usage->in_use &&
		 (decision.percent >= limits->drop_percent || full_soon(usage)))
		decision.action = INTERPOSE_DROP;
	else if (!usage->warned_percent ||
		 decision.percent >= usage->warned_percent + WARN_STEP)
		decision.action = INTERPOSE_WARN;
	return decision;
}
