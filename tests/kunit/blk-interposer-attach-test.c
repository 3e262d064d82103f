// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of block device interposers: what attach and detach promise,
 * also while others submit bios, and when a disk dies. For what happens to a
 * single bio see blk-interposer-test.c.
 *
 * Device and owner are real disks, whose drivers note what they are asked for
 * (blk-kunit-helpers.h). "Device" is the interposed one.
 */
#include <kunit/resource.h>
#include <linux/blk-interposer.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

#include "blk-kunit-helpers.h"

/*
 * Detach
 */
static int detach(void *ip)
{
	blk_interposer_detach(ip);
	return 0;
}

static void bio_reaches_the_driver_after_detach(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it =
		kunit_interposer_open(test, dev->bdev, owner);

	blk_interposer_detach(&it->ip);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 8, 16);

	KUNIT_EXPECT_EQ(test, owner->count, 0);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

static void detach_of_a_detached_interposer_does_nothing(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it =
		kunit_interposer_open(test, dev->bdev, owner);

	blk_interposer_detach(&it->ip);
	blk_interposer_detach(&it->ip);

	KUNIT_EXPECT_FALSE(test, blk_interposer_attached(&it->ip));
}

static void interposer_can_be_attached_again(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it =
		kunit_interposer_open(test, dev->bdev, owner);

	blk_interposer_detach(&it->ip);
	KUNIT_ASSERT_EQ(test, blk_interposer_attach(&it->ip, owner->bdev, false),
			0);
	blk_interposer_open(&it->ip);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 8, 8);

	KUNIT_EXPECT_EQ(test, owner->count, 1);
}

static void detach_waits_for_the_bio_at_the_owner(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_interposer *it = kunit_interposer_open(test, dev->bdev, owner);
	struct kunit_call *call;

	owner->hold = true;
	kunit_bio_submit(kb);
	call = kunit_call(test, detach, &it->ip);

	KUNIT_EXPECT_FALSE(test, kunit_call_returned(call, KUNIT_GRACE));
	kunit_disk_release(owner);
	KUNIT_EXPECT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
	KUNIT_EXPECT_TRUE(test, completion_done(&kb->done));
}

/* The remainder of a split, which completes first here, is the bio itself. */
static void detach_waits_for_what_the_owner_split_off(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test, .limits.max_hw_sectors = 16);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 32);
	struct kunit_interposer *it =
		kunit_interposer_open(test, dev->bdev, owner);
	struct kunit_call *call;
	struct bio *first;

	owner->hold = true;
	kunit_bio_submit(kb);
	KUNIT_ASSERT_EQ(test, kunit_disk_held(owner), 2);
	first = kunit_disk_take_held(owner);
	kunit_disk_release(owner);

	call = kunit_call(test, detach, &it->ip);
	KUNIT_EXPECT_FALSE(test, kunit_call_returned(call, KUNIT_GRACE));
	kunit_disk_end_bio(owner, first);
	KUNIT_EXPECT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_PTR_EQ(test, kb->ended_bdev, dev->bdev);
}

static void bio_sent_while_detach_waits_reaches_the_driver(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_interposer *it = kunit_interposer_open(test, dev->bdev, owner);
	struct kunit_call *call;

	owner->hold = true;
	kunit_bio_submit(kb);
	call = kunit_call(test, detach, &it->ip);
	KUNIT_EXPECT_FALSE(test, kunit_call_returned(call, KUNIT_GRACE));

	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 8, 8);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
	kunit_disk_release(owner);
	KUNIT_EXPECT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
}

/* None of these disks has a write cache; some drivers need data in a bio. */
static void empty_flush_that_waits_for_a_detach_is_not_for_the_driver(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev,
					 REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);
	struct kunit_interposer *it = kunit_interposer_open(test, dev->bdev, owner);
	struct kunit_call *call;

	blk_mq_freeze_queue(dev->disk->queue);
	call = kunit_bio_submit_call(test, kb);
	KUNIT_EXPECT_FALSE(test, kunit_call_returned(call, KUNIT_GRACE));
	blk_interposer_detach(&it->ip);
	blk_mq_unfreeze_queue(dev->disk->queue);

	KUNIT_EXPECT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
	KUNIT_EXPECT_EQ(test, dev->count, 0);
}

