// SPDX-License-Identifier: GPL-2.0
/*
 * Looks at a snapshot of an interposed device and does what the policy says:
 *
 *	space_read() --> interpose_decide() --> a message
 *	                 (policy.c)             lvextend, interposectl snapshot --extend
 *	                                        dmsetup remove
 *
 * Nothing is kept in between but how full it was, so that another one can go on
 * where this one was killed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "monitor.h"
#include "space.h"

#define MIB_SECTORS 2048
#define RETRY_STEP 5
#define MIB(sectors) ((sectors) / MIB_SECTORS)

__attribute__((format(printf, 3, 4)))
static void say(const struct interpose_monitor *monitor, int level,
		const char *format, ...)
{
	char text[768];
	va_list arguments;
	int length;

	length = snprintf(text, sizeof(text), "snapshot %s ", monitor->name);
	va_start(arguments, format);
	vsnprintf(text + length, sizeof(text) - length, format, arguments);
	va_end(arguments);
	monitor->log(level, text);
}

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000ULL + time.tv_nsec / 1000000 + 1;
}

/**
 * monitor_init() - begins to watch
 * @monitor: what is to be filled in
 * @name: of the mapped device
 * @uuid: of the mapped device, or empty
 * @limits: what the administrator wants
 * @log: where messages go
 */
void monitor_init(struct interpose_monitor *monitor, const char *name,
		  const char *uuid, const struct interpose_limits *limits,
		  void (*log)(int level, const char *text))
{
	memset(monitor, 0, sizeof(*monitor));
	snprintf(monitor->name, sizeof(monitor->name), "%s", name);
	snprintf(monitor->uuid, sizeof(monitor->uuid), "%s", uuid);
	monitor->limits = *limits;
	monitor->log = log;
	monitor->program = INTERPOSECTL_COMMAND;
}

static int read_interposed(struct interpose_monitor *monitor,
			   struct snapshot_space *snap)
{
	int error = space_read(monitor->name, monitor->uuid, snap);

	if (!error && strncmp(snap->origin, "interpose", strlen("interpose")))
		return -EOPNOTSUPP;
	return error;
}

/**
 * monitor_check() - whether this is something to watch
 * @monitor: one that was begun
 *
 * Return: 0; -ENXIO if there is no such device; -EOPNOTSUPP if it is no snapshot
 * of an interposed device. It also is the first look, from which the next one
 * learns how fast the snapshot fills.
 */
int monitor_check(struct interpose_monitor *monitor)
{
	struct snapshot_space snap;
	int error = read_interposed(monitor, &snap);

	if (error)
		return error;
	monitor->used_before = snap.used;
	monitor->time_before_ms = now_ms();
	return 0;
}

static struct interpose_usage usage_now(struct interpose_monitor *monitor,
					const struct snapshot_space *snap)
{
	uint64_t now = now_ms();
	struct interpose_usage usage = {
		.used = snap->used,
		.total = snap->total,
		.used_before = monitor->used_before,
		.warned_percent = monitor->warned_percent,
		.most = snap->most,
		.invalid = snap->invalid,
		.in_use = snap->in_use,
	};

	if (monitor->time_before_ms)
		usage.elapsed_ms = now - monitor->time_before_ms;
	monitor->used_before = snap->used;
	monitor->time_before_ms = now;
	return usage;
}

/*
 * What LVM has left is asked for only where it matters: that takes a process. What a
 * file system has left, interposectl finds out, and @usage is as if it were enough.
 */
static struct interpose_decision decide(struct interpose_monitor *monitor,
					const struct snapshot_space *snap,
					struct interpose_usage *usage)
{
	struct interpose_decision decision;
	int error;

	if (!*snap->vg && !snap->settled)
		return interpose_decide(&monitor->limits, usage);
	usage->free = UINT64_MAX / 4;
	usage->extent = snap->settled ? MIB_SECTORS : 1;
	decision = interpose_decide(&monitor->limits, usage);
	if (decision.action != INTERPOSE_EXTEND || snap->settled)
		return decision;
	error = volume_group_space(snap->vg, &usage->free, &usage->extent);
	if (error) {
		say(monitor, MONITOR_ERR,
		    "is filling up, and the free space of volume group %s is unknown: %s",
		    snap->vg, strerror(-error));
		usage->free = usage->extent = 0;
	}
	return interpose_decide(&monitor->limits, usage);
}

__attribute__((format(printf, 2, 3)))
static bool may(const struct interpose_monitor *monitor, const char *format, ...)
{
	char command[512];
	va_list arguments;

	if (!monitor->step)
		return true;
	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	return monitor->step(command);
}

