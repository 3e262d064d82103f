// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "device.h"
#include "names.h"
#include "say.h"
#include "stack.h"

/*
 * Reading it
 */

static bool name_of_bypass(const char *entry, void *data)
{
	if (!sysfs_is_bypass(entry))
		return false;
	snprintf(data, NAME_SIZE, "%s", entry);
	return true;
}

/* The status of a suspended era would wait for the resume */
static void read_status(struct interposer *ip)
{
	if (ip->map.suspended && !strcmp(ip->table.inner, "era"))
		return;
	ip->has_status = map_status_of(ip->map.dev, &ip->status_line) &&
		!strcmp(ip->status_line.type, "interpose") &&
		parse_interpose_status(ip->status_line.params, &ip->status);
}

static const char *number_text(dev_t dev, char *text, size_t size)
{
	snprintf(text, size, "%u:%u", major(dev), minor(dev));
	return text;
}

static void read_interposer(struct interposer *ip)
{
	dev_t dev = ip->table.device;

	if (sysfs_name(dev, ip->device))
		device_shown(ip->device, ip->shown, sizeof(ip->shown));
	else /* it is gone, and has no name any more */
		snprintf(ip->shown, sizeof(ip->shown), "%s",
			 number_text(dev, ip->device, sizeof(ip->device)));
	read_status(ip);
	if (ip->has_status)
		snprintf(ip->beneath, sizeof(ip->beneath), "%s",
			 ip->status.beneath);
	else
		sysfs_each(ip->device, "holders", name_of_bypass, ip->beneath);
	sysfs_devno(ip->beneath, &ip->beneath_dev);
}

static bool add_interposer(struct stack *stack, struct map_info *info,
			   struct map_line *line)
{
	struct interposer *more, *ip;

	more = realloc(stack->interposers,
		       (stack->n_interposers + 1) * sizeof(*more));
	if (!more)
		return false;
	stack->interposers = more;
	ip = &more[stack->n_interposers];
	memset(ip, 0, sizeof(*ip));
	ip->map = *info;
	if (!parse_interpose_table(line->params, &ip->table))
		return false;
	ip->table_line = *line;
	stack->n_interposers++;
	read_interposer(ip);
	return true;
}

static void add_snapshot(struct stack *stack, struct map_info *info,
			 const struct map_line *line)
{
	struct snapshot *more, *snap;
	struct map_line status;

	more = realloc(stack->snapshots,
		       (stack->n_snapshots + 1) * sizeof(*more));
	if (!more)
		return;
	stack->snapshots = more;
	snap = &more[stack->n_snapshots];
	memset(snap, 0, sizeof(*snap));
	snap->map = *info;
	snap->sectors = line->length;
	if (!parse_snapshot_table(line->params, &snap->table))
		return;
	stack->n_snapshots++;
	if (map_status_of(info->dev, &status))
		parse_snapshot_status(status.params, &snap->status);
	map_line_free(&status);
}

static bool add_map(const char *name, dev_t dev, void *data)
{
	struct map_info info;
	struct map_line line;

	if (!map_info_of(dev, name, &info) || !map_table_of(dev, &line))
		return false;
	if (!strcmp(line.type, "interpose") &&
	    add_interposer(data, &info, &line))
		return false;
	if (!strcmp(line.type, "snapshot"))
		add_snapshot(data, &info, &line);
	map_line_free(&line);
	return false;
}

/* Pointers into a parsed line stay good, the structures themselves move */
bool stack_read(struct stack *stack)
{
	memset(stack, 0, sizeof(*stack));
	return !map_each(add_map, stack);
}

void stack_free(struct stack *stack)
{
	for (size_t i = 0; i < stack->n_interposers; i++) {
		map_line_free(&stack->interposers[i].table_line);
		map_line_free(&stack->interposers[i].status_line);
	}
	free(stack->interposers);
	free(stack->snapshots);
	memset(stack, 0, sizeof(*stack));
}

/*
 * Finding
 */