static void bio_that_the_owner_parked_goes_back(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_interposer *it = kunit_interposer_open(test, dev->bdev, owner);

	owner->hold = true;
	kunit_bio_submit(kb);
	kunit_interposer_park(it, owner);
	blk_interposer_detach(&it->ip);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

/* It entered the owner before the interposer was there. */
static void parked_bio_that_was_not_redirected_fails(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, owner->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_interposer *it;

	owner->hold = true;
	kunit_bio_submit(kb);
	it = kunit_interposer_open(test, dev->bdev, owner);
	kunit_interposer_park(it, owner);
	blk_interposer_detach(&it->ip);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), -EIO);
	KUNIT_EXPECT_EQ(test, dev->count, 0);
}

static void bio_parked_while_detach_waits_goes_back(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_interposer *it = kunit_interposer_open(test, dev->bdev, owner);
	struct kunit_call *call;

	owner->hold = true;
	kunit_bio_submit(kb);
	call = kunit_call(test, detach, &it->ip);
	KUNIT_EXPECT_FALSE(test, kunit_call_returned(call, KUNIT_GRACE));
	kunit_interposer_park(it, owner);

	KUNIT_EXPECT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

static void parked_bios_go_back_before_those_that_wait(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_interposer *it = kunit_interposer_open(test, dev->bdev, owner);
	struct kunit_bio *kbs[2];

	owner->hold = true;
	kunit_bios_submit(test, dev->bdev, kbs, 1);
	kunit_interposer_park(it, owner);
	blk_interposer_hold(&it->ip);
	kbs[1] = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 8, 8);
	kunit_bio_submit(kbs[1]);
	blk_interposer_detach(&it->ip);

	kunit_bios_expect(test, dev, kbs, 2);
}

/*
 * Attach
 */

/**
 * struct attach_call - arguments for attach()
 *
 * @ip: the interposer
 * @owner: where to redirect to
 * @quiesced: what the caller says
 */
struct attach_call {
	struct blk_interposer *ip;
	struct block_device *owner;
	bool quiesced;
};

static int attach(void *data)
{
	struct attach_call *args = data;

	return blk_interposer_attach(args->ip, args->owner,
				     args->quiesced);
}

static void expect_attach_to_wait(struct kunit *test, bool quiesced)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_interposer *it = kunit_interposer_idle(test, dev->bdev);
	struct attach_call args = { &it->ip, owner->bdev, quiesced };
	struct kunit_call *call;

	dev->hold = true;
	kunit_bio_submit(kb);
	call = kunit_call(test, attach, &args);

	KUNIT_EXPECT_FALSE(test, kunit_call_returned(call, KUNIT_GRACE));
	kunit_disk_release(dev);
	KUNIT_ASSERT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
	KUNIT_EXPECT_EQ(test, call->ret, 0);
	KUNIT_EXPECT_TRUE(test, completion_done(&kb->done));
}

static void attach_waits_for_older_bios(struct kunit *test)
{
	expect_attach_to_wait(test, false);
}

/* A frozen file system says nothing about swap on the same device. */
static void attach_waits_for_older_bios_of_others(struct kunit *test)
{
	expect_attach_to_wait(test, true);
}

/* Where the queue can be frozen, new bios wait there and not at the gate. */
static void bio_sent_while_attach_waits_is_redirected(struct kunit *test)
{
	struct kunit_disk *dev =
		kunit_disk(test, .md = true,
			   .limits.features = BLK_FEAT_IO_STAT);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *old = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_bio *new = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 8, 8);
	struct kunit_interposer *it = kunit_interposer_idle(test, dev->bdev);
	struct attach_call args = { &it->ip, owner->bdev };
	struct kunit_call *call;

	dev->hold = true;
	kunit_bio_submit(old);
	call = kunit_call(test, attach, &args);
	KUNIT_EXPECT_FALSE(test, kunit_call_returned(call, KUNIT_GRACE));
	kunit_bio_submit(new);
	KUNIT_EXPECT_EQ(test, blk_interposer_held(&it->ip), 1);

	kunit_disk_release(dev);
	KUNIT_ASSERT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
	blk_interposer_open(&it->ip);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(new));
	KUNIT_EXPECT_EQ(test, owner->count, 1);
}

