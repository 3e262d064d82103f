// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of block device interposers: what the hook and the gate do with
 * a bio. For attach and detach see blk-interposer-attach-test.c.
 *
 * Device and owner are real disks, whose drivers note what they are asked for
 * (blk-kunit-helpers.h). "Device" is the interposed one.
 */
#include <linux/blk-interposer.h>
#include <linux/module.h>

#include "blk-kunit-helpers.h"

#define HOOK_FLAGS	(BIT(BIO_INTERPOSED) | BIT(BIO_PAST_INTERPOSER))

/*
 * What the hook does with a bio
 */
static void bio_reaches_the_owner_and_not_the_driver(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 8, 16);

	KUNIT_EXPECT_EQ(test, dev->count, 0);
	KUNIT_ASSERT_EQ(test, owner->count, 1);
	KUNIT_EXPECT_TRUE(test, (owner->log[0].opf & REQ_OP_MASK) == REQ_OP_WRITE);
	KUNIT_EXPECT_EQ(test, owner->log[0].sector, 8);
	KUNIT_EXPECT_EQ(test, owner->log[0].sectors, 16);
}

static void bio_has_its_own_device_back_when_it_completes(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_READ, 0, 8);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_PTR_EQ(test, kb->ended_bdev, dev->bdev);
}

static void bio_has_no_mark_left_when_it_completes(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_READ, 0, 8);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, kb->ended_flags & HOOK_FLAGS, 0);
}

static void bio_that_is_used_again_is_redirected_again(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_interposer *it =
		kunit_interposer_open(test, dev->bdev, owner);

	kunit_bio_submit(kb);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	bio_set_dev(kb->bio, dev->bdev);
	kunit_bio_submit(kb);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));

	KUNIT_EXPECT_EQ(test, owner->count, 2);
	KUNIT_EXPECT_EQ(test, blk_interposer_redirected(&it->ip), 2);
}

static void bio_marked_as_past_reaches_the_driver(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, owner->bdev, REQ_OP_WRITE, 8, 8);

	kunit_interposer_open(test, dev->bdev, owner);
	bio_set_past_interposer(kb->bio, dev->bdev);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, owner->count, 0);
	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, dev->log[0].sector, 8);
}

static void mark_as_past_is_gone_when_the_bio_completes(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 8, 8);

	kunit_interposer_open(test, dev->bdev, owner);
	bio_set_past_interposer(kb->bio, dev->bdev);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, kb->ended_flags & HOOK_FLAGS, 0);
}

/* Its driver may hand a bio that was given back on to the bypass disk. */
static void bio_given_back_may_be_marked_as_past(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 8, 8);

	kunit_interposer_open(test, dev->bdev, owner);
	bio_set_flag(kb->bio, BIO_INTERPOSED);
	bio_set_flag(kb->bio, BIO_PAST_INTERPOSER);
	bio_set_past_interposer(kb->bio, dev->bdev);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, owner->count, 0);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

static void splits_of_a_bio_marked_as_past_reach_the_driver(struct kunit *test)
{
	const struct kunit_disk_kind *kind = test->param_value;
	struct kunit_disk_options options = kind->options;
	struct kunit_disk *dev, *owner = kunit_disk(test);
	struct kunit_bio *kb;

	options.limits.max_hw_sectors = 16;
	dev = kunit_disk_add(test, &options);
	kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 64);
	kunit_interposer_open(test, dev->bdev, owner);
	bio_set_past_interposer(kb->bio, dev->bdev);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, owner->count, 0);
	KUNIT_EXPECT_EQ(test, dev->count, 4);
}

static void bio_that_the_owner_splits_is_redirected_once(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test, .limits.max_hw_sectors = 16);
	struct kunit_interposer *it =
		kunit_interposer_open(test, dev->bdev, owner);

	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 8, 64);

	KUNIT_EXPECT_EQ(test, blk_interposer_redirected(&it->ip), 1);
	KUNIT_EXPECT_EQ(test, dev->count, 0);
	KUNIT_ASSERT_EQ(test, owner->count, 4);
	KUNIT_EXPECT_EQ(test, owner->log[3].sector, 8 + 48);
}

