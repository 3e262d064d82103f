// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "reach.h"
#include "stack.h"

#define DEPTH_MAX	8

struct reach {
	const char *const *devices;
	size_t n;
	const struct stack *stack;
	const char *beneath;	/* what is written to beneath its own hook, or NULL */
	enum lies lies;
	char why[512];
};

/* A COW store beneath the hook of that device */
static bool is_store_on(const struct reach *reach, const char *name,
			const char *device)
{
	const struct interposer *ip = stack_of_device(reach->stack, device);
	char beneath[NAME_SIZE + 8], uuid[MAP_UUID_MAX];

	if (!ip || !*ip->beneath)
		return false;
	snprintf(beneath, sizeof(beneath), "slaves/%s", ip->beneath);
	return sysfs_exists(name, beneath) &&
	       sysfs_read(name, "dm/uuid", uuid, sizeof(uuid)) &&
	       map_is_of(MAP_STORE, uuid);
}

/* Are writes to @name beneath the hook of @device? */
static bool is_passed_by(const struct reach *reach, const char *name,
			 const char *device)
{
	if (reach->beneath && !strcmp(name, reach->beneath) &&
	    !strcmp(device, reach->beneath))
		return true;
	return is_store_on(reach, name, device);
}

/* LIES_ON is final, and LIES_UNKNOWN overrides LIES_NOT */
static void reach_devices(struct reach *reach, const char *name)
{
	char why[512];

	for (size_t i = 0; i < reach->n && reach->lies != LIES_ON; i++) {
		const char *device = reach->devices[i];
		enum lies lies = is_passed_by(reach, name, device) ? LIES_NOT :
				 sysfs_where(name, device, why, sizeof(why));

		if (lies == LIES_NOT)
			continue;
		reach->lies = lies;
		memcpy(reach->why, why, sizeof(why));
	}
}

/* The devices of its interposer: a mirror leg, for example, or metadata */
static void reach_interposer(struct reach *reach, const struct interposer *ip)
{
	char map[NAME_SIZE];

	if (sysfs_name(ip->map.dev, map))
		reach_devices(reach, map);
}

/* Also through a device that has a snapshot with its COW store there */
static void reach_from(struct reach *reach, const char *name,
		       unsigned int depth)
{
	const struct stack *stack = reach->stack;
	char cow[NAME_SIZE];

	reach_devices(reach, name);
	for (size_t i = 0; i < stack->n_interposers; i++)
		if (reach->lies != LIES_ON &&
		    !is_passed_by(reach, name, stack->interposers[i].device) &&
		    sysfs_lies_on(name, stack->interposers[i].device))
			reach_interposer(reach, &stack->interposers[i]);
	for (size_t i = 0; depth && i < stack->n_snapshots; i++) {
		const struct snapshot *snap = &stack->snapshots[i];
		const struct interposer *ip = stack_of_snapshot(stack, snap);

		if (reach->lies != LIES_ON && ip &&
		    !is_passed_by(reach, name, ip->device) &&
		    sysfs_lies_on(name, ip->device) &&
		    sysfs_name(snap->table.cow, cow))
			reach_from(reach, cow, depth - 1);
	}
}

enum lies reach(const char *name, const char *const *devices, size_t n,
		const char *beneath, char *why, size_t size)
{
	struct reach from = { .devices = devices, .n = n, .beneath = beneath };
	struct stack stack;

	if (!stack_read(&stack)) {
		snprintf(why, size, "cannot list the mapped devices, so the location of %s is unknown",
			 name);
		return LIES_UNKNOWN;
	}
	from.stack = &stack;
	reach_from(&from, name, DEPTH_MAX);
	stack_free(&stack);
	snprintf(why, size, "%s", from.why);
	return from.lies;
}