static void attach_that_is_interrupted_redirects_nothing(struct kunit *test)
{
	struct kunit_disk *dev =
		kunit_disk(test, .md = true,
			   .limits.features = BLK_FEAT_IO_STAT);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_interposer *it = kunit_interposer_idle(test, dev->bdev);
	struct attach_call args = { &it->ip, owner->bdev };
	struct kunit_call *call;

	dev->hold = true;
	kunit_bio_submit(kb);
	call = kunit_call(test, attach, &args);
	KUNIT_EXPECT_FALSE(test, kunit_call_returned(call, KUNIT_GRACE));
	send_sig(SIGTERM, call->task, 1);

	KUNIT_EXPECT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
	kunit_disk_release(dev);
	KUNIT_ASSERT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
	KUNIT_EXPECT_EQ(test, call->ret, -EINTR);
	KUNIT_EXPECT_NULL(test, dev->bdev->bd_interposer);
	KUNIT_EXPECT_NULL(test, owner->bdev->bd_interposer);
}

static void attach_needs_a_device_that_can_be_drained(struct kunit *test)
{
	struct kunit_disk *dev =
		kunit_disk(test, .limits.features = BLK_FEAT_IO_STAT);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it = kunit_interposer_idle(test, dev->bdev);

	KUNIT_EXPECT_EQ(test, blk_interposer_attach(&it->ip, owner->bdev, false),
			-EOPNOTSUPP);
	KUNIT_EXPECT_NULL(test, dev->bdev->bd_interposer);
}

static void attach_needs_an_array_that_accounts_its_bios(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .md = true);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it = kunit_interposer_idle(test, dev->bdev);

	KUNIT_EXPECT_EQ(test, blk_interposer_attach(&it->ip, owner->bdev, false),
			-EOPNOTSUPP);
	KUNIT_EXPECT_NULL(test, dev->bdev->bd_interposer);
}

static void attach_believes_that_a_device_is_quiesced(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test), *owner = kunit_disk(test);
	struct kunit_interposer *it = kunit_interposer_idle(test, dev->bdev);

	KUNIT_ASSERT_EQ(test, blk_interposer_attach(&it->ip, owner->bdev, true),
			0);
	blk_interposer_open(&it->ip);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	KUNIT_EXPECT_EQ(test, owner->count, 1);
}

/* Two attachments on one disk; 0 is the whole disk. */
static const struct device_pair {
	const char *name;
	int first;
	int second;
	int expected;
} device_pairs[] = {
	{ "the same disk twice", 0, 0, -EBUSY },
	{ "the same partition twice", 1, 1, -EBUSY },
	{ "a disk, then a partition of it", 0, 1, -EBUSY },
	{ "a partition, then its disk", 2, 0, -EBUSY },
	{ "two partitions", 1, 2, 0 },
};

KUNIT_ARRAY_PARAM_DESC(device_pair, device_pairs, name);

static void attach_refuses_what_is_interposed(struct kunit *test)
{
	const struct device_pair *pair = test->param_value;
	struct kunit_disk *dev = kunit_disk(test, .mq = true, .partitions = true);
	struct kunit_disk *owner1 = kunit_disk(test), *owner2 = kunit_disk(test);
	struct block_device *first = kunit_disk_part(dev, pair->first);
	struct block_device *second = kunit_disk_part(dev, pair->second);
	struct kunit_interposer *it;

	KUNIT_ASSERT_NOT_NULL(test, first);
	KUNIT_ASSERT_NOT_NULL(test, second);
	kunit_interposer_open(test, first, owner1);
	it = kunit_interposer_idle(test, second);

	KUNIT_EXPECT_EQ(test, blk_interposer_attach(&it->ip, owner2->bdev, false),
			pair->expected);
}