/**
 * struct part_result - what became of a part of a bio
 *
 * @bdev: the part's device
 * @chain: chain it to the bio
 * @flags: its flags then
 */
struct part_result {
	struct block_device *bdev;
	bool chain;
	unsigned int flags;
};

static void part_and_end(struct kunit_disk *owner, struct bio *bio)
{
	struct part_result *result = owner->data;
	struct bio *part;

	part = bio_alloc_clone(result->bdev, bio, GFP_NOIO, &fs_bio_set);
	if (result->chain)
		bio_chain(part, bio);
	result->flags = part->bi_flags;
	if (result->chain)
		bio_endio(part);
	else
		bio_put(part);
	kunit_disk_end_bio(owner, bio);
}

/* The marks of a clone for @bdev that the owner makes of a redirected bio. */
static unsigned int marks_of_part(struct kunit *test, struct kunit_disk *dev,
				  struct kunit_disk *owner,
				  struct block_device *bdev, bool chain)
{
	struct part_result result = { .bdev = bdev, .chain = chain };

	owner->data = &result;
	owner->submit = part_and_end;
	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	owner->submit = NULL;
	return result.flags & HOOK_FLAGS;
}

static void clone_for_another_device_has_no_mark(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true);
	struct kunit_disk *owner = kunit_disk(test);

	KUNIT_EXPECT_EQ(test, marks_of_part(test, dev, owner, dev->bdev, false),
			0);
}

static void part_for_another_device_has_no_mark(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true);
	struct kunit_disk *owner = kunit_disk(test);

	KUNIT_EXPECT_EQ(test, marks_of_part(test, dev, owner, dev->bdev, true),
			0);
}

static void part_for_the_owner_has_the_mark(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true);
	struct kunit_disk *owner = kunit_disk(test);

	KUNIT_EXPECT_EQ(test, marks_of_part(test, dev, owner, owner->bdev, true),
			BIT(BIO_INTERPOSED));
}

static void flush_is_not_stripped_for_want_of_a_cache(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, 0,
		     8);

	KUNIT_ASSERT_EQ(test, owner->count, 1);
	KUNIT_EXPECT_TRUE(test, owner->log[0].opf & REQ_PREFLUSH);
	KUNIT_EXPECT_TRUE(test, owner->log[0].opf & REQ_FUA);
}

static void empty_flush_of_a_cacheless_device_reaches_the_owner(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner =
		kunit_disk(test, .limits.features = BLK_FEAT_WRITE_CACHE);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);

	KUNIT_ASSERT_EQ(test, owner->count, 1);
	KUNIT_EXPECT_TRUE(test, owner->log[0].opf & REQ_PREFLUSH);
}

static void flush_past_the_interposer_is_stripped_as_always(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE |
					 REQ_PREFLUSH | REQ_FUA, 0, 8);

	kunit_interposer_open(test, dev->bdev, owner);
	bio_set_past_interposer(kb->bio, dev->bdev);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_FALSE(test, dev->log[0].opf & (REQ_PREFLUSH | REQ_FUA));
}

static void nowait_is_not_asked_of_an_owner_without_it(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE | REQ_NOWAIT, 0, 8);

	KUNIT_ASSERT_EQ(test, owner->count, 1);
	KUNIT_EXPECT_FALSE(test, owner->log[0].opf & REQ_NOWAIT);
}

static void nowait_is_asked_of_an_owner_with_it(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner =
		kunit_disk(test, .limits.features = BLK_FEAT_NOWAIT);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE | REQ_NOWAIT, 0, 8);

	KUNIT_ASSERT_EQ(test, owner->count, 1);
	KUNIT_EXPECT_TRUE(test, owner->log[0].opf & REQ_NOWAIT);
}

