/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What KUnit tests of device-mapper targets need: dmsetup, by device-mapper's
 * ioctls, and a target "kunit", which notes what it is asked for and does what
 * a test wants. Mapped devices go with the test that made them.
 */
#ifndef DM_KUNIT_HELPERS_H
#define DM_KUNIT_HELPERS_H

#include <linux/blk-interposer.h>
#include <linux/dm-ioctl.h>

#include "../../block/blk-kunit-helpers.h"

/**
 * struct dm_kunit_inner - what the inner target is to do, and what it did
 *
 * @ctr_error: the constructor fails so
 * @preresume_error: preresume fails so
 * @block_size: the logical block size to ask for
 * @hold: keep what comes until presuspend
 * @push_back: presuspend pushes back what was kept, instead of letting it go
 * @map: what else map() does to a bio for @beneath, and then returns
 * @beneath: the interposed device
 * @argc: how many arguments the last constructor got
 * @argv: the first ones
 * @calls: which methods were called, in order
 * @gate_at_presuspend: the state of the interposer when presuspend was called
 * @with_io: which methods may wait for I/O when they need memory, in order
 * @mapped: how many bios came
 * @flags: all the flags that they had
 * @clone: the last one
 * @ti: the last one constructed
 */
struct dm_kunit_inner {
	int ctr_error;
	int preresume_error;
	unsigned int block_size;
	bool hold;
	bool push_back;
	int (*map)(struct bio *bio);
	struct block_device *beneath;

	unsigned int argc;
	char argv[4][32];
	char calls[160];
	int gate_at_presuspend;
	char with_io[160];
	unsigned int mapped;
	blk_opf_t flags;
	struct bio *clone;
	struct dm_target *ti;
};

/* Of all instances. A test resets it; cases run one at a time. */
extern struct dm_kunit_inner dm_kunit_inner;

/**
 * struct dm_kunit - a mapped device
 *
 * @test: the test that it goes with
 * @name: its name
 * @bdev: its block device
 */
struct dm_kunit {
	struct kunit *test;
	const char *name;
	struct block_device *bdev;
};

/**
 * struct dm_kunit_line - a line of a table
 *
 * @start: first sector
 * @len: how many
 * @type: target type
 * @args: its arguments
 */
struct dm_kunit_line {
	sector_t start;
	sector_t len;
	const char *type;
	const char *args;
};

struct dm_kunit *dm_kunit_create(struct kunit *test, const char *name);
int dm_kunit_load_lines(struct dm_kunit *m, u32 flags,
			const struct dm_kunit_line *lines, unsigned int n);
int dm_kunit_load(struct dm_kunit *m, const char *args);
int dm_kunit_resume(struct dm_kunit *m);
int dm_kunit_suspend(struct dm_kunit *m, u32 flags);
int dm_kunit_remove(struct dm_kunit *m);
int dm_kunit_message(struct dm_kunit *m, const char *message);
const char *dm_kunit_status(struct dm_kunit *m, u32 flags);
int dm_kunit_init(void);
void dm_kunit_exit(void);

#endif /* DM_KUNIT_HELPERS_H */