static void attach_that_is_refused_changes_nothing(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner1 = kunit_disk(test), *owner2 = kunit_disk(test);
	struct kunit_interposer *it1 = kunit_interposer_open(test, dev->bdev, owner1);
	struct kunit_interposer *it2 = kunit_interposer_idle(test, dev->bdev);

	KUNIT_ASSERT_EQ(test, blk_interposer_attach(&it2->ip, owner2->bdev, false),
			-EBUSY);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 0, 8);

	KUNIT_EXPECT_EQ(test, owner1->count, 1);
	KUNIT_EXPECT_FALSE(test, blk_interposer_attached(&it2->ip));
	KUNIT_EXPECT_NULL(test, owner2->bdev->bd_interposer);
	KUNIT_EXPECT_PTR_EQ(test, dev->bdev->bd_interposer, &it1->ip);
}

static void attach_refuses_an_owner_that_is_taken(struct kunit *test)
{
	struct kunit_disk *dev1 = kunit_disk(test, .mq = true);
	struct kunit_disk *dev2 = kunit_disk(test, .mq = true);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it;

	kunit_interposer_open(test, dev1->bdev, owner);
	it = kunit_interposer_idle(test, dev2->bdev);

	KUNIT_EXPECT_EQ(test, blk_interposer_attach(&it->ip, owner->bdev, false),
			-EBUSY);
}

static void attach_refuses_an_owner_that_is_interposed(struct kunit *test)
{
	struct kunit_disk *dev1 = kunit_disk(test, .mq = true);
	struct kunit_disk *dev2 = kunit_disk(test, .mq = true);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it;

	kunit_interposer_open(test, dev1->bdev, owner);
	it = kunit_interposer_idle(test, dev2->bdev);

	KUNIT_EXPECT_EQ(test, blk_interposer_attach(&it->ip, dev1->bdev, false),
			-EBUSY);
}

static void attach_refuses_a_device_that_owns_an_interposer(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true);
	struct kunit_disk *owner1 =
		kunit_disk(test, .limits.features = BLK_FEAT_SYNCHRONOUS);
	struct kunit_disk *owner2 = kunit_disk(test);
	struct kunit_interposer *it;

	kunit_interposer_open(test, dev->bdev, owner1);
	it = kunit_interposer_idle(test, owner1->bdev);

	KUNIT_EXPECT_EQ(test, blk_interposer_attach(&it->ip, owner2->bdev, false),
			-EBUSY);
}

/*
 * Disks that die
 */
static void attach_refuses_an_owner_that_has_died(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true);
	struct kunit_disk *owner = kunit_disk(test);
	struct kunit_interposer *it = kunit_interposer_idle(test, dev->bdev);

	blk_mark_disk_dead(owner->disk);

	KUNIT_EXPECT_EQ(test, blk_interposer_attach(&it->ip, owner->bdev, false),
			-ENODEV);
	KUNIT_EXPECT_NULL(test, dev->bdev->bd_interposer);
}

/* ... at a time when no interposer existed and so the hook was turned off. */
static void attach_refuses_an_owner_that_has_died_unseen(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true);
	struct kunit_disk *owner = kunit_disk(test);
	unsigned long deadline = jiffies + KUNIT_PATIENCE;
	struct kunit_interposer *it;

	while (blk_interposer_users() && time_before(jiffies, deadline))
		msleep(20);
	if (blk_interposer_users())
		kunit_skip(test, "the hook is in use");
	blk_mark_disk_dead(owner->disk);
	it = kunit_interposer_idle(test, dev->bdev);

	KUNIT_EXPECT_EQ(test, blk_interposer_attach(&it->ip, owner->bdev, false),
			-ENODEV);
	KUNIT_EXPECT_NULL(test, dev->bdev->bd_interposer);
}