static void polling_is_not_asked_of_the_owner(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner =
		kunit_disk(test, .limits.features = BLK_FEAT_POLL);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_do(test, dev->bdev, REQ_OP_READ | REQ_POLLED, 0, 8);

	KUNIT_ASSERT_EQ(test, owner->count, 1);
	KUNIT_EXPECT_FALSE(test, owner->log[0].opf & REQ_POLLED);
}

static void atomic_write_is_refused(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true,
					    .limits.atomic_write_hw_max = 4096,
					    .limits.atomic_write_hw_unit_min = 512,
					    .limits.atomic_write_hw_unit_max = 4096);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev,
					 REQ_OP_WRITE | REQ_ATOMIC, 0, 8);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, owner->count, 0);
}

/*
 * Partitions
 */

/* A disk whose second partition is @part. */
static struct kunit_disk *partitioned(struct kunit *test,
				      struct block_device **part)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true, .partitions = true,
					    .limits.features =
						BLK_FEAT_WRITE_CACHE);

	*part = kunit_disk_part(dev, 2);
	KUNIT_ASSERT_NOT_NULL(test, *part);
	return dev;
}

static void bio_of_a_partition_has_the_sector_within_it(struct kunit *test)
{
	struct block_device *part;
	struct kunit_disk *dev = partitioned(test, &part);
	struct kunit_disk *owner = kunit_disk(test);

	kunit_interposer_open(test, part, owner);
	kunit_bio_do(test, part, REQ_OP_WRITE, 24, 8);

	KUNIT_EXPECT_EQ(test, dev->count, 0);
	KUNIT_ASSERT_EQ(test, owner->count, 1);
	KUNIT_EXPECT_EQ(test, owner->log[0].sector, 24);
}

static void bio_past_a_partitions_interposer_is_moved_once(struct kunit *test)
{
	struct block_device *part;
	struct kunit_disk *dev = partitioned(test, &part);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, owner->bdev, REQ_OP_WRITE, 24, 8);

	kunit_interposer_open(test, part, owner);
	bio_set_past_interposer(kb->bio, part);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, dev->log[0].sector, KUNIT_PART2_START + 24);
}

static void bio_held_for_a_partition_goes_back_to_its_sector(struct kunit *test)
{
	struct block_device *part;
	struct kunit_disk *dev = partitioned(test, &part);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, part, REQ_OP_WRITE, 24, 8);
	struct kunit_interposer *it = kunit_interposer_held(test, part, owner);

	kunit_bio_submit(kb);
	blk_interposer_detach(&it->ip);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, dev->log[0].sector, KUNIT_PART2_START + 24);
}

/* An empty flush is not moved to the whole disk's sectors, so not back. */
static void empty_flush_of_a_partition_keeps_its_sector(struct kunit *test)
{
	struct kunit_disk *owner = kunit_disk(test);
	struct block_device *part;

	partitioned(test, &part);
	kunit_interposer_open(test, part, owner);
	kunit_bio_do(test, part, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);

	KUNIT_ASSERT_EQ(test, owner->count, 1);
	KUNIT_EXPECT_EQ(test, owner->log[0].sector, 0);
}

static void bio_of_a_partition_reaches_the_disks_owner(struct kunit *test)
{
	struct block_device *part;
	struct kunit_disk *dev = partitioned(test, &part);
	struct kunit_disk *owner = kunit_disk(test);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_do(test, part, REQ_OP_WRITE, 24, 8);

	KUNIT_EXPECT_EQ(test, dev->count, 0);
	KUNIT_ASSERT_EQ(test, owner->count, 1);
	KUNIT_EXPECT_EQ(test, owner->log[0].sector, KUNIT_PART2_START + 24);
}

static void bio_of_a_partition_held_for_its_disk_goes_back_to_its_sector(struct kunit *test)
{
	struct block_device *part;
	struct kunit_disk *dev = partitioned(test, &part);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, part, REQ_OP_WRITE, 24, 8);
	struct kunit_interposer *it =
		kunit_interposer_held(test, dev->bdev, owner);

	kunit_bio_submit(kb);
	blk_interposer_detach(&it->ip);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, dev->log[0].sector, KUNIT_PART2_START + 24);
}

