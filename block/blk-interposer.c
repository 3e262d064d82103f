// SPDX-License-Identifier: GPL-2.0
/*
 * Block device interposer: redirect the bios of a block device, mounted and
 * busy or not, to another one.
 *
 *   submitter --bio--> @bdev: hook --+--> @bdev's driver   (nobody interposes)
 *                                    |
 *                                    +--> @owner: gate --> owner's driver
 *                                                            |
 *   @bdev's driver <-- hook (BIO_PAST_INTERPOSER) <-- @bdev --+
 *
 * This file has the slow paths behind the inline tests of blk-interposer.h, and
 * the functions for an interposer's owner. The states, the order of the steps
 * and what each lock protects are in Documentation/block/blk-interposer.rst.
 *
 * The two rules on which the rest stands:
 *
 *  - block_device->bd_interposer is read with q_usage_counter of that device's
 *    queue held. The pointer of the interposed device changes, and the pointer
 *    of the owner is cleared, only while that queue is frozen. So a frozen
 *    queue is the grace period: a bio is entirely before the change or
 *    entirely after it, wherever it slept on the way. request_queue->
 *    nr_interposers counts these pointers and changes with them.
 *
 *  - A bio at the owner has BIO_INTERPOSED and is counted in ->inflight until
 *    it has completed, or gone back to the interposed device. While the count
 *    is not zero both pointers of the interposer stay valid.
 */
#include <linux/blk-interposer.h>
#include <linux/blk-mq.h>
#include <linux/buffer_head.h>
#include <linux/major.h>
#include <linux/module.h>
#include <linux/part_stat.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <trace/events/block.h>

#include "blk.h"
#include "blk-interposer.h"

/* How often a detach looks for bios that its owner has put aside. */
#define BLK_INTERPOSER_POLL	msecs_to_jiffies(10)
/* How often a waiting attach checks whether it has to give up. */
#define BLK_INTERPOSER_LOOK	(HZ / 10)
/* After this long a detach or attach says what it is waiting for. */
#define BLK_INTERPOSER_PATIENCE	(10 * HZ)

/*
 * One count per initialised interposer. Deferred, so that attaching and
 * detaching in a row does not patch the kernel's text each time.
 */
DEFINE_STATIC_KEY_DEFERRED_FALSE(blk_interposer_key, HZ);

/*
 * Protects the changes of all bd_interposer pointers against each other,
 * GD_NO_INTERPOSER and blk_interposer_opens. Held for a few instructions;
 * nothing sleeps under it.
 */
static DEFINE_SPINLOCK(blk_interposer_lock);

static bool bio_for_owner(struct blk_interposer *ip, struct bio *bio)
{
	return bio->bi_bdev == ip->owner;
}

/*
 * Send a redirected bio to the interposed device after all, which then ends it.
 * Its cgroup was charged when it came: see bio_given_back(). The count is
 * dropped last, because it keeps @ip valid.
 */
static void blk_interposer_give_back(struct blk_interposer *ip,
				     struct bio *bio)
{
	bio->bi_bdev = ip->bdev;
	bio_set_flag(bio, BIO_PAST_INTERPOSER);
	/* a split that was made at the owner has the owner's blkg */
	bio_associate_blkg(bio);
	submit_bio_noacct(bio);
	percpu_ref_put(&ip->inflight);
}

/* Note whether a bio at the closed gate is one that the owner had put aside. */
static void blk_interposer_note_resubmitter(struct blk_interposer *ip)
{
	lockdep_assert_held(&ip->lock);

	if (!ip->resubmitted && ip->ops->resubmits && ip->ops->resubmits(ip))
		ip->resubmitted = true;
}

/*
 * The gate is closed, or it is open but there is no memory to bounce the bio
 * (@starved): keep the bio, or send it back. Returns false when the gate has
 * been opened in the meantime. Runs with the owner's q_usage_counter held.
 */
bool blk_interposer_park(struct blk_interposer *ip, struct bio *bio,
			 bool starved)
{
	bool nowait = false;

	spin_lock(&ip->lock);
	switch (ip->state) {
	case BLK_INTERPOSER_OPEN:
		if (!starved) {
			spin_unlock(&ip->lock);
			return false;
		}
		WRITE_ONCE(ip->starved, true);
		fallthrough;
	case BLK_INTERPOSER_HELD:
		blk_interposer_note_resubmitter(ip);
		nowait = bio->bi_opf & REQ_NOWAIT;
		if (!nowait) {
			/* it waits anyway, and DM core would fail it */
			bio->bi_opf &= ~REQ_RAHEAD;
			bio_list_add(&ip->held, bio);
		}
		spin_unlock(&ip->lock);
		if (nowait)
			bio_wouldblock_error(bio);
		return true;
	default:
		blk_interposer_note_resubmitter(ip);
		spin_unlock(&ip->lock);
		blk_interposer_give_back(ip, bio);
		return true;
	}
}

/*
 * An owner that may split a write, or send it elsewhere, cannot promise to
 * write all or nothing of it, except for a single block, which nobody splits.
 * This is checked here and not at the hook, because a bio that waits at the
 * gate goes to the owner's next table, or to the device. Returns true when @bio
 * has ended.
 */
static bool blk_interposer_refuse_atomic(struct blk_interposer *ip,
					 struct bio *bio)
{
	if (ip->atomic)
		return false;
	if (bio->bi_iter.bi_size <= min(bdev_logical_block_size(ip->bdev),
					bdev_logical_block_size(ip->owner))) {
		bio->bi_opf &= ~REQ_ATOMIC;
		return false;
	}
	bio->bi_status = BLK_STS_NOTSUPP;
	bio_endio(bio);
	return true;
}