static void owner_is_told_before_its_disk_dies(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_interposer *it = kunit_interposer_open(test, dev->bdev, owner);

	blk_mark_disk_dead(owner->disk);

	KUNIT_EXPECT_PTR_EQ(test, it->owner_dead, owner->disk);
	KUNIT_EXPECT_TRUE(test, it->owner_works);
	KUNIT_EXPECT_EQ(test, it->refs, 0);
}

static void bios_that_wait_outlive_the_owners_disk(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_bio *kbs[3];

	kunit_interposer_held(test, dev->bdev, owner);
	kunit_bios_submit(test, dev->bdev, kbs, 3);
	blk_mark_disk_dead(owner->disk);

	kunit_bios_expect(test, dev, kbs, 3);
}

static void owner_is_not_told_when_the_device_dies(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_interposer *it = kunit_interposer_open(test, dev->bdev, owner);

	blk_mark_disk_dead(dev->disk);

	KUNIT_EXPECT_NULL(test, it->owner_dead);
	KUNIT_EXPECT_TRUE(test, blk_interposer_attached(&it->ip));
}

static void bios_that_wait_fail_when_the_device_dies(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test), *owner = kunit_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_interposer *it = kunit_interposer_held(test, dev->bdev, owner);

	kunit_bio_submit(kb);
	blk_mark_disk_dead(dev->disk);
	blk_interposer_detach(&it->ip);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), -EIO);
}

/*
 * Attach and detach while others submit
 */

/*
 * The generation is odd while an attach or detach is under way; of the even
 * ones those with this bit mean attached.
 */
#define STRESS_ATTACHED		2

/**
 * struct stress - several submitters, and what they found
 *
 * @bdev: where they submit to
 * @generation: changes before and after each attach and detach
 * @attached: bios that were submitted from begin to end while attached
 * @detached: ... while detached
 * @wrong: those of them that went the other way
 * @lost: bios that did not complete
 * @twice: bios that completed more than once
 */
struct stress {
	struct block_device *bdev;
	atomic_t generation;
	atomic_t attached;
	atomic_t detached;
	atomic_t wrong;
	atomic_t lost;
	atomic_t twice;
};

static void stress_judge(struct stress *s, struct kunit_bio *kb, int generation)
{
	bool attached = generation & STRESS_ATTACHED;

	if (atomic_read(&kb->ended) != 1)
		atomic_inc(&s->twice);
	if (generation & 1)
		return;
	atomic_inc(attached ? &s->attached : &s->detached);
	if (kb->mark != attached)
		atomic_inc(&s->wrong);
}

static void stress_one(struct stress *s, struct kunit_bio *kb)
{
	int before, after;

	before = atomic_read_acquire(&s->generation);
	kunit_bio_submit(kb);
	smp_mb(); /* the bio is at its driver or its owner before this read */
	after = atomic_read(&s->generation);
	if (kunit_bio_wait(kb))
		stress_judge(s, kb, before == after ? before : 1);
	else
		atomic_inc(&s->lost);
}

static int stress_thread(void *data)
{
	struct stress *s = data;

	while (!kthread_should_stop()) {
		struct kunit_bio *kb =
			kunit_bio_new(s->bdev, REQ_OP_WRITE, 0, 8);

		if (kb) {
			stress_one(s, kb);
			kunit_bio_put(kb);
		}
		cond_resched();
	}
	return 0;
}

static void stress_thread_stop(void *task)
{
	kthread_stop(task);
}

static void stress_start(struct kunit *test, struct stress *s)
{
	unsigned int n = max(2U, num_online_cpus());
	struct task_struct *task;
	int ret;

	while (n--) {
		task = kthread_run(stress_thread, s, "kunit_stress/%u", n);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
		ret = kunit_add_action_or_reset(test, stress_thread_stop, task);
		KUNIT_ASSERT_EQ(test, ret, 0);
	}
}

/* Wait until the submitters have completed @n more bios of a kind. */
static bool stress_wait(atomic_t *count, int n)
{
	unsigned long deadline = jiffies + KUNIT_PATIENCE;

	n += atomic_read(count);
	while (atomic_read(count) - n < 0) {
		if (time_after(jiffies, deadline))
			return false;
		schedule_timeout_uninterruptible(1);
	}
	return true;
}