static void bio_of_a_neighbouring_partition_reaches_the_driver(struct kunit *test)
{
	struct block_device *part2;
	struct kunit_disk *dev = partitioned(test, &part2);
	struct kunit_disk *owner = kunit_disk(test);
	struct block_device *part1 = kunit_disk_part(dev, 1);

	KUNIT_ASSERT_NOT_NULL(test, part1);
	kunit_interposer_open(test, part2, owner);
	kunit_bio_do(test, part1, REQ_OP_WRITE, 24, 8);

	KUNIT_EXPECT_EQ(test, owner->count, 0);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

static void partition_stays_interposed_when_its_neighbour_is_detached(struct kunit *test)
{
	struct block_device *part2;
	struct kunit_disk *dev = partitioned(test, &part2);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_disk *other = kunit_disk(test);
	struct block_device *part1 = kunit_disk_part(dev, 1);
	struct kunit_interposer *neighbour;

	KUNIT_ASSERT_NOT_NULL(test, part1);
	kunit_interposer_open(test, part2, owner);
	neighbour = kunit_interposer_open(test, part1, other);
	blk_interposer_detach(&neighbour->ip);
	kunit_bio_do(test, part2, REQ_OP_WRITE, 24, 8);

	KUNIT_EXPECT_EQ(test, dev->count, 0);
	KUNIT_EXPECT_EQ(test, owner->count, 1);
}

/*
 * The gate
 */
static void bios_wait_until_the_gate_is_opened(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it =
		kunit_interposer_held(test, dev->bdev, owner);
	struct kunit_bio *kbs[3];

	kunit_bios_submit(test, dev->bdev, kbs, 3);

	KUNIT_EXPECT_EQ(test, blk_interposer_held(&it->ip), 3);
	KUNIT_EXPECT_EQ(test, owner->count, 0);
	KUNIT_EXPECT_EQ(test, dev->count, 0);
}

static void bios_that_wait_reach_the_owner_in_order(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it =
		kunit_interposer_held(test, dev->bdev, owner);
	struct kunit_bio *kbs[3];

	kunit_bios_submit(test, dev->bdev, kbs, 3);
	blk_interposer_open(&it->ip);

	KUNIT_EXPECT_EQ(test, blk_interposer_held(&it->ip), 0);
	kunit_bios_expect(test, owner, kbs, 3);
}

static void bios_wait_when_the_gate_is_closed_again(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it =
		kunit_interposer_open(test, dev->bdev, owner);
	struct kunit_bio *kbs[3];

	blk_interposer_hold(&it->ip);
	kunit_bios_submit(test, dev->bdev, kbs, 3);

	KUNIT_EXPECT_EQ(test, blk_interposer_held(&it->ip), 3);
	KUNIT_EXPECT_EQ(test, owner->count, 0);
}

/* The driver of an owner that takes its time to take a bio in. */
struct slow_driver {
	struct completion has_bio;
	struct completion go_on;
};

static void take_in_slowly(struct kunit_disk *owner, struct bio *bio)
{
	struct slow_driver *slow = owner->data;

	complete(&slow->has_bio);
	wait_for_completion(&slow->go_on);
	kunit_disk_end_bio(owner, bio);
}

static int sync_gate(void *ip)
{
	blk_interposer_sync(ip);
	return 0;
}

static void sync_waits_for_who_has_passed_the_gate(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_interposer *it = kunit_interposer_open(test, dev->bdev, owner);
	struct slow_driver slow = {
		.has_bio = COMPLETION_INITIALIZER_ONSTACK(slow.has_bio),
		.go_on = COMPLETION_INITIALIZER_ONSTACK(slow.go_on),
	};
	struct kunit_call *call;

	owner->data = &slow;
	owner->submit = take_in_slowly;
	kunit_bio_submit_call(test, kb);
	wait_for_completion(&slow.has_bio);
	blk_interposer_hold(&it->ip);
	call = kunit_call(test, sync_gate, &it->ip);

	KUNIT_EXPECT_FALSE(test, kunit_call_returned(call, KUNIT_GRACE));
	complete(&slow.go_on);
	KUNIT_EXPECT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
	KUNIT_EXPECT_TRUE(test, kunit_bio_wait(kb));
}

static void sync_of_a_detached_interposer_does_nothing(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_interposer *it = kunit_interposer_idle(test, dev->bdev);

	blk_interposer_sync(&it->ip);

	KUNIT_EXPECT_FALSE(test, blk_interposer_attached(&it->ip));
}

static void bios_that_wait_go_back_in_order_at_detach(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it =
		kunit_interposer_held(test, dev->bdev, owner);
	struct kunit_bio *kbs[3];

	kunit_bios_submit(test, dev->bdev, kbs, 3);
	blk_interposer_detach(&it->ip);

	kunit_bios_expect(test, dev, kbs, 3);
	KUNIT_EXPECT_EQ(test, owner->count, 0);
}

/* Its parts must not be counted, nor have a mark left. */
static void bio_that_goes_back_is_split_by_its_device(struct kunit *test)
{
	const struct kunit_disk_kind *kind = test->param_value;
	struct kunit_disk_options options = kind->options;
	struct kunit_disk *dev, *owner = kunit_disk(test);
	struct kunit_interposer *it;
	struct kunit_bio *kb;

	options.limits.max_hw_sectors = 16;
	dev = kunit_disk_add(test, &options);
	kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 64);
	it = kunit_interposer_held(test, dev->bdev, owner);
	kunit_bio_submit(kb);
	blk_interposer_detach(&it->ip);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
	KUNIT_EXPECT_EQ(test, owner->count, 0);
	KUNIT_EXPECT_EQ(test, dev->count, 4);
	KUNIT_EXPECT_EQ(test, kb->ended_flags & HOOK_FLAGS, 0);
}

