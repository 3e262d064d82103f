// SPDX-License-Identifier: GPL-2.0
/*
 * Block device interposer: give the owner bios that fit its limits.
 *
 * A bio is admitted under the limits of the device that it was sent to, and its
 * submitter, or the file system when it was mounted, has relied on them. The
 * owner may have stricter ones. Most do not matter: whatever the owner sends to a
 * disk is split and checked there again. Three do, since no lower layer can
 * make up for them:
 *
 *  - dma_alignment: SCSI and NVMe take memory at any multiple of four bytes, but
 *    device-mapper targets count on segments that are whole sectors;
 *  - BLK_FEAT_STABLE_WRITES: data that changes while it is written fails the
 *    checksum that was made of it;
 *  - BLK_FEAT_PCI_P2PDMA: memory of another PCI device, which nobody but the
 *    driver may be able to map.
 *
 * At the open gate, a bio that does not fit is replaced by one with pages of our
 * own: the data of a write is copied at once, that of a read when it completes.
 *
 * Forward progress: a page of the reserve comes back when the bio completes that
 * it is in, and that does not depend on a bio which waits here: a bio that has
 * got its pages is handed to the owner before the task looks at another one, and
 * what a large bio leaves is queued behind all that the owner has queued for the
 * part before. Each interposer has a reserve of its own, since the owner of one
 * may sit on the interposed device of another. One task at a time waits for
 * the reserve with some pages in its hands: the one with ->lock.
 */
#include <linux/bio.h>
#include <linux/blk-interposer.h>
#include <linux/mempool.h>
#include <linux/memremap.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "blk-interposer.h"

/* A bio is bounced in parts of so much, if an atomic write is not larger. */
#define BOUNCE_BYTES	(128U << 10)

/**
 * struct blk_interposer_bounce - what a bio must be like, and what to do if not
 *
 * The first three change only while no bio passes the gate.
 *
 * @align: bits that must be clear in offset and length of each segment, or 0
 * @writes: bounce every write
 * @p2pdma: bounce the memory of other PCI devices
 * @bytes: a larger bio is bounced in parts; a multiple of any logical block
 * @bios: bios with pages of ours
 * @splits: parts of bios that are larger than @bytes
 * @pages: the reserve, for one part
 * @lock: who holds it may wait for @pages with pages in its hands
 */
struct blk_interposer_bounce {
	unsigned int align;
	bool writes;
	bool p2pdma;
	unsigned int bytes;
	struct bio_set bios;
	struct bio_set splits;
	mempool_t pages;
	struct mutex lock;	/* see @lock above */
};

static struct blk_interposer_bounce *
blk_interposer_bounce_alloc(const struct queue_limits *lim)
{
	struct blk_interposer_bounce *bounce = kzalloc(sizeof(*bounce),
						       GFP_KERNEL);

	if (!bounce)
		return NULL;
	bounce->bytes = max(BOUNCE_BYTES, lim->atomic_write_unit_max);
	if (bioset_init(&bounce->bios, BIO_POOL_SIZE, 0, BIOSET_NEED_BVECS))
		goto out_free;
	if (bioset_init(&bounce->splits, BIO_POOL_SIZE, 0, 0))
		goto out_bios;
	if (mempool_init_page_pool(&bounce->pages,
				   DIV_ROUND_UP(bounce->bytes, PAGE_SIZE), 0))
		goto out_splits;
	mutex_init(&bounce->lock);
	return bounce;

out_splits:
	bioset_exit(&bounce->splits);
out_bios:
	bioset_exit(&bounce->bios);
out_free:
	kfree(bounce);
	return NULL;
}

void blk_interposer_bounce_free(struct blk_interposer *ip)
{
	struct blk_interposer_bounce *bounce = ip->bounce;

	if (!bounce)
		return;
	mutex_destroy(&bounce->lock);
	mempool_exit(&bounce->pages);
	bioset_exit(&bounce->splits);
	bioset_exit(&bounce->bios);
	kfree(bounce);
}

/**
 * bdev_atomic_limits - promise the atomic writes that a device promises
 * @lim: the limits of a device that sends writes on to @bdev whole, or is not to
 *	promise any
 * @bdev: the device, or NULL for no such promise
 */
void bdev_atomic_limits(struct queue_limits *lim, struct block_device *bdev)
{
	static const struct queue_limits none;
	const struct queue_limits *from = &none;

	if (bdev && bdev_can_atomic_write(bdev))
		from = &bdev_get_queue(bdev)->limits;
	lim->atomic_write_hw_max = from->atomic_write_hw_max;
	lim->atomic_write_hw_boundary = from->atomic_write_hw_boundary;
	lim->atomic_write_hw_unit_min = from->atomic_write_hw_unit_min;
	lim->atomic_write_hw_unit_max = from->atomic_write_hw_unit_max;
}
EXPORT_SYMBOL_GPL(bdev_atomic_limits);

