/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * storm: random operations on the interposers of several devices, while each
 * of these devices is written to and verified.
 *
 *	writers ----> ext4, xfs, btrfs, a raw partition
 *	                        ^
 *	one operator for each --+-- attach, detach, suspend, resume, reload,
 *	of the devices              snapshots, messages, what must be refused
 *
 * storm.c		arguments, threads, the summary
 * storm-operator.c	the operations, and the model that says what must happen
 * storm-table.c	tables, and what the kernel says about them
 * storm-writer.c	the load, which knows what each block must hold
 * direct-io.c		the ways in which it is written and read
 *
 * The sequence of operations of each device follows from the seed alone.
 */
#ifndef DM_INTERPOSE_TEST_STORM_H
#define DM_INTERPOSE_TEST_STORM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "direct-io.h"
#include "dm.h"
#include "random.h"

#define NR_DEVICES	8
#define NR_WRITERS	2	/* of each device */
#define NR_LINES	3	/* of a table */
#define NR_SAMPLES	24	/* places of a snapshot that are compared */
#define SECTOR		512
#define BLOCK		4096	/* a writer's unit */

/* What is counted for the summary. The first ones switch something. */
enum storm_op {
	OP_ATTACH,
	OP_DETACH,
	OP_DEFERRED_DETACH,
	OP_FORCED_DETACH,
	OP_WIPE,
	OP_SUSPEND,
	OP_RESUME,
	OP_RELOAD,
	OP_LAST_SWITCH = OP_RELOAD,
	OP_KILLED,
	OP_KILLED_TOO_LATE,
	OP_RENAME,
	OP_MESSAGE,
	OP_STATUS,
	OP_SNAPSHOT,
	OP_SNAPSHOT_CHECK,
	OP_REFUSED,
	NR_OPS
};

enum storm_inner {
	INNER_LINEAR,
	INNER_FLAKEY,
	INNER_DELAY,
	INNER_ERA,
	INNER_ORIGIN,
	INNER_DROP,	/* flakey that drops writes: the writers must notice */
	NR_INNERS
};

/* A table, as it is to be loaded. */
struct storm_table {
	unsigned int nr;
	bool pin;
	enum storm_inner inner[NR_LINES];
	struct dm_line line[NR_LINES];
	char params[NR_LINES][256];
};

enum storm_state {
	GONE,		/* there is no mapped device */
	EMPTY,		/* there is one, without a table */
	WIPED,		/* with an error target */
	ATTACHED,
	SUSPENDED,
};

struct storm_snapshot {
	bool exists;
	bool exact;	/* the interposer has seen every write since */
	bool persistent;
	uint64_t at[NR_SAMPLES];
	uint64_t sum;
};

struct storm_writer {
	struct storm_device *dev;
	unsigned int number;
	struct random rnd;
	pthread_t thread;
	bool raw;
	bool direct;
	int fd;
	char path[256];
	uint64_t offset;	/* of the writer's first block */
	unsigned int blocks;
	uint32_t *generation;	/* of each block; 0: it holds zeroes */
	uint32_t last;
	struct io io;
	enum io_way way;
	unsigned int alignment;	/* of memory for this file */
	unsigned int unit;	/* of its position and length */
	unsigned char *buffer;	/* in io's memory, elsewhere each time */
	unsigned char *expected;
	unsigned int files;	/* made so far, for the journal's sake */
};

struct storm_device {
	/* what it is */
	const char *name;
	const char *path;
	const char *mounted_at;	/* NULL: raw */
	const char *era_metadata;	/* NULL: no operator, load only */
	const char *cow;
	const char *whole;	/* its disk, NULL if it is one */
	char devno[16];
	uint64_t sectors;
	unsigned int number;

	/* the operator and its model */
	pthread_t thread;
	atomic_bool rests;	/* as something has failed; it makes nothing any more */
	struct random rnd;
	char dm[64];
	char other_name[64];	/* of dm, when it is renamed next */
	char other[80];		/* a second interposer that must be refused */
	char snap[80];
	enum storm_state state;
	struct storm_table live;
	bool pinned;
	bool leaving;		/* the one before, after a deferred removal */
	struct storm_snapshot snapshot;
	unsigned int step;
	char doing[256];
	char beneath[48];	/* the node, when it was last attached */
	pthread_mutex_t questions;	/* held: nobody asks for its status */
	bool quiet;
	uint64_t count[NR_OPS];

	/* the load */
	struct storm_writer writer[NR_WRITERS];
	atomic_ulong writes;
	atomic_ulong reads;
	atomic_ulong verified;	/* blocks */
};

struct storm {
	uint64_t seed;
	uint64_t switches;	/* wanted */
	unsigned int seconds;	/* wanted */
	unsigned int blocks;	/* of each writer */
	const char *while_there;	/* goes on as long as this file exists */
	unsigned int patience;	/* multiplies limits, on a busy machine */
	bool drop;		/* lose writes on purpose */
	const char *prefix;
	unsigned int nr;
	struct storm_device device[NR_DEVICES];
	atomic_ulong done;	/* switches */
	atomic_bool operators_stop;
	atomic_bool writers_stop;
};

extern struct storm storm;

/* storm.c */
double storm_clock(void);
void storm_log(const struct storm_device *dev, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Ends the program, from any thread. Leaves no mapped device behind. */
void storm_fail(const struct storm_device *dev, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));
/* Before each operation. Does not return once something has failed. */
void storm_goes_on(void);
void storm_sleep_ms(unsigned int ms);

/* storm-operator.c */
void *storm_operate(void *device);

/* storm-table.c */
void storm_table_random(struct storm_device *dev, struct storm_table *table);
void storm_table_simple(struct storm_device *dev, struct storm_table *table,
			enum storm_inner inner);
bool storm_table_has(const struct storm_table *table, enum storm_inner inner);
void storm_check_status(struct storm_device *dev);
void storm_check_table(struct storm_device *dev);
/*
 * Does a question now wait for the next resume? era answers with its worker,
 * which does not run while it is suspended, and a reload would wait for the
 * answer: a deadlock of device-mapper and era, also without an interposer.
 */
bool storm_is_mute(const struct storm_device *dev);

/* storm-writer.c */
void storm_writer_init(struct storm_device *dev, unsigned int number);
void *storm_write(void *writer);
void storm_verify_all(struct storm_writer *writer);

#endif