/*
 * A bio is about to enter the owner. Only bios that came through the hook may:
 * the owner's device is for control only. A program that reads it as if it had
 * the data gets an error at once, instead of stale data later.
 */
static bool blk_interposer_gate(struct blk_interposer *ip, struct bio *bio)
{
	if (unlikely(!bio_redirected(bio))) {
		bio_set_flag(bio, BIO_QUIET);
		bio_io_error(bio);
		return true;
	}

	/*
	 * Pairs with the release in blk_interposer_set_state(): a task that
	 * finds the gate open sees what blk_interposer_fit() wrote before.
	 */
	if (unlikely(smp_load_acquire(&ip->state) != BLK_INTERPOSER_OPEN) &&
	    blk_interposer_park(ip, bio, false))
		return true;

	/*
	 * An owner that may wait gets an ordinary bio. This is not decided in
	 * blk_interposer_redirect(): at a closed gate the bio would then wait
	 * until the user resumes. Nobody else uses the bio here.
	 */
	if (unlikely(bio->bi_opf & REQ_NOWAIT) && !bdev_nowait(ip->owner))
		bio->bi_opf &= ~REQ_NOWAIT;
	if (unlikely(bio->bi_opf & REQ_ATOMIC) &&
	    blk_interposer_refuse_atomic(ip, bio))
		return true;
	return unlikely(ip->bounces) && blk_interposer_bounce(ip, bio);
}

/*
 * Address a bio of the interposed device, or of one of its partitions, to the
 * owner. It is counted in ->inflight.
 */
void blk_interposer_address(struct blk_interposer *ip, struct bio *bio)
{
	sector_t sector = bio->bi_iter.bi_sector;
	dev_t dev = bio->bi_bdev->bd_dev;

	bio->bi_iter.bi_sector = blk_interposer_sector(ip->bdev, bio);
	bio_clear_flag(bio, BIO_REMAPPED);

	/*
	 * bio_poll() must not meet a bio that waits at the gate or that DM core
	 * has put aside, and is submitted again by another task: it completes
	 * by interrupt.
	 */
	bio_clear_polled(bio);

	bio->bi_bdev = ip->owner;
	bio_set_flag(bio, BIO_INTERPOSED);
	bio_clear_flag(bio, BIO_PAST_INTERPOSER);
	bio_expect_endio(bio);
	trace_block_bio_remap(bio, dev, sector);
}

/* The same, and count it. Runs with q_usage_counter of the bio's queue held. */
void blk_interposer_readdress(struct blk_interposer *ip, struct bio *bio)
{
	percpu_ref_get(&ip->inflight);
	this_cpu_inc(*ip->redirected);
	blk_interposer_address(ip, bio);
}

/*
 * Redirect a bio at the hook. It is only put on the list of the
 * submit_bio_noacct() loop that runs the hook, so nothing blocks here while
 * q_usage_counter is held.
 */
static void blk_interposer_redirect(struct blk_interposer *ip,
				    struct bio *bio)
{
	blk_interposer_readdress(ip, bio);
	blk_interposer_queue(ip, bio);
}

/**
 * __bio_interpose - the hook's slow path
 * @bio: a bio about to enter the driver of ->bi_bdev
 *
 * Context: Process context inside submit_bio_noacct(), with q_usage_counter of
 *	the bio's queue held. Does not sleep.
 * Return: true when @bio was taken: redirected, put aside, or ended with an
 *	error. false when the caller goes on with it.
 */
bool __bio_interpose(struct bio *bio)
{
	struct blk_interposer *ip = bio_interposer(bio);

	if (!ip)
		return false;

	if (bio_for_owner(ip, bio))
		return blk_interposer_gate(ip, bio);

	if (WARN_ON_ONCE(!current->bio_list))
		return false;

	blk_interposer_redirect(ip, bio);
	return true;
}

/**
 * __bio_interpose_early - redirect a bio before it is on any list
 * @bio: a bio whose device seems to be interposed
 *
 * Holds q_usage_counter as the hook does, but only while it looks at the
 * pointer. So a bio that is redirected here cannot miss a change either. While
 * the queue is frozen, @bio waits here and not on its way into the driver.
 *
 * Context: Process context, outside of the device's q_usage_counter. Sleeps as
 *	submit_bio() does.
 * Return: true when the caller goes on with @bio, which is for the owner or, if
 *	the device is not interposed after all, for the device. false when @bio
 *	has ended, because the device is dying, or because its queue is frozen
 *	and @bio must not wait.
 */
bool __bio_interpose_early(struct bio *bio)
{
	struct request_queue *q = bdev_get_queue(bio->bi_bdev);
	struct blk_interposer *ip;

	if (bio_queue_enter(bio))
		return false;
	ip = bio_interposer(bio);
	if (ip && !bio_for_owner(ip, bio))
		blk_interposer_readdress(ip, bio);
	blk_queue_exit(q);
	return true;
}

/**
 * __bio_interpose_flush - redirect an empty flush before it is submitted
 * @bio: an empty flush of a device without a write cache
 *
 * The device that @bio is redirected to may have a cache. The device itself has
 * none, and its driver may not handle a bio without data. To leave @bio to the
 * hook would be too late: by the time that @bio has waited for a queue that a
 * detach has frozen, the device is no longer interposed. @bio may overtake
 * older writes of the same task that still wait for the queue. That does no
 * harm: a flush is for writes that have completed.
 *
 * Context: Process context, outside of the device's q_usage_counter. Sleeps as
 *	submit_bio() does.
 * Return: true when @bio was taken: redirected, or ended with an error. false
 *	when the device is not interposed after all.
 */