static void extend(struct interpose_monitor *monitor,
		   const struct snapshot_space *snap,
		   const struct interpose_decision *decision)
{
	char said[512] = "";
	int error;

	if (!may(monitor, "lvextend -L +%" PRIu64 "s %s/%s", decision->sectors,
		 snap->vg, snap->lv))
		return;
	error = volume_extend(snap->vg, snap->lv, decision->sectors, said,
			      sizeof(said));
	if (error) {
		said[strcspn(said, "\n")] = '\0';
		say(monitor, MONITOR_ERR,
		    "is %u %% full, and %s/%s cannot be extended: %s",
		    decision->percent, snap->vg, snap->lv,
		    *said ? said : strerror(-error));
		return;
	}
	monitor->warned_percent = 0;
	say(monitor, MONITOR_WARNING,
	    "is %u %% full: extended %s/%s by %" PRIu64 " MiB", decision->percent,
	    snap->vg, snap->lv, MIB(decision->sectors));
}

/* The last line, without what stands before each of interposectl's */
static const char *reason_of(char *said)
{
	static const char before[] = "interposectl: ";
	char *end = said + strlen(said), *line;

	while (end > said && end[-1] == '\n')
		*--end = '\0';
	line = strrchr(said, '\n') ? strrchr(said, '\n') + 1 : said;
	return strncmp(line, before, strlen(before)) ? line :
	       line + strlen(before);
}

/*
 * By as much as it needs, or, if there is not so much, by what there may be. Returns
 * false, and why, if it cannot be extended at all. Not every few seconds then: what is
 * refused may have written to the file system before.
 */
static bool grow(struct interpose_monitor *monitor,
		 const struct snapshot_space *snap,
		 const struct interpose_decision *decision, char *why, size_t size)
{
	uint64_t total = snap->total + decision->sectors;
	char said[1024] = "";
	int error;

	if (decision->percent < monitor->retry_percent)
		return false;
	if (!may(monitor, "interposectl snapshot --extend %s --size %" PRIu64,
		 monitor->name, total * 512))
		return true;
	error = store_extend(monitor->program, monitor->name, total, said,
			     sizeof(said));
	if (error)
		error = store_extend(monitor->program, monitor->name, 0, said,
				     sizeof(said));
	if (error) {
		monitor->retry_percent = decision->percent + RETRY_STEP;
		snprintf(why, size, ": %s", *said ? reason_of(said) :
			 strerror(-error));
		return false;
	}
	monitor->warned_percent = monitor->retry_percent = 0;
	say(monitor, MONITOR_WARNING, "is %u %% full: %s", decision->percent,
	    reason_of(said));
	return true;
}

static int drop(struct interpose_monitor *monitor,
		const struct snapshot_space *snap, unsigned int percent)
{
	int error;

	if (!snap->invalid)
		say(monitor, MONITOR_WARNING,
		    "is %u %% full and cannot be extended: removing it before it becomes invalid",
		    percent);
	else
		say(monitor, MONITOR_WARNING,
		    "ran full and is invalid: removing it%s",
		    snap->in_use ? " when it is closed" : "");
	if (!may(monitor, "dmsetup remove %s%s",
		 snap->invalid ? "--deferred " : "", monitor->name))
		return MONITOR_GOES_ON;
	/* one that is opened at the last moment stays, if it is of use */
	error = snapshot_remove(monitor->name, monitor->uuid, snap->invalid);
	if (error && error != -ENXIO) {
		say(monitor, MONITOR_ERR, "cannot be removed: %s",
		    strerror(-error));
		return MONITOR_GOES_ON;
	}
	if (*snap->vg)
		say(monitor, MONITOR_WARNING, "no longer needs the COW store %s/%s: remove or reuse that volume",
		    snap->vg, snap->lv);
	return MONITOR_GONE;
}

/**
 * monitor_once() - looks once, and does what has to be done
 * @monitor: one that was begun
 *
 * May take as long as LVM needs to extend a volume, or interposectl a COW store.
 *
 * Return: a value of enum monitor_result, or a negative errno.
 */
int monitor_once(struct interpose_monitor *monitor)
{
	struct interpose_decision decision;
	struct interpose_usage usage;
	struct snapshot_space snap;
	char why[512] = "";
	int error = read_interposed(monitor, &snap);

	if (error == -ENXIO)
		return MONITOR_GONE;
	if (error)
		return error;
	usage = usage_now(monitor, &snap);
	decision = decide(monitor, &snap, &usage);
	if (decision.action == INTERPOSE_EXTEND && snap.settled) {
		if (grow(monitor, &snap, &decision, why, sizeof(why)))
			return MONITOR_GOES_ON;
		usage.free = usage.extent = 0;
		decision = interpose_decide(&monitor->limits, &usage);
	}
	switch (decision.action) {
	case INTERPOSE_NOTHING:
		break;
	case INTERPOSE_WARN:
		monitor->warned_percent = decision.percent;
		say(monitor, MONITOR_WARNING,
		    "is %u %% full%s%s", decision.percent,
		    *snap.vg ? ", and its volume group has no free space" :
		    ", and its COW store cannot be extended", why);
		break;
	case INTERPOSE_EXTEND:
		extend(monitor, &snap, &decision);
		break;
	case INTERPOSE_DROP:
		return drop(monitor, &snap, decision.percent);
	}
	return MONITOR_GOES_ON;
}
