/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is interposed now, and which snapshots hang on it:
 *
 *     sda1 <-- struct interposer x --> interpose0 <-- struct snapshot snap
 */
#ifndef INTERPOSECTL_STACK_H
#define INTERPOSECTL_STACK_H

#include "device.h"
#include "map.h"
#include "parse.h"
#include "sysfs.h"

struct interposer {
	struct map_info map;
	struct map_line table_line;
	struct map_line status_line;
	struct interpose_table table;
	struct interpose_status status;
	bool has_status;		/* era gives none while suspended */
	char device[NAME_SIZE];		/* the kernel's name of it */
	char shown[SHOWN_SIZE];		/* the same, for messages */
	char beneath[NAME_SIZE];
	dev_t beneath_dev;
};

struct snapshot {
	struct map_info map;
	struct snapshot_table table;
	struct snapshot_status status;
	uint64_t sectors;
};

struct stack {
	struct interposer *interposers;
	size_t n_interposers;
	struct snapshot *snapshots;
	size_t n_snapshots;
};

bool stack_read(struct stack *stack);
void stack_free(struct stack *stack);

struct interposer *stack_find(const struct stack *stack, const char *argument);
struct interposer *stack_of_map(const struct stack *stack, const char *name);
struct interposer *stack_of_device(const struct stack *stack, const char *name);
/* Of the device itself, of its disk or of one of its partitions */
struct interposer *stack_overlaps(const struct stack *stack, const char *name);
struct interposer *stack_of_snapshot(const struct stack *stack,
				     const struct snapshot *snap);
struct snapshot *stack_snapshot(const struct stack *stack, const char *name);
/* How many, and their names with blanks between */
size_t stack_snapshots_of(const struct stack *stack,
			  const struct interposer *ip, char *names,
			  size_t size);
const char *stack_state(const struct interposer *ip);

#endif
