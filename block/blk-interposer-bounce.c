// SPDX-License-Identifier: GPL-2.0
/*
 * Block device interposer: give the owner bios that fit its limits.
 *
 * A bio is admitted under the limits of the device that it was sent to. Its
 * submitter relies on them, and so does a file system since its mount. The
 * owner may have stricter ones. Most do not matter: whatever the owner sends to
 * a disk is split and checked there again. Three do matter, because no lower
 * layer can make up for them:
 *
 *  - dma_alignment: SCSI and NVMe take memory at any multiple of four bytes, but
 *    device-mapper targets count on segments that are whole sectors;
 *  - BLK_FEAT_STABLE_WRITES: data that changes while it is written does not
 *    match its checksum;
 *  - BLK_FEAT_PCI_P2PDMA: memory of another PCI device, which perhaps only the
 *    driver can map.
 *
 * At the open gate, a bio that does not fit is replaced by one with pages of
 * our own: the data of a write is copied at once, that of a read when it
 * completes.
 *
 * Forward progress: no task sleeps here for memory. A bio for which there is
 * none waits with the bios at the gate, and holds none of our pages while it
 * waits. The reserve is enough for one bio, and whoever frees pages makes a
 * work item check the waiting bios: see bounce_starve(). A bio that comes to
 * the gate again with our pages in it (DM core splits bios, and puts some
 * aside) needs no memory.
 */
#include <linux/bio.h>
#include <linux/blk-interposer.h>
#include <linux/export.h>
#include <linux/mempool.h>
#include <linux/memremap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "blk-interposer.h"

/* Bios are bounced in parts of this size, unless atomic writes may be larger. */
#define BOUNCE_BYTES	(128U << 10)
/* This many parts have our pages at a time; more would only fill the memory. */
#define BOUNCE_PARTS	256

/**
 * struct blk_interposer_bounce - what bios must fit, and how to make them fit
 *
 * The first three change only while no bio passes the gate.
 *
 * @align: bits that must be clear in offset and length of each segment, or 0
 * @writes: bounce every write
 * @p2pdma: bounce the memory of other PCI devices
 * @bytes: a larger bio is bounced in parts; a multiple of any logical block
 * @ip: the interposer that this belongs to
 * @bios: bios with our pages
 * @splits: parts of bios that are larger than @bytes
 * @pages: the reserve, for one part
 * @parts: how many bios have our pages
 * @wq: for @work alone, because @work may wait as any submitter does
 * @work: resubmits the bios that waited
 */
struct blk_interposer_bounce {
	unsigned int align;
	bool writes;
	bool p2pdma;
	unsigned int bytes;
	struct blk_interposer *ip;
	struct bio_set bios;
	struct bio_set splits;
	mempool_t pages;
	atomic_t parts;
	struct workqueue_struct *wq;
	struct work_struct work;
};

/*
 * There may be memory again. A bio that is resubmitted meets the gate in its
 * state at that time. If there is still not enough memory, it waits once more.
 */
static void bounce_work(struct work_struct *work)
{
	struct blk_interposer_bounce *bounce =
		container_of(work, struct blk_interposer_bounce, work);
	struct blk_interposer *ip = bounce->ip;
	struct bio_list bios = BIO_EMPTY_LIST;
	struct bio *bio;

	spin_lock(&ip->lock);
	WRITE_ONCE(ip->starved, false);
	if (ip->state == BLK_INTERPOSER_OPEN)
		bio_list_merge_init(&bios, &ip->held);
	spin_unlock(&ip->lock);

	while ((bio = bio_list_pop(&bios)))
		submit_bio_noacct(bio);
}

static struct blk_interposer_bounce *
blk_interposer_bounce_alloc(struct blk_interposer *ip)
{
	const struct queue_limits *lim = &bdev_get_queue(ip->bdev)->limits;
	struct blk_interposer_bounce *bounce = kzalloc(sizeof(*bounce),
						       GFP_KERNEL);

	if (!bounce)
		return NULL;
	bounce->ip = ip;
	bounce->bytes = max(BOUNCE_BYTES, lim->atomic_write_unit_max);
	INIT_WORK(&bounce->work, bounce_work);
	if (bioset_init(&bounce->bios, BIO_POOL_SIZE, 0, BIOSET_NEED_BVECS))
		goto out_free;
	if (bioset_init(&bounce->splits, BIO_POOL_SIZE, 0, 0))
		goto out_bios;
	if (mempool_init_page_pool(&bounce->pages,
				   DIV_ROUND_UP(bounce->bytes, PAGE_SIZE), 0))
		goto out_splits;
	bounce->wq = alloc_workqueue("blk_interposer", WQ_MEM_RECLAIM, 1);
	if (!bounce->wq)
		goto out_pages;
	return bounce;

out_pages:
	mempool_exit(&bounce->pages);
out_splits:
	bioset_exit(&bounce->splits);
out_bios:
	bioset_exit(&bounce->bios);
out_free:
	kfree(bounce);
	return NULL;
}