static void mark_and_end(struct kunit_disk *owner, struct bio *bio)
{
	struct kunit_bio *kb = bio->bi_private;

	kb->mark = true;
	kunit_disk_end_bio(owner, bio);
}

static void stress_cycle(struct kunit *test, struct stress *s,
			 struct blk_interposer *ip, struct kunit_disk *owner)
{
	int ret;

	KUNIT_ASSERT_TRUE(test, stress_wait(&s->detached, 20));
	atomic_inc(&s->generation);
	ret = blk_interposer_attach(ip, owner->bdev, false);
	KUNIT_ASSERT_EQ(test, ret, 0);
	atomic_inc(&s->generation);
	blk_interposer_open(ip);
	KUNIT_ASSERT_TRUE(test, stress_wait(&s->attached, 20));
	blk_interposer_hold(ip);
	schedule_timeout_uninterruptible(1);
	blk_interposer_open(ip);
	KUNIT_ASSERT_TRUE(test, stress_wait(&s->attached, 20));
	atomic_inc(&s->generation);
	blk_interposer_detach(ip);
	atomic_inc(&s->generation);
}

static void no_bio_goes_astray_while_it_attaches_and_detaches(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk_of_param(test);
	struct kunit_disk *owner = kunit_disk(test);
	struct stress *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct kunit_interposer *it;
	unsigned int cycle;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->bdev = dev->bdev;
	owner->submit = mark_and_end;
	it = kunit_interposer_idle(test, dev->bdev);
	stress_start(test, s);

	for (cycle = 0; cycle < 20; cycle++)
		stress_cycle(test, s, &it->ip, owner);

	KUNIT_EXPECT_EQ(test, atomic_read(&s->wrong), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->lost), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->twice), 0);
}

/*
 * What sits on what
 */

/**
 * struct holder_link - a claim, and the links of bd_link_disk_holder()
 *
 * @file: the lower device, claimed
 * @upper: the upper disk
 */
struct holder_link {
	struct file *file;
	struct gendisk *upper;
};

static void holder_unlink(struct holder_link *link)
{
	bd_unlink_disk_holder(file_bdev(link->file), link->upper);
	__fput_sync(link->file);
}

KUNIT_DEFINE_ACTION_WRAPPER(holder_unlink_action, holder_unlink,
			    struct holder_link *);

static int link_to(struct kunit *test, struct kunit_disk *upper,
		   struct block_device *lower)
{
	struct holder_link *link = kunit_kzalloc(test, sizeof(*link), GFP_KERNEL);
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, link);
	link->upper = upper->disk;
	link->file = bdev_file_open_by_dev(lower->bd_dev, BLK_OPEN_READ, link,
					   NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, link->file);
	ret = bd_link_disk_holder(lower, link->upper);
	if (ret) {
		__fput_sync(link->file);
		return ret;
	}
	ret = kunit_add_action_or_reset(test, holder_unlink_action, link);
	KUNIT_ASSERT_EQ(test, ret, 0);
	return 0;
}

static void put_on(struct kunit *test, struct kunit_disk *upper,
		   struct block_device *lower)
{
	KUNIT_ASSERT_EQ(test, link_to(test, upper, lower), 0);
}

/* Would an interposer of @bdev that redirects to @disk get its own I/O? */
static bool sits_on(struct kunit *test, struct gendisk *disk,
		    struct block_device *bdev)
{
	struct kunit_interposer *it = kunit_interposer_idle(test, bdev);
	bool ret;

	blk_interposer_claim(&it->ip, disk, NULL);
	ret = blk_interposer_loops(&it->ip);
	blk_interposer_claim(&it->ip, NULL, NULL);
	return ret;
}

static void disk_sits_on_the_device_below_it(struct kunit *test)
{
	struct kunit_disk *lower = kunit_disk(test), *upper = kunit_disk(test);

	put_on(test, upper, lower->bdev);

	KUNIT_EXPECT_TRUE(test, sits_on(test, upper->disk, lower->bdev));
	KUNIT_EXPECT_FALSE(test, sits_on(test, lower->disk, upper->bdev));
}