struct interposer *stack_of_map(const struct stack *stack, const char *name)
{
	for (size_t i = 0; i < stack->n_interposers; i++)
		if (!strcmp(stack->interposers[i].map.name, name))
			return &stack->interposers[i];
	return NULL;
}

struct interposer *stack_of_device(const struct stack *stack, const char *name)
{
	for (size_t i = 0; i < stack->n_interposers; i++)
		if (!strcmp(stack->interposers[i].device, name))
			return &stack->interposers[i];
	return NULL;
}

struct interposer *stack_overlaps(const struct stack *stack, const char *name)
{
	char disk[NAME_SIZE], other[NAME_SIZE];

	sysfs_disk(name, disk);
	for (size_t i = 0; i < stack->n_interposers; i++) {
		struct interposer *ip = &stack->interposers[i];

		sysfs_disk(ip->device, other);
		if (!strcmp(ip->device, name) || !strcmp(ip->device, disk) ||
		    !strcmp(other, name))
			return ip;
	}
	return NULL;
}

struct interposer *stack_of_snapshot(const struct stack *stack,
				     const struct snapshot *snap)
{
	for (size_t i = 0; i < stack->n_interposers; i++)
		if (stack->interposers[i].beneath_dev == snap->table.origin)
			return &stack->interposers[i];
	return NULL;
}

struct snapshot *stack_snapshot(const struct stack *stack, const char *name)
{
	for (size_t i = 0; i < stack->n_snapshots; i++)
		if (!strcmp(stack->snapshots[i].map.name, name))
			return &stack->snapshots[i];
	return NULL;
}

size_t stack_snapshots_of(const struct stack *stack,
			  const struct interposer *ip, char *names,
			  size_t size)
{
	size_t count = 0, n = 0;

	names[0] = '\0';
	for (size_t i = 0; i < stack->n_snapshots; i++) {
		const struct snapshot *snap = &stack->snapshots[i];

		if (snap->table.origin != ip->beneath_dev)
			continue;
		if (n < size)
			n += snprintf(names + n, size - n, "%s%s",
				      count ? " " : "", snap->map.name);
		count++;
	}
	return count;
}

const char *stack_state(const struct interposer *ip)
{
	if (ip->has_status)
		return ip->status.state;
	return ip->map.suspended ? "held" : "attached";
}

/* Of the name as it is, or as libdevmapper writes it: a blank is \x20 there */
static struct interposer *of_name(const struct stack *stack, const char *name)
{
	struct interposer *ip = stack_of_map(stack, name);

	for (size_t i = 0; !ip && i < stack->n_interposers; i++)
		if (name_is_same(stack->interposers[i].map.name, name))
			ip = &stack->interposers[i];
	return ip;
}

/* By any of its three devices: above, the mapped one, beneath */
static struct interposer *of_number(const struct stack *stack, dev_t dev)
{
	for (size_t i = 0; i < stack->n_interposers; i++) {
		struct interposer *ip = &stack->interposers[i];

		if (ip->table.device == dev || ip->map.dev == dev ||
		    (ip->beneath_dev && ip->beneath_dev == dev))
			return ip;
	}
	return NULL;
}

/* By its own name or by its device; NULL: it has been said why */
struct interposer *stack_find(const struct stack *stack, const char *argument)
{
	struct interposer *ip = of_name(stack, argument), *other;
	struct device device;
	int found;

	if (ip) {
		other = stack_of_device(stack, argument);
		if (!other || other == ip)
			return ip;
		complain("%s is the name of an interposer, and also of a device that %s interposes; use /dev/mapper/%s or %s",
			 argument, other->map.name, argument, other->shown);
		return NULL;
	}
	found = device_look(argument, &device);
	if (!found)
		complain("there is no interposer or device '%s'; interposectl list lists the interposed devices",
			 argument);
	if (found <= 0)
		return NULL;
	ip = of_number(stack, device.dev);
	if (ip)
		return ip;
	other = stack_overlaps(stack, device.name);
	if (other)
		complain("%s is not interposed, but %s is, by %s", device.shown,
			 other->shown, other->map.name);
	else
		complain("%s is not interposed; interposectl list lists the interposed devices",
			 device.shown);
	return NULL;
}