static void empty_flush_that_waits_ends_well_at_detach(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner =
		kunit_disk(test, .limits.features = BLK_FEAT_WRITE_CACHE);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev,
					 REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);
	struct kunit_interposer *it =
		kunit_interposer_held(test, dev->bdev, owner);

	kunit_bio_submit(kb);
	KUNIT_EXPECT_EQ(test, blk_interposer_held(&it->ip), 1);
	blk_interposer_detach(&it->ip);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
}

static void readahead_that_waits_may_not_fail_for_it(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev,
					 REQ_OP_READ | REQ_RAHEAD, 0, 8);
	struct kunit_interposer *it =
		kunit_interposer_held(test, dev->bdev, owner);

	kunit_bio_submit(kb);
	blk_interposer_open(&it->ip);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_ASSERT_EQ(test, owner->count, 1);
	KUNIT_EXPECT_FALSE(test, owner->log[0].opf & REQ_RAHEAD);
}

static void nowait_bio_does_not_wait_at_the_gate(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner =
		kunit_disk(test, .limits.features = BLK_FEAT_NOWAIT);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev,
					 REQ_OP_WRITE | REQ_NOWAIT, 0, 8);

	kunit_interposer_held(test, dev->bdev, owner);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), -EAGAIN);
	KUNIT_EXPECT_PTR_EQ(test, kb->ended_bdev, dev->bdev);
}

static void nowait_bio_waits_for_no_owner_without_it(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev,
					 REQ_OP_WRITE | REQ_NOWAIT, 0, 8);

	kunit_interposer_held(test, dev->bdev, owner);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), -EAGAIN);
	KUNIT_EXPECT_EQ(test, owner->count, 0);
}

static void bio_that_was_not_redirected_fails_at_the_owner(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, owner->bdev, REQ_OP_READ, 0, 8);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), -EIO);
	KUNIT_EXPECT_EQ(test, owner->count, 0);
}

static void bio_that_was_not_redirected_fails_quietly(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, owner->bdev, REQ_OP_READ, 0, 8);

	kunit_interposer_open(test, dev->bdev, owner);
	kunit_bio_submit(kb);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_TRUE(test, kb->ended_flags & BIT(BIO_QUIET));
}