/*
 * A bio that waited at the gate, or was put aside by the owner, is submitted to
 * the owner as if it had been sent there: then the owner must promise what the
 * device does.
 */
static int blk_interposer_fit_atomic(struct blk_interposer *ip,
				     struct block_device *owner, bool atomic)
{
	struct request_queue *q = bdev_get_queue(owner);
	struct queue_limits lim;

	ip->atomic = atomic;
	if (!atomic && !q->limits.atomic_write_hw_max)
		return 0;
	lim = queue_limits_start_update(q);
	bdev_atomic_limits(&lim, atomic ? ip->bdev : NULL);
	return queue_limits_commit_update(q, &lim);
}

/**
 * blk_interposer_fit - see to it that bios fit the limits of the owner
 * @ip: the interposer, not attached or with the gate closed
 * @owner: its owner, or who is to be, with the limits that hold from now on
 * @atomic: the owner sends on each atomic write whole, to devices that promise
 *	what ->bdev does
 *
 * To be called whenever the owner's limits may have changed, before
 * blk_interposer_open().
 *
 * Concurrency: no bio passes the gate. Whoever has passed it before has left the
 * owner's ->submit_bio(), by blk_interposer_sync() or because nothing has been
 * redirected yet; who passes it later sees what is written here, since the state
 * that lets it pass is written after it.
 *
 * Context: Process context. Sleeps, but waits for no I/O.
 * Return: 0; -ENOMEM, and then nothing has changed; -EINVAL when @owner cannot have
 *	such limits.
 */
int blk_interposer_fit(struct blk_interposer *ip, struct block_device *owner,
		       bool atomic)
{
	const struct queue_limits *here = &bdev_get_queue(ip->bdev)->limits;
	const struct queue_limits *there = &bdev_get_queue(owner)->limits;
	blk_features_t more = there->features & ~here->features;
	blk_features_t less = here->features & ~there->features;
	bool strict = there->dma_alignment & ~here->dma_alignment;
	bool needed = strict || (more & BLK_FEAT_STABLE_WRITES) ||
		(less & BLK_FEAT_PCI_P2PDMA);
	unsigned int memflags;

	if (needed && !ip->bounce) {
		/* reclaim could wait for I/O that waits at the gate */
		memflags = memalloc_noio_save();
		ip->bounce = blk_interposer_bounce_alloc(here);
		memalloc_noio_restore(memflags);
		if (!ip->bounce)
			return -ENOMEM;
	}
	ip->bounces = needed;
	if (needed) {
		ip->bounce->align = strict ? there->dma_alignment : 0;
		ip->bounce->writes = more & BLK_FEAT_STABLE_WRITES;
		ip->bounce->p2pdma = less & BLK_FEAT_PCI_P2PDMA;
	}
	return blk_interposer_fit_atomic(ip, owner, atomic);
}
EXPORT_SYMBOL_GPL(blk_interposer_fit);

static bool bio_fits(struct blk_interposer_bounce *bounce, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	if (!bio_has_data(bio))
		return true;
	if (bounce->writes && op_is_write(bio_op(bio)))
		return false;
	if (!bounce->align && !bounce->p2pdma)
		return true;

	bio_for_each_bvec(bv, bio, iter) {
		if ((bv.bv_offset | bv.bv_len) & bounce->align)
			return false;
		if (bounce->p2pdma && is_pci_p2pdma_page(bv.bv_page))
			return false;
	}
	return true;
}

static void bounce_put_pages(struct blk_interposer_bounce *bounce,
			     struct bio *bio)
{
	unsigned int i;

	for (i = 0; i < bio->bi_vcnt; i++)
		mempool_free(bio->bi_io_vec[i].bv_page, &bounce->pages);
	bio->bi_vcnt = 0;
	bio->bi_iter.bi_size = 0;
}

static bool bounce_get_pages(struct blk_interposer_bounce *bounce,
			     struct bio *bio, unsigned int bytes, gfp_t gfp)
{
	while (bytes) {
		struct page *page = mempool_alloc(&bounce->pages, gfp);
		unsigned int len = min_t(unsigned int, bytes, PAGE_SIZE);

		if (!page) {
			bounce_put_pages(bounce, bio);
			return false;
		}
		__bio_add_page(bio, page, len, 0);
		bytes -= len;
	}
	return true;
}

/* All the memory at @bio's pages, wherever its own iterator stands by now. */
static struct bvec_iter bounce_iter(const struct bio *bio)
{
	return (struct bvec_iter) {
		.bi_size = (bio->bi_vcnt - 1) * PAGE_SIZE +
			bio->bi_io_vec[bio->bi_vcnt - 1].bv_len,
	};
}

/*
 * The iterator of the parent still stands where it stood when it was bounced:
 * nobody has been given the parent since.
 */
