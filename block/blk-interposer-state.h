/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block device interposer: where the block core keeps what it knows of one.
 *
 * All that the interposer's code needs of a kernel that has the hook built in is
 * behind these, so that it can be compiled for one that has not.
 */
#ifndef BLK_INTERPOSER_STATE_H
#define BLK_INTERPOSER_STATE_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/sched.h>

struct blk_interposer;

#ifdef CONFIG_BLK_INTERPOSER
/* The interposer that @bdev itself has, or owns. */
static inline struct blk_interposer *
bdev_interposer(const struct block_device *bdev)
{
	return READ_ONCE(bdev->bd_interposer);
}

/* Who finds @ip by way of @bdev sees what was written to it before. */
static inline void bdev_set_interposer(struct block_device *bdev,
				       struct blk_interposer *ip)
{
	/* pairs with the reads of bdev_interposer() */
	smp_store_release(&bdev->bd_interposer, ip);
}

/* Does any device of @q take part in an interposer? */
static inline bool queue_interposed(const struct request_queue *q)
{
	/* pairs with the WRITE_ONCE() in queue_count_interposer() */
	return READ_ONCE(q->nr_interposers);
}

/* Called with the lock that all these changes have in common. */
static inline void queue_count_interposer(struct request_queue *q, int change)
{
	WRITE_ONCE(q->nr_interposers, q->nr_interposers + change);
}

/* bio_endio() will call bio_interpose_endio() for @bio anyway. */
static inline void bio_expect_endio(struct bio *bio)
{
}

/*
 * Was @bio mapped where it is, and is it counted? bi_flags is full: with the two
 * flags of the hook all 16 bits have a meaning. BIO_BOUNCED has none without
 * CONFIG_BOUNCE, which CONFIG_BLK_INTERPOSER excludes: nobody sets or reads it.
 * No clone and no part of a bio inherits it. There is nothing to get for it, before
 * the owner looks at the bio, and nothing to give back when it keeps that.
 */
static_assert(!IS_ENABLED(CONFIG_BOUNCE));
static_assert(sizeof_field(struct bio, bi_flags) * BITS_PER_BYTE >= BIO_FLAG_LAST);

static inline bool bio_prepare_direct(struct blk_interposer *ip,
				      struct bio *bio)
{
	return true;
}

static inline void bio_cancel_direct(struct bio *bio)
{
}

static inline bool bio_is_direct(const struct bio *bio)
{
	return bio->bi_flags & (1U << BIO_BOUNCED);
}

static inline void bio_set_direct(struct bio *bio)
{
	bio->bi_flags |= 1U << BIO_BOUNCED;
}

static inline void bio_clear_direct(struct bio *bio)
{
	bio->bi_flags &= ~(1U << BIO_BOUNCED);
}

/* What the hook has redirected goes on in the loop that it was called from. */
static inline void blk_interposer_queue(struct blk_interposer *ip,
					struct bio *bio)
{
	bio_list_add(&current->bio_list[0], bio);
}

/* The places that call in are part of the kernel: nothing to put there. */
static inline int blk_interposer_hook(struct blk_interposer *ip)
{
	return 0;
}

static inline void blk_interposer_unhook(struct blk_interposer *ip)
{
}

/* Get what bdev_set_interposer() takes for @ip and @owner: nothing. */
static inline int blk_interposer_get_places(struct blk_interposer *ip,
					    struct block_device *owner)
{
	return 0;
}
#endif /* CONFIG_BLK_INTERPOSER */

#endif /* BLK_INTERPOSER_STATE_H */