static void bio_reaches_the_owner_itself_after_detach(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it =
		kunit_interposer_open(test, dev->bdev, owner);

	blk_interposer_detach(&it->ip);
	kunit_bio_do(test, owner->bdev, REQ_OP_READ, 0, 8);

	KUNIT_EXPECT_EQ(test, owner->count, 1);
}

static void gate_of_a_detached_interposer_does_nothing(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true);
	struct kunit_interposer *it = kunit_interposer_idle(test, dev->bdev);

	blk_interposer_hold(&it->ip);
	blk_interposer_open(&it->ip);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 0, 8);

	KUNIT_EXPECT_FALSE(test, blk_interposer_attached(&it->ip));
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

static struct kunit_case blk_interposer_cases[] = {
	KUNIT_CASE_PARAM(bio_reaches_the_owner_and_not_the_driver,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bio_has_its_own_device_back_when_it_completes,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bio_has_no_mark_left_when_it_completes,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bio_that_is_used_again_is_redirected_again,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bio_marked_as_past_reaches_the_driver,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(mark_as_past_is_gone_when_the_bio_completes,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bio_given_back_may_be_marked_as_past,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(splits_of_a_bio_marked_as_past_reach_the_driver,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bio_that_the_owner_splits_is_redirected_once,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE(clone_for_another_device_has_no_mark),
	KUNIT_CASE(part_for_another_device_has_no_mark),
	KUNIT_CASE(part_for_the_owner_has_the_mark),
	KUNIT_CASE_PARAM(flush_is_not_stripped_for_want_of_a_cache,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(empty_flush_of_a_cacheless_device_reaches_the_owner,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(flush_past_the_interposer_is_stripped_as_always,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(nowait_is_not_asked_of_an_owner_without_it,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(nowait_is_asked_of_an_owner_with_it,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(polling_is_not_asked_of_the_owner,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE(atomic_write_is_refused),
	KUNIT_CASE(bio_of_a_partition_has_the_sector_within_it),
	KUNIT_CASE(bio_past_a_partitions_interposer_is_moved_once),
	KUNIT_CASE(bio_held_for_a_partition_goes_back_to_its_sector),
	KUNIT_CASE(empty_flush_of_a_partition_keeps_its_sector),
	KUNIT_CASE(bio_of_a_partition_reaches_the_disks_owner),
	KUNIT_CASE(bio_of_a_partition_held_for_its_disk_goes_back_to_its_sector),
	KUNIT_CASE(bio_of_a_neighbouring_partition_reaches_the_driver),
	KUNIT_CASE(partition_stays_interposed_when_its_neighbour_is_detached),
	KUNIT_CASE_PARAM(bios_wait_until_the_gate_is_opened,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bios_that_wait_reach_the_owner_in_order,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bios_wait_when_the_gate_is_closed_again,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(sync_waits_for_who_has_passed_the_gate,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(sync_of_a_detached_interposer_does_nothing,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bios_that_wait_go_back_in_order_at_detach,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bio_that_goes_back_is_split_by_its_device,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(empty_flush_that_waits_ends_well_at_detach,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(readahead_that_waits_may_not_fail_for_it,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(nowait_bio_does_not_wait_at_the_gate,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(nowait_bio_waits_for_no_owner_without_it,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bio_that_was_not_redirected_fails_at_the_owner,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE(bio_that_was_not_redirected_fails_quietly),
	KUNIT_CASE(bio_reaches_the_owner_itself_after_detach),
	KUNIT_CASE(gate_of_a_detached_interposer_does_nothing),
	{}
};

static struct kunit_suite blk_interposer_suite = {
	.name = "blk_interposer",
	.test_cases = blk_interposer_cases,
};

kunit_test_suite(blk_interposer_suite);

MODULE_DESCRIPTION("KUnit tests of what a block device interposer does with a bio");
MODULE_LICENSE("GPL");