static void disk_sits_on_the_lowest_device(struct kunit *test)
{
	struct kunit_disk *lower = kunit_disk(test), *mid = kunit_disk(test);
	struct kunit_disk *upper = kunit_disk(test);

	put_on(test, mid, lower->bdev);
	put_on(test, upper, mid->bdev);

	KUNIT_EXPECT_TRUE(test, sits_on(test, upper->disk, lower->bdev));
}

/* A disk with partition 1 beneath @upper. */
static struct kunit_disk *part_below(struct kunit *test,
				     struct kunit_disk *upper)
{
	struct kunit_disk *lower = kunit_disk(test, .partitions = true);
	struct block_device *part = kunit_disk_part(lower, 1);

	KUNIT_ASSERT_NOT_NULL(test, part);
	KUNIT_ASSERT_NOT_NULL(test, kunit_disk_part(lower, 2));
	put_on(test, upper, part);
	return lower;
}

static void disk_on_a_partition_sits_on_the_whole_disk(struct kunit *test)
{
	struct kunit_disk *upper = kunit_disk(test);
	struct kunit_disk *lower = part_below(test, upper);

	KUNIT_EXPECT_TRUE(test, sits_on(test, upper->disk, lower->bdev));
	KUNIT_EXPECT_TRUE(test, sits_on(test, upper->disk, kunit_disk_part(lower, 1)));
}

static void disk_on_a_partition_does_not_sit_on_its_neighbour(struct kunit *test)
{
	struct kunit_disk *upper = kunit_disk(test);
	struct kunit_disk *lower = part_below(test, upper);

	KUNIT_EXPECT_FALSE(test, sits_on(test, upper->disk, kunit_disk_part(lower, 2)));
}

static void disk_on_a_whole_disk_sits_on_its_partitions(struct kunit *test)
{
	struct kunit_disk *lower = kunit_disk(test, .partitions = true);
	struct kunit_disk *upper = kunit_disk(test);
	struct block_device *part = kunit_disk_part(lower, 1);

	KUNIT_ASSERT_NOT_NULL(test, part);
	put_on(test, upper, lower->bdev);

	KUNIT_EXPECT_TRUE(test, sits_on(test, upper->disk, part));
}

/*
 * @lower's I/O goes to @upper, and that stands on @mid. With @beneath there is a way
 * past the hook.
 */
static void interpose_with(struct kunit *test, struct kunit_disk *lower,
			   struct kunit_disk *mid, struct kunit_disk *upper,
			   struct kunit_disk *beneath)
{
	struct kunit_interposer *it = kunit_interposer_idle(test, lower->bdev);

	put_on(test, upper, mid->bdev);
	blk_interposer_claim(&it->ip, upper->disk,
			     beneath ? beneath->disk : NULL);
	KUNIT_ASSERT_FALSE(test, blk_interposer_loops(&it->ip));
}

static void link_that_closes_a_circle_is_refused(struct kunit *test)
{
	struct kunit_disk *lower = kunit_disk(test), *mid = kunit_disk(test);
	struct kunit_disk *upper = kunit_disk(test);

	interpose_with(test, lower, mid, upper, NULL);

	KUNIT_EXPECT_EQ(test, link_to(test, mid, lower->bdev), -ELOOP);
	KUNIT_EXPECT_TRUE(test, list_empty(&mid->disk->slave_bdevs));
}

static void link_to_the_disk_beneath_closes_no_circle(struct kunit *test)
{
	struct kunit_disk *lower = kunit_disk(test), *mid = kunit_disk(test);
	struct kunit_disk *upper = kunit_disk(test), *beneath = kunit_disk(test);

	interpose_with(test, lower, mid, upper, beneath);

	KUNIT_EXPECT_EQ(test, link_to(test, mid, beneath->bdev), 0);
}

