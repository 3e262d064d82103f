// SPDX-License-Identifier: GPL-2.0
/*
 * Block device interposer: bios that the owner maps where they are
 *
 * Most bios come out of the owner as they went in, for the same sectors of the
 * interposed device. The owner may look at such a bio without taking it: at
 * ->enter() it lets the bio in, at ->map() it decides. The bio then goes on to
 * the driver of the interposed device, untouched, and the owner neither clones
 * nor completes it.
 *
 *	__submit_bio(): q_usage_counter { bd_interposer; ->enter(); count }
 *			->map() --- taken: at the owner, as if redirected
 *			   |
 *			   +------- not: BIO_PAST_INTERPOSER, and counted
 *			   v
 *			blk_mq_submit_bio()
 *
 * What can run at the same time, and why that is safe:
 *
 *  - A change of bd_interposer. It is read with q_usage_counter held, as by the
 *    hook. Between that and the end of the bio ->inflight keeps both pointers,
 *    as for a redirected bio. A bio that waits for q_usage_counter a second
 *    time, in blk_mq_submit_bio(), has been seen by the owner and is counted:
 *    no attach, detach or suspend is over before it has completed.
 *
 *  - A suspend of the owner. ->enter() has counted the bio in *->pending before
 *    it let go of what stops a suspend. Who suspends the owner waits for the sum
 *    of these counts, in which the owner's own bios are, too: they are not told
 *    apart, and nobody needs a second wait.
 *
 *  - ->map() runs without q_usage_counter: it may sleep for I/O to the same
 *    queue (a copy of the old data), which a freeze that is pending would keep
 *    out forever. It runs within the loop of submit_bio_noacct(), so what it
 *    submits is put on current->bio_list, as below a bio-based driver.
 *
 *  - The end of the bio, in any context. It finds the interposer by ->bi_bdev,
 *    which a blk-mq driver leaves alone; bios of other devices are not let in.
 *    The pointer is still there: a detach clears it first, but the owner has
 *    been suspended by then, and that waits for *->pending. This count is dropped
 *    once the pointer has been read. From then on the owner can be suspended and
 *    detached, but a detach waits for ->inflight before the owner can go, and
 *    this is dropped last.
 *
 *  - Parts of the bio, when the driver splits it: bio_chain() hands them
 *    BIO_PAST_INTERPOSER and not the count, which stays with the bio that the
 *    submitter sent. It ends when all its parts have, and nothing holds them up:
 *    they are past the hook.
 *
 *  - Bios that the submitter has chained to the bio. Those may wait at this gate, or
 *    at one of another owner, so a bio with BIO_CHAIN is not let in. Whoever chains
 *    does so before sending the bio that the others are chained to.
 */
#include <linux/blk-interposer.h>
#include <linux/blk-mq.h>
#include <linux/export.h>
#include <linux/wait.h>
#include <trace/events/block.h>

#include "blk.h"
#include "blk-interposer.h"

/*
 * Does the owner let @bio in? It does not while somebody traces remaps: such a
 * bio is remapped, and its trace would miss that.
 */
static void *blk_interposer_enter(struct blk_interposer *ip, struct bio *bio)
{
	void *token;

	lockdep_assert(!percpu_ref_is_zero(&bdev_get_queue(ip->bdev)->q_usage_counter));

	if (trace_block_bio_remap_enabled() || !bio_prepare_direct(ip, bio))
		return NULL;
	token = ip->ops->enter(ip, bio, blk_interposer_sector(ip->bdev, bio));
	if (!token)
		bio_cancel_direct(bio);
	return token;
}

/**
 * __bio_interpose_direct - let the owner map a bio where it is
 * @bio: a bio that bio_may_go_direct()
 *
 * Context: Process context inside submit_bio_noacct(), outside of the device's
 *	q_usage_counter. Sleeps as submit_bio() does.
 * Return: true when @bio was taken: redirected, because the owner does not let
 *	it in; kept by the owner; or ended, because the device is dying, or its
 *	queue is frozen and @bio must not wait. false when the caller goes on with
 *	it to the driver.
 */
bool __bio_interpose_direct(struct bio *bio)
{
	struct request_queue *q = bdev_get_queue(bio->bi_bdev);
	struct blk_interposer *ip;
	void *token = NULL;

	if (bio_queue_enter(bio))
		return true;
	ip = bio_interposer(bio);
	if (ip) {
		token = blk_interposer_enter(ip, bio);
		if (token) {
			percpu_ref_get(&ip->inflight);
			this_cpu_inc(*ip->redirected);
		} else {
			blk_interposer_readdress(ip, bio);
			/* the loop that we are called from goes on with it */
			bio_list_add(&current->bio_list[0], bio);
		}
	}
	percpu_ref_put(&q->q_usage_counter);

	if (!token)
		return ip;
	if (!ip->ops->map(ip, bio, token))
		return true;
	/*
	 * Like a bio that is redirected it completes by interrupt. Otherwise a
	 * task that has stopped polling would hold up a suspend of the owner.
	 */
	bio_clear_polled(bio);
	/* submit_bio_noacct() kept it for the owner: see bio_keeps_flush() */
	if (unlikely(bio->bi_opf & REQ_FUA) && !bdev_write_cache(bio->bi_bdev))
		bio->bi_opf &= ~REQ_FUA;
	bio_set_flag(bio, BIO_PAST_INTERPOSER);
	bio_set_direct(bio);
	return false;
}

/**
 * blk_interposer_direct_done - a bio that was mapped where it is completes
 * @ip: its interposer, which may go when this returns
 *
 * Context: Any context.
 */
void blk_interposer_direct_done(struct blk_interposer *ip)
{
	/* as in __dm_io_complete(): who finds the count zero sees all of it */
	smp_wmb();
	this_cpu_dec(*ip->pending);
	if (unlikely(wq_has_sleeper(ip->pending_wait)))
		wake_up(ip->pending_wait);
	percpu_ref_put(&ip->inflight);
}

/**
 * blk_interposer_keep - the owner keeps a bio that it has let in
 * @ip: the interposer
 * @bio: the bio
 *
 * From here on @bio is at the owner, past the gate, and counted in ->inflight,
 * as if it had been redirected. The owner ends it, or submits it again.
 *
 * Context: In ->map().
 */
void blk_interposer_keep(struct blk_interposer *ip, struct bio *bio)
{
	bio_cancel_direct(bio);
	blk_interposer_address(ip, bio);
	/* as at the gate */
	if (unlikely(bio->bi_opf & REQ_NOWAIT) && !bdev_nowait(ip->owner))
		bio->bi_opf &= ~REQ_NOWAIT;
}
EXPORT_SYMBOL_GPL(blk_interposer_keep);
