/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block device interposer: the tests that the block core makes on its hot
 * paths. While no interposer exists in the system each is a patched-out branch.
 */
#ifndef BLK_INTERPOSER_INTERNAL_H
#define BLK_INTERPOSER_INTERNAL_H

#include <linux/bio-integrity.h>
#include <linux/bio.h>
#include <linux/blk-crypto.h>
#include <linux/blkdev.h>
#include <linux/jump_label_ratelimit.h>

#include "blk-interposer-state.h"

#ifdef CONFIG_BLK_INTERPOSER
/*
 * Beside the flags in blk_types.h, which are counted from the other end. A
 * hint: see bio_interpose_early().
 */
#define BD_INTERPOSED		BIT(31)
/* Its blk-mq driver's bios may be mapped where they are. A hint, too. */
#define BD_INTERPOSE_DIRECT	BIT(30)

extern struct static_key_false_deferred blk_interposer_key;

bool __bio_interpose(struct bio *bio);
bool __bio_interpose_early(struct bio *bio);
bool __bio_interpose_flush(struct bio *bio);
void __bio_interpose_endio(struct bio *bio);
void __bio_interpose_chain(struct bio *bio, struct bio *parent);
void blk_interposer_disk_dead(struct gendisk *disk);
bool blk_interposer_park(struct blk_interposer *ip, struct bio *bio,
			 bool starved);
bool blk_interposer_bounce(struct blk_interposer *ip, struct bio *bio);
void blk_interposer_bounce_free(struct blk_interposer *ip);
void __bdev_interposed_closed(struct block_device *bdev);
int __blk_interposer_check_link(struct block_device *bdev, struct gendisk *disk);
void blk_interposer_forget(struct blk_interposer *ip);
void blk_interposer_address(struct blk_interposer *ip, struct bio *bio);
void blk_interposer_readdress(struct blk_interposer *ip, struct bio *bio);
bool __bio_interpose_direct(struct bio *bio);
void blk_interposer_direct_done(struct blk_interposer *ip);

/* Is there any interposer in the system? */
static inline bool blk_interposer_active(void)
{
	return static_branch_unlikely(&blk_interposer_key.key);
}

/*
 * Does @bdev, or the disk that it is a partition of, take part in an
 * interposer? A hint only unless the caller holds q_usage_counter.
 */
static inline bool bdev_interposed(struct block_device *bdev)
{
	return bdev_interposer(bdev) || bdev_interposer(bdev_whole(bdev));
}

/* The interposer of the device of @bio, or of its whole disk. */
static inline struct blk_interposer *bio_interposer(const struct bio *bio)
{
	return bdev_interposer(bio->bi_bdev) ?:
		bdev_interposer(bdev_whole(bio->bi_bdev));
}

/*
 * The sector of a bio, of the interposed device or of one of its partitions, on
 * the interposed device. blk_partition_remap() has moved the bio to the whole
 * disk, unless it is an empty flush. A bio of a partition whose whole disk is
 * interposed keeps the sector that it has there.
 */
static inline sector_t blk_interposer_sector(const struct block_device *bdev,
					     struct bio *bio)
{
	sector_t sector = bio->bi_iter.bi_sector;

	if (bio_flagged(bio, BIO_REMAPPED) && bio->bi_bdev == bdev &&
	    bio_sectors(bio))
		sector -= bdev->bd_start_sect;
	return sector;
}

/*
 * Has @bio been through the hook of its ->bi_bdev? Then it was already charged,
 * throttled and checked there, as the bio that the submitter sent.
 */
static inline bool bio_past_hook(struct bio *bio)
{
	return blk_interposer_active() &&
		(bio->bi_flags & (1U << BIO_INTERPOSED |
				  1U << BIO_PAST_INTERPOSER));
}

/*
 * Does @bio go to the driver of its ->bi_bdev, whatever interposes that device?
 * Never true of a bio at an owner, which cannot be interposed itself.
 */
static inline bool bio_beneath_hook(struct bio *bio)
{
	return (bio->bi_flags & (1U << BIO_INTERPOSED |
				 1U << BIO_PAST_INTERPOSER)) ==
		1U << BIO_PAST_INTERPOSER;
}