static void bounce_destroy(struct blk_interposer_bounce *bounce)
{
	if (!bounce)
		return;
	destroy_workqueue(bounce->wq);
	mempool_exit(&bounce->pages);
	bioset_exit(&bounce->splits);
	bioset_exit(&bounce->bios);
	kfree(bounce);
}

/* No bio is redirected any more; the work may be queued, and finds nothing. */
void blk_interposer_bounce_free(struct blk_interposer *ip)
{
	bounce_destroy(ip->bounce);
}

/* A table may be loaded while another one is resumed. */
static int blk_interposer_bounce_get(struct blk_interposer *ip)
{
	struct blk_interposer_bounce *bounce;

	if (READ_ONCE(ip->bounce))
		return 0;
	bounce = blk_interposer_bounce_alloc(ip);
	if (!bounce)
		return -ENOMEM;
	if (cmpxchg(&ip->bounce, NULL, bounce))
		bounce_destroy(bounce);
	return 0;
}

static bool limits_need_bounce(const struct queue_limits *here,
			       const struct queue_limits *there)
{
	return (there->dma_alignment & ~here->dma_alignment) ||
		(there->features & ~here->features & BLK_FEAT_STABLE_WRITES) ||
		(here->features & ~there->features & BLK_FEAT_PCI_P2PDMA);
}

/**
 * blk_interposer_reserve - get what blk_interposer_fit() will need
 * @ip: the interposer, attached or not
 * @there: limits that the owner is going to have
 *
 * Call it while I/O flows: later, an allocation could wait for reclaim that
 * waits for the device.
 *
 * Context: Process context. Sleeps.
 * Return: 0, or -ENOMEM.
 */
int blk_interposer_reserve(struct blk_interposer *ip,
			   const struct queue_limits *there)
{
	if (!limits_need_bounce(&bdev_get_queue(ip->bdev)->limits, there))
		return 0;
	return blk_interposer_bounce_get(ip);
}
EXPORT_SYMBOL_GPL(blk_interposer_reserve);

/**
 * bdev_atomic_limits - promise the atomic writes that a device promises
 * @lim: the limits of a device that passes whole writes on to @bdev, or that
 *	must not promise any atomic writes
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
	lim->features &= ~INTERPOSE_ATOMIC_FEATURE;
	lim->features |= from->features & INTERPOSE_ATOMIC_FEATURE;
}
EXPORT_SYMBOL_GPL(bdev_atomic_limits);

/*
 * A bio that waited at the gate, or that the owner put aside, is submitted to
 * the owner as if it had been sent there. So the owner must promise what the
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
 * blk_interposer_fit - make bios fit the limits of the owner
 * @ip: the interposer, not attached or with the gate closed
 * @owner: its owner, or the device that will own it, with the limits that apply
 *	from now on
 * @atomic: the owner passes on each atomic write whole, to devices that promise
 *	what ->bdev does
 *
 * Call it whenever the owner's limits may have changed, before
 * blk_interposer_open().
 *
 * Concurrency: no bio passes the gate. A bio that passed it before has left the
 * owner's ->submit_bio(), because of blk_interposer_sync() or because nothing
 * has been redirected yet. A bio that passes it later sees what is written
 * here, because the state that lets it pass is written afterwards.
 *
 * Context: Process context. Sleeps, but waits for no I/O.
 * Return: 0; -ENOMEM, and then nothing has changed; -EINVAL when @owner cannot
 *	have such limits, or takes no bios.
 */
int blk_interposer_fit(struct blk_interposer *ip, struct block_device *owner,
		       bool atomic)
{
	const struct queue_limits *here = &bdev_get_queue(ip->bdev)->limits;
	const struct queue_limits *there = &bdev_get_queue(owner)->limits;
	bool needed = limits_need_bounce(here, there);
	bool strict = there->dma_alignment & ~here->dma_alignment;
	unsigned int memflags;
	int ret;

	if (needed && !owner->bd_disk->fops->submit_bio)
		return -EINVAL;
	if (needed) {
		/* not reserved only if the limits have changed since */
		memflags = memalloc_noio_save();
		ret = blk_interposer_bounce_get(ip);
		memalloc_noio_restore(memflags);
		if (ret)
			return ret;
	}
	ip->bounces = needed;
	if (needed) {
		blk_features_t more = there->features & ~here->features;
		blk_features_t less = here->features & ~there->features;

		ip->bounce->align = strict ? there->dma_alignment : 0;
		ip->bounce->writes = more & BLK_FEAT_STABLE_WRITES;
		ip->bounce->p2pdma = less & BLK_FEAT_PCI_P2PDMA;
	}
	return blk_interposer_fit_atomic(ip, owner, atomic);
}
EXPORT_SYMBOL_GPL(blk_interposer_fit);