bool __bio_interpose_flush(struct bio *bio)
{
	struct block_device *bdev = bio->bi_bdev;

	if (!__bio_interpose_early(bio))
		return true;
	if (bio->bi_bdev == bdev)
		return false;
	submit_bio_noacct(bio);
	return true;
}

/*
 * Redo what blk_partition_remap() did and blk_interposer_readdress() undid.
 * Neither moves an empty flush, and the owner does not change whether a bio has
 * data.
 */
static void blk_interposer_remap_again(struct bio *bio)
{
	if (!bdev_is_partition(bio->bi_bdev))
		return;
	if (bio_sectors(bio))
		bio->bi_iter.bi_sector += bio->bi_bdev->bd_start_sect;
	bio_set_flag(bio, BIO_REMAPPED);
}

/**
 * __bio_interpose_endio - a bio that has been through the hook completes
 * @bio: the bio
 *
 * Restores the device and sector of a redirected bio, as the device would leave
 * them without an interposer: for the submitter's completion handler, for
 * messages and for blktrace. Drops its count. Clears the flags, so that a
 * submitter may use the bio again without bio_reset().
 *
 * Context: Any context.
 */
void __bio_interpose_endio(struct bio *bio)
{
	/* a bio that was given back has its own device already, and no count */
	if (bio_redirected(bio)) {
		/* the count of this bio keeps the owner's pointer in place */
		struct blk_interposer *ip = bdev_interposer(bio->bi_bdev);

		bio->bi_bdev = ip->bdev;
		blk_interposer_remap_again(bio);
		percpu_ref_put(&ip->inflight);
	} else if (bio_is_direct(bio)) {
		bio_clear_direct(bio);
		/* as above */
		blk_interposer_direct_done(bio_interposer(bio));
	}
	bio_clear_flag(bio, BIO_INTERPOSED);
	bio_clear_flag(bio, BIO_PAST_INTERPOSER);
}

/**
 * __bio_interpose_chain - hand on what a bio has passed to a part of it
 * @bio: a bio that is being chained to @parent
 * @parent: a bio that has been through the hook
 *
 * A part for the same device may be submitted to it again in place of its
 * parent: a split, or what DM core has to repeat. Any other clone is a bio of
 * its own, on its way to another device whose hook must see it.
 *
 * Context: Any context.
 */
void __bio_interpose_chain(struct bio *bio, struct bio *parent)
{
	struct block_device *bdev = parent->bi_bdev;

	if (bio->bi_bdev != bdev)
		return;

	if (bio_redirected(parent) && !bio_redirected(bio)) {
		/* the count of @parent keeps the owner's pointer in place */
		percpu_ref_get(&bdev_interposer(bdev)->inflight);
		bio_expect_endio(bio);
	}
	bio->bi_flags |= parent->bi_flags & (1U << BIO_INTERPOSED |
					     1U << BIO_PAST_INTERPOSER);
}

/*
 * Keep the interposer, and the code of its operations, until
 * blk_interposer_disk_dead() is done with them.
 *
 * Concurrency: another task may detach the interposer at any time, release it
 * and unload the owner's module. But first it clears the owner's pointer, under
 * this lock, and the publisher holds a reference to the module until then. So
 * while the pointer is set the module is not being unloaded, and
 * try_module_get() does not fail.
 */
static bool blk_interposer_owner_get(struct blk_interposer *ip)
{
	lockdep_assert_held(&blk_interposer_lock);

	if (WARN_ON_ONCE(!try_module_get(ip->ops->owner)))
		return false;
	ip->ops->get(ip);
	return true;
}

/**
 * blk_interposer_disk_dead - detach the interposer whose owner is about to die
 * @disk: the disk that is about to be marked dead
 *
 * Called before @disk is marked dead, while its I/O still works. From now on it
 * cannot own an interposer, even if the hook is only turned on later, and a
 * waiting attach gives up. Nothing is done for a disk that is interposed
 * itself: drivers mark such a disk dead with its queue frozen or quiesced. Its
 * interposer lets the I/O fail and is detached later.
 *
 * Context: Process context. Sleeps until the interposer is detached.
 */
void blk_interposer_disk_dead(struct gendisk *disk)
{
	const struct blk_interposer_ops *ops = NULL;
	struct block_device *bdev = disk->part0;
	struct blk_interposer *ip;

	/* GD_NO_INTERPOSER: pairs with the test in blk_interposer_publish() */
	spin_lock(&blk_interposer_lock);
	set_bit(GD_NO_INTERPOSER, &disk->state);
	ip = bdev_interposer(bdev);
	if (ip && ip->owner == bdev && blk_interposer_owner_get(ip))
		ops = ip->ops;
	spin_unlock(&blk_interposer_lock);

	if (!ops)
		return;
	ops->owner_dead(ip, disk);
	WARN_ON_ONCE(bdev_interposer(bdev) == ip);
	ops->put(ip);
	module_put(ops->owner);
}