/*
 * Is @bio on its way back from a gate to its own device? It goes through
 * submit_bio_noacct() and the hook again, where another interposer may be by
 * now, but was charged the first time. It has both flags until it is redirected
 * again or completes: no bio is redirected from below an interposer. If the
 * hook is turned off before the bio completes, the flags stay. This matters
 * only for a bio that is used again without bio_reset(): the next time it is
 * not charged.
 */
static inline bool bio_given_back(struct bio *bio)
{
	return bio_flagged(bio, BIO_INTERPOSED) &&
		bio_flagged(bio, BIO_PAST_INTERPOSER);
}

/* Is @bio at an owner, and counted there? */
static inline bool bio_redirected(struct bio *bio)
{
	return (bio->bi_flags & (1U << BIO_INTERPOSED |
				 1U << BIO_PAST_INTERPOSER)) ==
		1U << BIO_INTERPOSED;
}

/* Will @bio be redirected? Then what ->bi_bdev can do does not matter yet. */
static inline bool bio_will_interpose(struct bio *bio)
{
	return blk_interposer_active() &&
		(!bio_past_hook(bio) || bio_given_back(bio)) &&
		bdev_interposed(bio->bi_bdev);
}

/*
 * Is the empty flush @bio needed although ->bi_bdev has no write cache? It must
 * never reach a driver that may not handle it. So it is not left to the hook,
 * where the device may no longer be interposed. Returns true when it has been
 * taken: the caller must not touch it again.
 */
static inline bool bio_interpose_flush(struct bio *bio)
{
	return bio_will_interpose(bio) && !bio_sectors(bio) &&
		!bdev_write_cache(bio->bi_bdev) && __bio_interpose_flush(bio);
}

/* A flush with data to write can safely be left to the hook. */
static inline bool bio_keeps_flush(struct bio *bio)
{
	return bio_will_interpose(bio) && bio_sectors(bio);
}

/* May the owner of the device of @bio be asked to map bios where they are? A hint. */
static inline bool bio_meets_owner(const struct bio *bio)
{
	return bdev_test_flag(bio->bi_bdev, BD_INTERPOSE_DIRECT);
}

/*
 * Is @bio one of those bios? Only data: DM core does more with a flush, a discard,
 * and what must not be split. And none to which other bios are chained: it does not
 * end before they have, and a suspend of the owner would wait for those, too, which
 * may wait for the owner.
 */
static inline bool bio_suits_direct(struct bio *bio)
{
	return (bio_op(bio) == REQ_OP_READ || bio_op(bio) == REQ_OP_WRITE) &&
		bio_sectors(bio) &&
		!(bio->bi_opf & (REQ_PREFLUSH | REQ_ATOMIC)) &&
		!(bio->bi_flags & (1U << BIO_INTERPOSED |
				   1U << BIO_PAST_INTERPOSER |
				   1U << BIO_CHAIN)) &&
		!bio_has_crypt_ctx(bio) && !bio_integrity(bio);
}

static inline bool bio_may_go_direct(struct bio *bio)
{
	return bio_meets_owner(bio) && bio_suits_direct(bio);
}

/* The same for the block core, before the loop of submit_bio_noacct() begins. */
static inline bool bio_goes_direct(struct bio *bio)
{
	return blk_interposer_active() && bio_may_go_direct(bio);
}

/*
 * Redirect @bio before the loop of submit_bio_noacct() begins, which saves a
 * round of it. This is exact too, but does not replace the hook: a bio that is
 * not redirected here may still have to be redirected there. So BD_INTERPOSED,
 * which brings the bios of a blk-mq device here, may be late or missing: it
 * changes without regard to the queue's freeze, and a partition has it only if
 * it existed when its disk was interposed. Bios to be encrypted are left to
 * blk_crypto_bio_prep(), for the device that they were sent to. Those that
 * bio_goes_direct() meet the owner within the loop, which is that of a blk-mq
 * device. Returns true when @bio has ended: the caller must not touch it again.
 */