/*
 * Our pages are marked, not our bios: when DM core requeues a part of a bio, it
 * submits a clone of that part.
 */
static bool bio_has_bounced(struct blk_interposer_bounce *bounce,
			    struct bio *bio)
{
	return page_private(bio_page(bio)) == (unsigned long)bounce;
}

static bool bio_fits(struct blk_interposer_bounce *bounce, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	if (!bio_has_data(bio) || bio_has_bounced(bounce, bio))
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

/**
 * blk_interposer_fits - does a bio have the form that the owner needs?
 * @ip: the interposer, with the gate open and ->bounces set
 * @bio: a bio of the interposed device
 *
 * Context: Any context in which the gate cannot close and open again.
 * Return: false when blk_interposer_bounce() would replace it.
 */
bool blk_interposer_fits(const struct blk_interposer *ip, struct bio *bio)
{
	return bio_fits(ip->bounce, bio);
}
EXPORT_SYMBOL_GPL(blk_interposer_fits);

static void bounce_put_pages(struct blk_interposer_bounce *bounce,
			     struct bio *bio)
{
	unsigned int i;

	for (i = 0; i < bio->bi_vcnt; i++) {
		set_page_private(bio->bi_io_vec[i].bv_page, 0);
		mempool_free(bio->bi_io_vec[i].bv_page, &bounce->pages);
	}
	bio->bi_vcnt = 0;
	bio->bi_iter.bi_size = 0;
}

static bool bounce_get_pages(struct blk_interposer_bounce *bounce,
			     struct bio *bio, unsigned int bytes)
{
	while (bytes) {
		struct page *page = mempool_alloc(&bounce->pages, GFP_NOWAIT);
		unsigned int len = min_t(unsigned int, bytes, PAGE_SIZE);

		if (!page) {
			bounce_put_pages(bounce, bio);
			return false;
		}
		set_page_private(page, (unsigned long)bounce);
		__bio_add_page(bio, page, len, 0);
		bytes -= len;
	}
	return true;
}

/* All the memory in @bio's pages, wherever its own iterator is by now. */
static struct bvec_iter bounce_iter(const struct bio *bio)
{
	return (struct bvec_iter) {
		.bi_size = (bio->bi_vcnt - 1) * PAGE_SIZE +
			bio->bi_io_vec[bio->bi_vcnt - 1].bv_len,
	};
}

/*
 * The parent's iterator is still where it was when the parent was bounced: the
 * parent has not been passed to anyone since.
 */
static void bounce_copy(struct bio *to, struct bvec_iter to_iter,
			struct bio *from, struct bvec_iter from_iter)
{
	bio_copy_data_iter(to, &to_iter, from, &from_iter);
}

/* A part has freed its pages, or could not get all of them. */
static void bounce_part_done(struct blk_interposer_bounce *bounce)
{
	atomic_dec(&bounce->parts);
	/* pairs with the barrier in bounce_starve() */
	smp_mb__after_atomic();
	if (READ_ONCE(bounce->ip->starved))
		queue_work(bounce->wq, &bounce->work);
}

/* The submitter may have mapped its pages elsewhere. */
static void bounce_flush_dcache(struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	bio_for_each_segment(bv, bio, iter)
		flush_dcache_page(bv.bv_page);
}

/*
 * The count that bounce_chain() has taken keeps @bounce until everything is
 * done: the parent's own count is dropped before the parent is freed, if that
 * is a part of another bio.
 */
static void bounce_end_io(struct bio *bio)
{
	struct blk_interposer_bounce *bounce =
		container_of(bio->bi_pool, struct blk_interposer_bounce, bios);
	struct bio *parent = bio->bi_private;

	if (bio->bi_status) {
		cmpxchg(&parent->bi_status, 0, bio->bi_status);
	} else if (bio_op(bio) == REQ_OP_READ) {
		bounce_copy(parent, parent->bi_iter, bio, bounce_iter(bio));
		bounce_flush_dcache(parent);
	}

	bounce_put_pages(bounce, bio);
	bio_put(bio);
	bounce_part_done(bounce);
	bio_endio(parent);
	percpu_ref_put(&bounce->ip->inflight);
}

/*
 * There is no memory for @bio: it waits at the gate, although that is open,
 * until a part has freed its pages. If no part is left by now, nothing else
 * would wake it.
 */
static void bounce_starve(struct blk_interposer_bounce *bounce, struct bio *bio)
{
	blk_interposer_park(bounce->ip, bio, true);
	/*
	 * Pairs with the barrier in bounce_part_done(): either that sees the
	 * flag, or we see its count.
	 */
	smp_mb();
	if (!atomic_read(&bounce->parts))
		queue_work(bounce->wq, &bounce->work);
}

/* One of our bios with pages, counted in ->parts; NULL if memory is short. */
static struct bio *bounce_alloc(struct blk_interposer_bounce *bounce,
				struct bio *parent, unsigned int bytes)
{
	struct bio *bio;

	if (atomic_inc_return(&bounce->parts) > BOUNCE_PARTS)
		goto out_done;
	bio = bio_alloc_bioset(parent->bi_bdev, DIV_ROUND_UP(bytes, PAGE_SIZE),
			       parent->bi_opf, GFP_NOWAIT, &bounce->bios);
	if (!bio)
		goto out_done;
	if (bounce_get_pages(bounce, bio, bytes))
		return bio;
	bio_put(bio);
out_done:
	bounce_part_done(bounce);
	return NULL;
}

static void bounce_free(struct blk_interposer_bounce *bounce, struct bio *bio)
{
	bounce_put_pages(bounce, bio);
	bio_put(bio);
	bounce_part_done(bounce);
}

/*
 * Chained, so that our bio is counted and flagged like its parent, because DM
 * core may put it aside like any other, and so that the parent ends with it.
 */
static void bounce_chain(struct blk_interposer_bounce *bounce, struct bio *bio,
			 struct bio *parent)
{
	bio->bi_iter.bi_sector = parent->bi_iter.bi_sector;
	bio->bi_ioprio = parent->bi_ioprio;
	bio->bi_write_hint = parent->bi_write_hint;
	bio_clone_blkg_association(bio, parent);
	if (op_is_write(bio_op(bio)))
		bounce_copy(bio, bounce_iter(bio), parent, parent->bi_iter);

	percpu_ref_get(&bounce->ip->inflight);
	bio_chain(bio, parent);
	bio->bi_end_io = bounce_end_io;
	/* drop the count that the chain does not need */
	bio_endio(parent);
}

/**
 * blk_interposer_bounce - hand a bio to the owner, in a form that fits
 * @ip: the interposer, with the gate open and ->bounces set
 * @bio: a redirected bio that may enter the owner
 *
 * Concurrency: any number of submitters and completions. They share pools and
 * counts, and the list of waiting bios under ip->lock. A bio that finds others
 * waiting joins them, so as not to take their memory.
 *
 * Context: Process context at the gate, inside submit_bio_noacct(), with the
 *	owner's q_usage_counter held. Does not sleep but as the owner's
 *	->submit_bio() does.
 * Return: true when @bio was taken: it ends when its parts have, waits, or has
 *	ended with BLK_STS_AGAIN. false when it fits, and the caller goes on
 *	with it.
 */
bool blk_interposer_bounce(struct blk_interposer *ip, struct bio *bio)
{
	struct blk_interposer_bounce *bounce = ip->bounce;
	unsigned int bytes = min(bio->bi_iter.bi_size, bounce->bytes);
	struct bio *part = bio, *ours;

	if (likely(bio_fits(bounce, bio)))
		return false;

	if (bytes < bio->bi_iter.bi_size && bio->bi_opf & REQ_ATOMIC) {
		/* the device has started to accept larger ones since */
		bio->bi_status = BLK_STS_NOTSUPP;
		bio_endio(bio);
		return true;
	}

	ours = READ_ONCE(ip->starved) ? NULL :
		bounce_alloc(bounce, bio, bytes);
	if (ours && bytes < bio->bi_iter.bi_size) {
		part = bio_split(bio, bytes >> SECTOR_SHIFT, GFP_NOWAIT,
				 &bounce->splits);
		if (part) {
			bio_chain(part, bio);
		} else {
			bounce_free(bounce, ours);
			ours = NULL;
		}
	}
	if (!ours) {
		bounce_starve(bounce, bio);
		return true;
	}

	bounce_chain(bounce, ours, part);
	ip->owner->bd_disk->fops->submit_bio(ours);
	/* behind what the owner put on current->bio_list for this part */
	if (part != bio)
		submit_bio_noacct(bio);
	return true;
}