static const bool blk_interposer_moves[][BLK_INTERPOSER_DETACHING + 1] = {
	[BLK_INTERPOSER_IDLE]	   = { [BLK_INTERPOSER_HELD] = true },
	[BLK_INTERPOSER_HELD]	   = { [BLK_INTERPOSER_OPEN] = true,
				       [BLK_INTERPOSER_DETACHING] = true },
	[BLK_INTERPOSER_OPEN]	   = { [BLK_INTERPOSER_HELD] = true,
				       [BLK_INTERPOSER_DETACHING] = true },
	[BLK_INTERPOSER_DETACHING] = { [BLK_INTERPOSER_IDLE] = true },
};

/* The only place where the state changes. */
static void blk_interposer_set_state(struct blk_interposer *ip,
				     enum blk_interposer_state state)
{
	lockdep_assert_held(&ip->lock);
	WARN_ON_ONCE(!blk_interposer_moves[ip->state][state]);
	/* pairs with the acquire in blk_interposer_gate() */
	smp_store_release(&ip->state, state);
}

/*
 * The last close
 *
 * When the last of its users closes a block device, its page cache is written
 * back and dropped: the next opener must see data that was written in the
 * meantime past that cache. An interposer keeps its device open all the
 * time, because drivers free, reset or detach a device that is not open. This
 * open must not keep the cache.
 *
 * ->bd_openers counts the interposer's open like any other. What remains after
 * subtracting the opens of interposers are the users. Each interposer opens its
 * device once: blk_interposer_init() comes after that, and
 * blk_interposer_exit() before the close. An open of a partition opens the
 * whole disk as well.
 *
 * Concurrency: a task that closes the device, or that has put an interposer on
 * the list, checks afterwards, under the lock of the list. So the later of the
 * two sees what both have done. A task that opens the device a moment later
 * finds its pages clean or still dirty, and rereads those that are gone: unlike
 * in a last close, no page is dropped that is dirty or in use. So this works
 * without open_mutex. It must not take open_mutex, because the I/O that it
 * waits for may wait at a closed gate.
 */
static LIST_HEAD(blk_interposer_opens);

static bool bdev_left_to_interposers(struct block_device *bdev)
{
	bool whole = !bdev_is_partition(bdev);
	struct blk_interposer *ip;
	int opens = 0;

	spin_lock(&blk_interposer_lock);
	list_for_each_entry(ip, &blk_interposer_opens, open)
		opens += ip->bdev == bdev ||
			 (whole && ip->bdev->bd_disk == bdev->bd_disk);
	spin_unlock(&blk_interposer_lock);
	return opens && atomic_read(&bdev->bd_openers) == opens;
}

/* Reset the block size, as a first open does: a user may have changed it. */
static void bdev_reset_block_size(struct block_device *bdev)
{
	struct address_space *mapping = bdev->bd_mapping;
	unsigned int bits;

	mutex_lock(&bdev->bd_disk->open_mutex);
	if (bdev_left_to_interposers(bdev) && mapping_empty(mapping)) {
		bits = __ffs64(i_size_read(mapping->host) | PAGE_SIZE);
		mapping->host->i_blkbits =
			max(bits, blksize_bits(bdev_logical_block_size(bdev)));
	}
	mutex_unlock(&bdev->bd_disk->open_mutex);
}

static void bdev_flush_unused(struct block_device *bdev)
{
	if (!bdev_left_to_interposers(bdev))
		return;

	sync_blockdev(bdev);
	invalidate_bh_lrus();
	invalidate_inode_pages2(bdev->bd_mapping);
	bdev_reset_block_size(bdev);
}

/**
 * __bdev_interposed_closed - do what a last close does without an interposer
 * @bdev: a device that has just been closed
 *
 * Handles @bdev, and the disk that it is a partition of, if only interposers
 * have them open.
 *
 * Context: Process context, without open_mutex. Sleeps until what is cached has
 *	been written.
 */
void __bdev_interposed_closed(struct block_device *bdev)
{
	bdev_flush_unused(bdev);
	if (bdev_is_partition(bdev))
		bdev_flush_unused(bdev_whole(bdev));
}

/* From now on the interposer's open does not count as a user's. */
static void blk_interposer_opened(struct blk_interposer *ip)
{
	spin_lock(&blk_interposer_lock);
	list_add(&ip->open, &blk_interposer_opens);
	spin_unlock(&blk_interposer_lock);
	/* a close in the meantime did not count as the last one */
	__bdev_interposed_closed(ip->bdev);
}

static void blk_interposer_closing(struct blk_interposer *ip)
{
	spin_lock(&blk_interposer_lock);
	list_del(&ip->open);
	spin_unlock(&blk_interposer_lock);
}

static void blk_interposer_drained(struct percpu_ref *ref)
{
	struct blk_interposer *ip =
		container_of(ref, struct blk_interposer, inflight);

	complete(&ip->drained);
}

/**
 * blk_interposer_init - prepare an interposer for a block device
 * @ip: the interposer, zeroed
 * @bdev: the device to interpose; stays open until blk_interposer_exit()
 * @ops: the owner's operations
 *
 * Turns the hook on for the whole system, but redirects nothing yet. The
 * caller's open of @bdev no longer counts as a user's, so it does not keep the
 * page cache.
 *
 * Context: Process context. Sleeps.
 * Return: 0, or -ENOMEM.
 */