static inline bool bio_interpose_early(struct bio *bio)
{
	return bio_will_interpose(bio) && !bio_has_crypt_ctx(bio) &&
		!__bio_interpose_early(bio);
}

/*
 * Let the owner map @bio where it is, on its way to a blk-mq driver: a bio of a
 * submitter, and one that a bio-based driver above the interposed device has
 * submitted. Called for a bio that bio_meets_owner(). Returns true when it was taken:
 * the caller must not touch it again.
 */
static inline bool bio_interpose_direct(struct bio *bio)
{
	return bio_suits_direct(bio) && __bio_interpose_direct(bio);
}

/*
 * Did the hook of a blk-mq device redirect @bio, found on current->bio_list?
 * From here on the bios have to be sorted by level: the mempools of bio-based
 * drivers rely on it. A blk-mq device itself leaves no bios for other devices.
 */
static inline bool bio_interpose_left_mq(struct bio *bio)
{
	return bdev_test_flag(bio->bi_bdev, BD_HAS_SUBMIT_BIO);
}

/*
 * The hook. Called with q_usage_counter of @q, @bio's queue, held, which is
 * what makes blk_interposer_attach() and blk_interposer_detach() exact. Returns
 * true when the interposer has taken @bio: the caller must not touch it again.
 */
static inline bool bio_interpose(struct request_queue *q, struct bio *bio)
{
	return blk_interposer_active() && queue_interposed(q) &&
		!bio_beneath_hook(bio) && __bio_interpose(bio);
}

/* Called for each bio that completes, before its completion handlers. */
static inline void bio_interpose_endio(struct bio *bio)
{
	if (bio_past_hook(bio))
		__bio_interpose_endio(bio);
}

/* A part of @parent for the same device inherits how far @parent has come. */
static inline void bio_interpose_chain(struct bio *bio, struct bio *parent)
{
	if (bio_past_hook(parent))
		__bio_interpose_chain(bio, parent);
}

/*
 * Called for each close of a block device, after the close has been counted in
 * @bdev's openers.
 */
static inline void bdev_interposed_closed(struct block_device *bdev)
{
	if (blk_interposer_active())
		__bdev_interposed_closed(bdev);
}

/*
 * Called for each new link from a disk to a device below it. Returns an error
 * if the link would close an I/O loop. The link has then been removed.
 */
static inline int blk_interposer_check_link(struct block_device *bdev,
					    struct gendisk *disk)
{
	return blk_interposer_active() ?
		__blk_interposer_check_link(bdev, disk) : 0;
}
#else /* CONFIG_BLK_INTERPOSER */
#define BD_INTERPOSED		0
#define BD_INTERPOSE_DIRECT	0

static inline bool bio_meets_owner(const struct bio *bio)
{
	return false;
}

static inline bool bio_goes_direct(struct bio *bio)
{
	return false;
}

static inline bool bio_past_hook(struct bio *bio)
{
	return false;
}

static inline bool bio_interpose_flush(struct bio *bio)
{
	return false;
}

static inline bool bio_keeps_flush(struct bio *bio)
{
	return false;
}

static inline bool bio_interpose_early(struct bio *bio)
{
	return false;
}

static inline bool bio_interpose_direct(struct bio *bio)
{
	return false;
}

static inline bool bio_interpose_left_mq(struct bio *bio)
{
	return false;
}

static inline bool bio_interpose(struct request_queue *q, struct bio *bio)
{
	return false;
}

static inline void bio_interpose_endio(struct bio *bio)
{
}

static inline void bio_interpose_chain(struct bio *bio, struct bio *parent)
{
}

static inline void bdev_interposed_closed(struct block_device *bdev)
{
}

static inline int blk_interposer_check_link(struct block_device *bdev,
					    struct gendisk *disk)
{
	return 0;
}

static inline void blk_interposer_disk_dead(struct gendisk *disk)
{
}
#endif /* CONFIG_BLK_INTERPOSER */

#endif /* BLK_INTERPOSER_INTERNAL_H */