static void store_of_a_snapshot_on_its_origin_is_refused(struct kunit *test)
{
	struct kunit_disk *lower = kunit_disk(test), *mid = kunit_disk(test);
	struct kunit_disk *upper = kunit_disk(test), *beneath = kunit_disk(test);
	struct kunit_disk *snap = kunit_disk(test), *store = kunit_disk(test);
	struct kunit_disk *elsewhere = kunit_disk(test);

	interpose_with(test, lower, mid, upper, beneath);
	put_on(test, store, lower->bdev);
	put_on(test, snap, beneath->bdev);

	KUNIT_EXPECT_EQ(test, link_to(test, snap, elsewhere->bdev), 0);
	KUNIT_EXPECT_EQ(test, link_to(test, snap, store->bdev), -ELOOP);
}

static struct kunit_case blk_interposer_attach_cases[] = {
	KUNIT_CASE_PARAM(bio_reaches_the_driver_after_detach,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(detach_of_a_detached_interposer_does_nothing,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(interposer_can_be_attached_again,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(detach_waits_for_the_bio_at_the_owner,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(detach_waits_for_what_the_owner_split_off,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bio_sent_while_detach_waits_reaches_the_driver,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(empty_flush_that_waits_for_a_detach_is_not_for_the_driver,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bio_that_the_owner_parked_goes_back,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(parked_bio_that_was_not_redirected_fails,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bio_parked_while_detach_waits_goes_back,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(parked_bios_go_back_before_those_that_wait,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(attach_waits_for_older_bios,
			 kunit_async_kind_gen_params),
	KUNIT_CASE_PARAM(attach_waits_for_older_bios_of_others,
			 kunit_async_kind_gen_params),
	KUNIT_CASE(bio_sent_while_attach_waits_is_redirected),
	KUNIT_CASE(attach_that_is_interrupted_redirects_nothing),
	KUNIT_CASE(attach_needs_a_device_that_can_be_drained),
	KUNIT_CASE(attach_needs_an_array_that_accounts_its_bios),
	KUNIT_CASE(attach_believes_that_a_device_is_quiesced),
	KUNIT_CASE_PARAM(attach_refuses_what_is_interposed,
			 device_pair_gen_params),
	KUNIT_CASE_PARAM(attach_that_is_refused_changes_nothing,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE(attach_refuses_an_owner_that_is_taken),
	KUNIT_CASE(attach_refuses_an_owner_that_is_interposed),
	KUNIT_CASE(attach_refuses_a_device_that_owns_an_interposer),
	KUNIT_CASE(attach_refuses_an_owner_that_has_died),
	KUNIT_CASE(attach_refuses_an_owner_that_has_died_unseen),
	KUNIT_CASE_PARAM(owner_is_told_before_its_disk_dies,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bios_that_wait_outlive_the_owners_disk,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(owner_is_not_told_when_the_device_dies,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(bios_that_wait_fail_when_the_device_dies,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE_PARAM(no_bio_goes_astray_while_it_attaches_and_detaches,
			 kunit_disk_kind_gen_params),
	KUNIT_CASE(disk_sits_on_the_device_below_it),
	KUNIT_CASE(disk_sits_on_the_lowest_device),
	KUNIT_CASE(disk_on_a_partition_sits_on_the_whole_disk),
	KUNIT_CASE(disk_on_a_partition_does_not_sit_on_its_neighbour),
	KUNIT_CASE(disk_on_a_whole_disk_sits_on_its_partitions),
	KUNIT_CASE(link_that_closes_a_circle_is_refused),
	KUNIT_CASE(link_to_the_disk_beneath_closes_no_circle),
	KUNIT_CASE(store_of_a_snapshot_on_its_origin_is_refused),
	{}
};

static struct kunit_suite blk_interposer_attach_suite = {
	.name = "blk_interposer_attach",
	.test_cases = blk_interposer_attach_cases,
};

kunit_test_suite(blk_interposer_attach_suite);

MODULE_DESCRIPTION("KUnit tests of attaching and detaching block device interposers");
MODULE_LICENSE("GPL");