int blk_interposer_init(struct blk_interposer *ip, struct block_device *bdev,
			const struct blk_interposer_ops *ops)
{
	int ret;

	ip->bdev = bdev;
	ip->ops = ops;
	ip->state = BLK_INTERPOSER_IDLE;
	INIT_LIST_HEAD(&ip->list);
	spin_lock_init(&ip->lock);
	bio_list_init(&ip->held);
	init_completion(&ip->drained);

	ip->redirected = alloc_percpu(unsigned long);
	if (!ip->redirected)
		return -ENOMEM;

	ret = percpu_ref_init(&ip->inflight, blk_interposer_drained,
			      PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
	if (ret) {
		free_percpu(ip->redirected);
		return ret;
	}

	ret = blk_interposer_hook(ip);
	if (ret) {
		percpu_ref_exit(&ip->inflight);
		free_percpu(ip->redirected);
		return ret;
	}

	static_branch_deferred_inc(&blk_interposer_key);
	blk_interposer_opened(ip);
	return 0;
}
EXPORT_SYMBOL_GPL(blk_interposer_init);

/**
 * blk_interposer_exit - the counterpart of blk_interposer_init()
 * @ip: the interposer, detached
 *
 * No bio that bio_set_past_interposer() has marked for this interposer's
 * device may be in flight any more. The caller closes the device after this.
 *
 * Context: Process context. Sleeps.
 */
void blk_interposer_exit(struct blk_interposer *ip)
{
	WARN_ON_ONCE(blk_interposer_attached(ip));

	blk_interposer_forget(ip);
	blk_interposer_closing(ip);
	static_branch_slow_dec_deferred(&blk_interposer_key);
	blk_interposer_unhook(ip);
	percpu_ref_exit(&ip->inflight);
	free_percpu(ip->redirected);
	blk_interposer_bounce_free(ip);
}
EXPORT_SYMBOL_GPL(blk_interposer_exit);

/* Is @bdev, or anything on the same disk that overlaps it, interposed? */
static bool bdev_overlaps_interposed(struct block_device *bdev)
{
	struct block_device *part;
	unsigned long idx;
	bool busy = false;

	lockdep_assert_held(&blk_interposer_lock);

	if (bdev_is_partition(bdev))
		return bdev_interposed(bdev);

	rcu_read_lock();
	xa_for_each(&bdev->bd_disk->part_tbl, idx, part)
		busy |= !!bdev_interposer(part);
	rcu_read_unlock();
	return busy;
}

/*
 * Change BD_INTERPOSED or BD_INTERPOSE_DIRECT of all devices whose bios an
 * interposer of @bdev redirects. Both are hints: see bio_interpose_early().
 */
static void blk_interposer_hint(struct block_device *bdev,
				void (*change)(struct block_device *bdev,
					       unsigned int flag),
				unsigned int flag)
{
	struct block_device *part;
	unsigned long idx;

	if (bdev_is_partition(bdev)) {
		change(bdev, flag);
		return;
	}
	rcu_read_lock();
	xa_for_each(&bdev->bd_disk->part_tbl, idx, part)
		change(part, flag);
	rcu_read_unlock();
}

/* For the hook: the number of devices of a queue that take part in one. */
static void blk_interposer_count(struct block_device *bdev, int change)
{
	lockdep_assert_held(&blk_interposer_lock);
	queue_count_interposer(bdev_get_queue(bdev), change);
}

/*
 * Make the interposer visible to the hook, with the gate closed. The queue of
 * ->bdev is frozen. That of the owner need not be: the worst that a bio in it
 * can do is to enter the owner unseen, as it could a moment ago.
 */
static int blk_interposer_publish(struct blk_interposer *ip,
				  struct block_device *owner)
{
	int ret = 0;

	spin_lock(&blk_interposer_lock);
	if (bdev_overlaps_interposed(ip->bdev) || bdev_interposer(owner)) {
		ret = -EBUSY;
	} else if (test_bit(GD_NO_INTERPOSER, &owner->bd_disk->state)) {
		ret = -ENODEV;
	} else {
		ip->owner = owner;
		spin_lock(&ip->lock);
		blk_interposer_set_state(ip, BLK_INTERPOSER_HELD);
		ip->resubmitted = false;
		spin_unlock(&ip->lock);
		/*
		 * The owner's queue is not frozen: with the release a bio that
		 * is in it sees all of @ip.
		 */
		bdev_set_interposer(owner, ip);
		blk_interposer_count(owner, 1);
		/* with this one a redirected bio finds the gate at the owner */
		bdev_set_interposer(ip->bdev, ip);
		blk_interposer_count(ip->bdev, 1);
		blk_interposer_hint(ip->bdev, bdev_set_flag, BD_INTERPOSED);
	}
	spin_unlock(&blk_interposer_lock);

	return ret;
}

/**
 * blk_interposer_set_direct - say whether bios may be mapped where they are
 * @ip: the interposer
 * @direct: &blk_interposer_ops.enter would let some of them in
 *
 * A hint. While it is missing all bios are redirected. Where it is wrong, the
 * owner lets none in, and they are redirected a little later.
 *
 * Concurrency: with a detach, by blk_interposer_lock: a device that is no longer
 * interposed does not get the flag. With bios of the device: see
 * bio_interpose_early().
 *
 * Context: Process context.
 */
void blk_interposer_set_direct(struct blk_interposer *ip, bool direct)
{
	spin_lock(&blk_interposer_lock);
	if (bdev_interposer(ip->bdev) == ip &&
	    queue_is_mq(bdev_get_queue(ip->bdev)))
		blk_interposer_hint(ip->bdev,
				    direct ? bdev_set_flag : bdev_clear_flag,
				    BD_INTERPOSE_DIRECT);
	spin_unlock(&blk_interposer_lock);
}
EXPORT_SYMBOL_GPL(blk_interposer_set_direct);

/*
 * While the queue is frozen, no task is in the driver's ->submit_bio(), nor
 * between the hook and there. Reclaim could wait for I/O to the queue, so
 * allocations must not start I/O until queue_unfreeze_noio(), as in
 * blk_mq_freeze_queue() itself since 6.14.
 */
static unsigned int queue_freeze_noio(struct request_queue *q)
{
	unsigned int memflags = memalloc_noio_save();

	blk_mq_freeze_queue(q);
	return memflags;
}

static void queue_unfreeze_noio(struct request_queue *q, unsigned int memflags)
{
	blk_mq_unfreeze_queue(q);
	memalloc_noio_restore(memflags);
}

/*
 * Freeze the queue for an attach, which can give up without having changed
 * anything: a disk that does not respond, or a multipath device that queues,
 * may prevent the freeze forever. Nothing is frozen unless this returns 0.
 */
static int queue_freeze_interruptible(struct blk_interposer *ip,
				      struct block_device *owner,
				      unsigned int *memflags)
{
	struct request_queue *q = bdev_get_queue(ip->bdev);
	unsigned long deadline = jiffies + BLK_INTERPOSER_PATIENCE;
	bool told = false;
	int ret;

	*memflags = memalloc_noio_save();
	blk_freeze_queue_start(q);
	while (blk_mq_freeze_queue_wait_timeout(q, BLK_INTERPOSER_LOOK) <= 0) {
		ret = blk_interposer_interrupted(owner);
		if (ret) {
			queue_unfreeze_noio(q, *memflags);
			return ret;
		}
		if (!told && time_after(jiffies, deadline)) {
			pr_warn("%pg: attach to %pg waits for its I/O in flight\n",
				owner, ip->bdev);
			told = true;
		}
	}
	return 0;
}

/* Clear the pointer of @bdev, with the frozen queue as the grace period. */
static void blk_interposer_unpublish(struct block_device *bdev)
{
	struct request_queue *q = bdev_get_queue(bdev);
	unsigned int memflags = queue_freeze_noio(q);

	spin_lock(&blk_interposer_lock);
	bdev_set_interposer(bdev, NULL);
	blk_interposer_count(bdev, -1);
	blk_interposer_hint(bdev, bdev_clear_flag,
			    BD_INTERPOSED | BD_INTERPOSE_DIRECT);
	spin_unlock(&blk_interposer_lock);
	queue_unfreeze_noio(q, memflags);
}

static unsigned int bdev_in_flight(struct block_device *bdev)
{
	unsigned int in_flight = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		in_flight += part_stat_local_read_cpu(bdev, in_flight[0], cpu) +
			     part_stat_local_read_cpu(bdev, in_flight[1], cpu);
	return in_flight;
}

/* All the I/O that a bio-based driver has accounted as started and not ended. */
static unsigned int disk_in_flight(struct block_device *bdev)
{
	struct block_device *part;
	unsigned long idx;
	unsigned int in_flight = 0;

	if (bdev_is_partition(bdev))
		return bdev_in_flight(bdev);

	rcu_read_lock();
	xa_for_each(&bdev->bd_disk->part_tbl, idx, part)
		in_flight += bdev_in_flight(part);
	rcu_read_unlock();
	return in_flight;
}

/*
 * The counters are added up one after the other. If I/O starts on one CPU and
 * ends on another in the meantime, the sum may be zero too early. Such I/O is
 * new, and comes from below the interposer. While the queue is frozen, none
 * starts. Returns -EAGAIN when the disk is not idle, or the reason to give up.
 */
static int blk_interposer_idle(struct blk_interposer *ip)
{
	unsigned int memflags;
	int ret;

	if (disk_in_flight(ip->bdev))
		return blk_interposer_interrupted(ip->owner) ?: -EAGAIN;

	ret = queue_freeze_interruptible(ip, ip->owner, &memflags);
	if (ret)
		return ret;
	ret = disk_in_flight(ip->bdev) ? -EAGAIN : 0;
	queue_unfreeze_noio(bdev_get_queue(ip->bdev), memflags);
	return ret;
}

/*
 * A frozen queue means no I/O in flight for blk-mq, and for drivers that
 * complete inside ->submit_bio(). Other bio-based drivers hold their queue only
 * while they accept a bio: wait until they have accounted the end of each bio
 * that was submitted before the interposer was published.
 */
static int blk_interposer_wait_older(struct blk_interposer *ip)
{
	unsigned long deadline = jiffies + BLK_INTERPOSER_PATIENCE;
	bool told = false;
	int ret;

	while ((ret = blk_interposer_idle(ip)) == -EAGAIN) {
		if (signal_pending(current))
			return -EINTR;
		if (!told && time_after(jiffies, deadline)) {
			pr_warn("%pg: attach to %pg waits for its I/O in flight\n",
				ip->owner, ip->bdev);
			told = true;
		}
		schedule_timeout_interruptible(1);
	}
	return ret;
}

static bool bdev_drained_by_freeze(struct block_device *bdev)
{
	return queue_is_mq(bdev_get_queue(bdev)) || bdev_synchronous(bdev);
}

/*
 * MD accounts each read and write before ->submit_bio() returns. Others account
 * later, or on another device, so their accounting proves nothing.
 */
static bool bdev_drain_accounted(struct block_device *bdev)
{
	return bdev->bd_disk->major == MD_MAJOR &&
		blk_queue_io_stat(bdev_get_queue(bdev));
}

/**
 * blk_interposer_prepare - shorten the time for which I/O will be held
 * @ip: the interposer
 * @owner: its owner, or the device that will own it; the caller ensures that
 *	its disk stays
 *
 * Waits now, while I/O flows, for the RCU grace periods that an attach, a
 * detach or blk_interposer_sync() would otherwise wait for while I/O is held or
 * a file system is frozen. Nothing depends on this: another user of a queue may
 * undo it at any time, and then I/O is held for longer. The caller must call
 * blk_interposer_settle() afterwards in any case.
 *
 * Context: Process context. Sleeps for a grace period of RCU.
 */
void blk_interposer_prepare(struct blk_interposer *ip,
			    struct block_device *owner)
{
	struct percpu_ref *refs[] = {
		&bdev_get_queue(ip->bdev)->q_usage_counter,
		&bdev_get_queue(owner)->q_usage_counter,
		&ip->inflight,
	};
	int i;

	/* one grace period for all of them */
	for (i = 0; i < ARRAY_SIZE(refs); i++)
		percpu_ref_switch_to_atomic(refs[i], NULL);
	for (i = 0; i < ARRAY_SIZE(refs); i++)
		percpu_ref_switch_to_atomic_sync(refs[i]);
}
EXPORT_SYMBOL_GPL(blk_interposer_prepare);

/**
 * blk_interposer_settle - undo blk_interposer_prepare()
 * @ip: the interposer, attached or not
 * @owner: as for blk_interposer_prepare()
 *
 * Context: Process context. May sleep.
 */
void blk_interposer_settle(struct blk_interposer *ip,
			   struct block_device *owner)
{
	percpu_ref_switch_to_percpu(&ip->inflight);
	percpu_ref_switch_to_percpu(&bdev_get_queue(ip->bdev)->q_usage_counter);
	percpu_ref_switch_to_percpu(&bdev_get_queue(owner)->q_usage_counter);
}
EXPORT_SYMBOL_GPL(blk_interposer_settle);

/**
 * blk_interposer_attach - start redirecting the bios of a device
 * @ip: the interposer
 * @owner: the whole device to redirect to
 * @quiesced: the caller has done what it can to ensure that no I/O is in flight
 *	on the device; for drivers that do not report their I/O in flight
 *
 * Every bio that is submitted after this has returned goes to @owner, and all
 * I/O that was submitted to the device before has completed. The gate is
 * closed: bios wait there until blk_interposer_open().
 *
 * Concurrency: submitters run on all CPUs. A bio holds q_usage_counter from
 * before the hook until it is a request or, for a bio-based driver, until
 * ->submit_bio() has returned, so it is in the driver before the pointer is set
 * or sees the pointer. Attaches to overlapping devices, or with the same owner,
 * are serialised by blk_interposer_lock. The death of @owner takes that lock
 * too. Either it finds the pointer, or the attach finds GD_NO_INTERPOSER, even
 * while it waits, so a removal of @owner does not have to wait for the attach.
 *
 * Context: Process context. Sleeps until the device's I/O in flight is over.
 * Return: 0; -EBUSY when the device, its disk, one of its partitions or @owner
 *	has an interposer; -ENODEV when @owner is being removed; -EOPNOTSUPP
 *	when the driver does not report its I/O in flight; -EINTR when current
 *	was killed. On error nothing is redirected.
 */
int blk_interposer_attach(struct blk_interposer *ip,
			  struct block_device *owner, bool quiesced)
{
	struct request_queue *q = bdev_get_queue(ip->bdev);
	unsigned int memflags;
	int ret;

	might_sleep();

	if (!quiesced && !bdev_drained_by_freeze(ip->bdev) &&
	    !bdev_drain_accounted(ip->bdev))
		return -EOPNOTSUPP;

	ret = blk_interposer_get_places(ip, owner);
	if (ret)
		return ret;
	ret = queue_freeze_interruptible(ip, owner, &memflags);
	if (ret)
		return ret;
	ret = blk_interposer_publish(ip, owner);
	queue_unfreeze_noio(q, memflags);
	if (ret || !bdev_drain_accounted(ip->bdev))
		return ret;

	ret = blk_interposer_wait_older(ip);
	if (ret)
		blk_interposer_detach(ip);
	return ret;
}
EXPORT_SYMBOL_GPL(blk_interposer_attach);

/* Send the bios at the gate, and those that the owner parked, to the device. */
static void blk_interposer_return_all(struct blk_interposer *ip)
{
	struct bio_list bios = BIO_EMPTY_LIST;
	struct bio *bio;

	if (ip->ops->take_parked)
		ip->ops->take_parked(ip, &bios);

	spin_lock(&ip->lock);
	bio_list_merge_init(&bios, &ip->held);
	spin_unlock(&ip->lock);

	while ((bio = bio_list_pop(&bios))) {
		if (bio_redirected(bio))
			blk_interposer_give_back(ip, bio);
		else
			/* entered the owner before the gate was there */
			bio_io_error(bio);
	}
}

/**
 * blk_interposer_detach - stop redirecting the bios of a device
 * @ip: the interposer; nothing happens when it is not attached
 *
 * When this returns, no bio is at the owner and every bio of the device goes
 * straight to it. None is failed: those that wait at the gate, and those that
 * the owner parked, are sent to the device. The owner must not hold back bios
 * that it has already accepted: this function waits for them.
 *
 * Concurrency: between the first step and the last, a redirected bio can be on
 * some task's bio_list on its way to the gate (it finds DETACHING there and
 * goes back), inside the owner (it completes), or put aside by the owner, also
 * late, from a completion handler (->take_parked() is asked until the count is
 * zero). The owner's pointer goes last, since the gate and bio_endio() use it.
 *
 * Context: Process context; one caller at a time. Sleeps until all redirected
 *	bios have completed or gone back.
 */
void blk_interposer_detach(struct blk_interposer *ip)
{
	unsigned long deadline = jiffies + BLK_INTERPOSER_PATIENCE;

	might_sleep();

	if (!blk_interposer_attached(ip))
		return;

	/* first, or bios that the gate gives back would be redirected again */
	blk_interposer_unpublish(ip->bdev);

	spin_lock(&ip->lock);
	blk_interposer_set_state(ip, BLK_INTERPOSER_DETACHING);
	spin_unlock(&ip->lock);

	percpu_ref_kill(&ip->inflight);
	do {
		blk_interposer_return_all(ip);
		if (deadline && time_after(jiffies, deadline)) {
			pr_warn("%pg: detach from %pg waits for I/O in flight\n",
				ip->owner, ip->bdev);
			deadline = 0;
		}
	} while (!wait_for_completion_timeout(&ip->drained,
					      BLK_INTERPOSER_POLL));

	blk_interposer_unpublish(ip->owner);

	reinit_completion(&ip->drained);
	percpu_ref_reinit(&ip->inflight);
	spin_lock(&ip->lock);
	blk_interposer_set_state(ip, BLK_INTERPOSER_IDLE);
	spin_unlock(&ip->lock);
}
EXPORT_SYMBOL_GPL(blk_interposer_detach);

/**
 * blk_interposer_hold - close the gate
 * @ip: the interposer
 *
 * Bios that come to the owner from now on wait. By suspending, the owner itself
 * waits for those that have passed the gate.
 *
 * Context: Process context; serialised with blk_interposer_open() by the owner.
 */
void blk_interposer_hold(struct blk_interposer *ip)
{
	spin_lock(&ip->lock);
	if (ip->state == BLK_INTERPOSER_OPEN) {
		blk_interposer_set_state(ip, BLK_INTERPOSER_HELD);
		ip->resubmitted = false;
	}
	spin_unlock(&ip->lock);
}
EXPORT_SYMBOL_GPL(blk_interposer_hold);

/**
 * blk_interposer_sync - wait for tasks that have passed the gate
 * @ip: the interposer, with the gate closed
 *
 * A task that found the gate open may not have entered the owner's driver yet.
 * When this returns, every such task has, and the next one will find the gate
 * closed. The owner's driver must not make submitters wait in the meantime.
 *
 * Context: Process context. Sleeps.
 */
void blk_interposer_sync(struct blk_interposer *ip)
{
	struct request_queue *q;

	if (!blk_interposer_attached(ip))
		return;

	q = bdev_get_queue(ip->owner);
	queue_unfreeze_noio(q, queue_freeze_noio(q));
}
EXPORT_SYMBOL_GPL(blk_interposer_sync);

/**
 * blk_interposer_open - open the gate
 * @ip: the interposer
 *
 * Bios enter the owner from now on, and those that waited are submitted to it
 * in the order in which they came.
 *
 * Context: Process context. May sleep in the submission of the held bios.
 */
void blk_interposer_open(struct blk_interposer *ip)
{
	struct bio_list bios = BIO_EMPTY_LIST;
	struct bio *bio;

	spin_lock(&ip->lock);
	if (ip->state == BLK_INTERPOSER_HELD) {
		blk_interposer_set_state(ip, BLK_INTERPOSER_OPEN);
		bio_list_merge_init(&bios, &ip->held);
	}
	spin_unlock(&ip->lock);

	while ((bio = bio_list_pop(&bios)))
		submit_bio_noacct(bio);
}
EXPORT_SYMBOL_GPL(blk_interposer_open);

/**
 * blk_interposer_attached - is anything redirected?
 * @ip: the interposer
 *
 * Context: Any context.
 * Return: true from a successful blk_interposer_attach() to the end of
 *	blk_interposer_detach().
 */
bool blk_interposer_attached(const struct blk_interposer *ip)
{
	return READ_ONCE(ip->state) != BLK_INTERPOSER_IDLE;
}
EXPORT_SYMBOL_GPL(blk_interposer_attached);

/**
 * blk_interposer_redirected - how many bios were redirected so far?
 * @ip: the interposer
 *
 * Context: Any context.
 * Return: the number since blk_interposer_init().
 */
unsigned long blk_interposer_redirected(const struct blk_interposer *ip)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(ip->redirected, cpu);
	return sum;
}
EXPORT_SYMBOL_GPL(blk_interposer_redirected);

/**
 * blk_interposer_held - how many bios wait at the gate?
 * @ip: the interposer
 *
 * Context: Process context.
 * Return: the number at this moment.
 */
unsigned int blk_interposer_held(struct blk_interposer *ip)
{
	unsigned int n;

	spin_lock(&ip->lock);
	n = bio_list_size(&ip->held);
	spin_unlock(&ip->lock);
	return n;
}
EXPORT_SYMBOL_GPL(blk_interposer_held);

/**
 * blk_interposer_users - for how many interposers is the hook turned on?
 *
 * Context: Any context.
 * Return: the count of the static key. It stays up for about a second after
 *	the last blk_interposer_exit().
 */
int blk_interposer_users(void)
{
	return static_key_count(&blk_interposer_key.key.key);
}
EXPORT_SYMBOL_GPL(blk_interposer_users);