static void bounce_copy(struct bio *to, struct bvec_iter to_iter,
			struct bio *from, struct bvec_iter from_iter)
{
	bio_copy_data_iter(to, &to_iter, from, &from_iter);
}

/*
 * The parent is counted in ->inflight until it ends: until then @bounce stays.
 */
static void bounce_end_io(struct bio *bio)
{
	struct blk_interposer_bounce *bounce =
		container_of(bio->bi_pool, struct blk_interposer_bounce, bios);
	struct bio *parent = bio->bi_private;

	if (bio->bi_status)
		cmpxchg(&parent->bi_status, 0, bio->bi_status);
	else if (bio_op(bio) == REQ_OP_READ)
		bounce_copy(parent, parent->bi_iter, bio, bounce_iter(bio));

	bounce_put_pages(bounce, bio);
	bio_put(bio);
	bio_endio(parent);
}

/* A bio of ours with pages, as large as @parent; NULL only if that is NOWAIT. */
static struct bio *bounce_alloc(struct blk_interposer_bounce *bounce,
				struct bio *parent)
{
	bool nowait = parent->bi_opf & REQ_NOWAIT;
	unsigned int bytes = parent->bi_iter.bi_size;
	struct bio *bio;

	bio = bio_alloc_bioset(parent->bi_bdev, DIV_ROUND_UP(bytes, PAGE_SIZE),
			       parent->bi_opf, nowait ? GFP_NOWAIT : GFP_NOIO,
			       &bounce->bios);
	if (!bio)
		return NULL;

	/* without waiting first: what it has then goes back if it is not enough */
	if (bounce_get_pages(bounce, bio, bytes, GFP_NOWAIT | __GFP_NOWARN))
		return bio;
	if (nowait) {
		bio_put(bio);
		return NULL;
	}
	mutex_lock(&bounce->lock);
	bounce_get_pages(bounce, bio, bytes, GFP_NOIO);
	mutex_unlock(&bounce->lock);
	return bio;
}

/*
 * Chained, so that the part is counted and flagged as its parent is, for DM core
 * may put it aside like any other, and that the parent ends with it.
 */
static struct bio *bounce_clone(struct blk_interposer_bounce *bounce,
				struct bio *parent)
{
	struct bio *bio = bounce_alloc(bounce, parent);

	if (!bio)
		return NULL;
	bio->bi_iter.bi_sector = parent->bi_iter.bi_sector;
	bio->bi_ioprio = parent->bi_ioprio;
	bio->bi_write_hint = parent->bi_write_hint;
	bio_clone_blkg_association(bio, parent);
	if (op_is_write(bio_op(bio)))
		bounce_copy(bio, bounce_iter(bio), parent, parent->bi_iter);

	bio_chain(bio, parent);
	bio->bi_end_io = bounce_end_io;
	/* the count that the chain does not need: the part's end is the parent's */
	bio_endio(parent);
	return bio;
}

/* Out of memory, or the device has begun to take larger atomic writes since. */
static void blk_interposer_no_part(struct bio *bio)
{
	if (!(bio->bi_opf & REQ_ATOMIC)) {
		bio_wouldblock_error(bio);
		return;
	}
	bio->bi_status = BLK_STS_NOTSUPP;
	bio_endio(bio);
}

/**
 * blk_interposer_bounce - hand a bio to the owner, in a form that fits
 * @ip: the interposer, with the gate open and ->bounces set
 * @bio: a redirected bio that may enter the owner
 *
 * Context: Process context at the gate, inside submit_bio_noacct(), with the
 *	owner's q_usage_counter held. Sleeps, unless @bio is REQ_NOWAIT.
 * Return: true when @bio was taken: it ends when its parts have, or has ended with
 *	BLK_STS_AGAIN. false when it fits, and the caller goes on with it.
 */
bool blk_interposer_bounce(struct blk_interposer *ip, struct bio *bio)
{
	struct blk_interposer_bounce *bounce = ip->bounce;
	bool nowait = bio->bi_opf & REQ_NOWAIT;
	struct bio *part = bio, *ours;

	if (likely(bio_fits(bounce, bio)))
		return false;

	if (bio->bi_iter.bi_size > bounce->bytes) {
		part = bio_split(bio, bounce->bytes >> SECTOR_SHIFT,
				 nowait ? GFP_NOWAIT : GFP_NOIO,
				 &bounce->splits);
		if (!part) {
			blk_interposer_no_part(bio);
			return true;
		}
		bio_chain(part, bio);
	}

	ours = bounce_clone(bounce, part);
	if (ours)
		ip->owner->bd_disk->fops->submit_bio(ours);
	else
		bio_wouldblock_error(part);
	/* behind what the owner has put on current->bio_list of this part */
	if (part != bio)
		submit_bio_noacct(bio);
	return true;
}
