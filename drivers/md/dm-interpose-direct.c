// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-interpose: bios that are mapped where they are
 *
 * What DM core does for a bio, for the many that it only passes on: data, within
 * one line, for an inner target that does not want to hear of its end. Such a
 * bio is not cloned: the inner target's map() gets a spare clone instead, one
 * per CPU and interposed device, which is initialised like one of DM core's. So
 * whatever map() does to it, and whatever it asks of it, is right. What map() did
 * then decides:
 *
 *  - It sent the clone to the same sectors of the interposed device, beneath the
 *    hook, and changed nothing else. Then the original goes there, as it is, and
 *    the clone is spare again: nobody else has seen it.
 *  - Anything else: it keeps the clone, sends it elsewhere, or to other sectors,
 *    accepts a part of it, ends it, fails it, or pushes it back. Then the clone
 *    is what DM core's would be, and the original waits at the owner for it.
 *
 * No target is named, and none is trusted. That a type has no end_io and wants
 * no data per bio does not say what its map() does: that of snapshot-origin
 * writes to what lies in front of the clone (dm_accept_partial_bio()). A target
 * that sends bios to other sectors keeps its clones, because the original would
 * have to get its sector back, and there is no room to remember it.
 *
 * What can run at the same time, and why that is safe:
 *
 *  - A suspend, a reload: DM core's own protocol. With md->io_barrier held and
 *    DMF_BLOCK_IO_FOR_SUSPEND clear the live table stays, and the bio is in
 *    md->pending_io before io_barrier is released. __dm_suspend() sets the bit,
 *    waits for io_barrier and then for pending_io. So does
 *    dm_internal_suspend_fast(), which calls no method of a target: dm-snapshot
 *    suspends its origin with it, and dm-stats. Nothing here is told about a
 *    suspend, so nothing can miss one.
 *  - The gate. It closes in presuspend, before the bit is set: ->state and
 *    ->bounces are read after io_barrier was taken, so who finds it open is waited
 *    for before they change. While the
 *    mapped device is being removed the gate is closed and stays closed, although
 *    DM core is resumed. An open gate also says that the live table consists of
 *    our lines: another table replaces them only while it is closed.
 *  - The removal of the mapped device: it is suspended first. See
 *    blk-interposer-direct.c for who keeps the interposer after that.
 *  - The end of a kept clone, at any time from the call of map() on, and on any
 *    CPU. io_count is two, as in DM core: the original is not ended, and the
 *    clone not freed, before interpose_keep() is done with both.
 *  - Two tasks for one spare, or a task that map() has let sleep and that wakes up
 *    on another CPU: a spare is taken and put back with one atomic operation. Who
 *    finds none allocates one without waiting; who cannot redirects the bio. So no
 *    bio waits here for memory, with or without REQ_NOWAIT.
 *  - interpose_direct, which can be changed at any time: it decides for each bio
 *    that comes, and for none that is in flight.
 */
#include "dm-core.h"
#include "dm-interpose.h"

#include <linux/blk-crypto.h>
#include <linux/blk-mq.h>
#include <linux/module.h>
#include <linux/part_stat.h>

/*
 * What this file takes from dm-core.h. It is compiled with DM core, so the layout
 * is right; what its members mean is not checked by the compiler:
 *
 *	md->map		under io_barrier, unless DMF_BLOCK_IO_FOR_SUSPEND
 *	md->pending_io	bios in DM core; who makes it zero wakes md->wait
 *	md->deferred	originals that were pushed back, under deferred_lock; md->work
 *			submits them
 *	md->requeue_list  struct dm_io of parts that were pushed back, under
 *			deferred_lock; md->requeue_work completes them, and frees
 *			them with bio_put()
 *	struct dm_io	as alloc_io() and alloc_tio() leave it; dm_accept_partial_bio()
 *			sets DM_IO_WAS_SPLIT, ->sectors, ->sector_offset and *->len_ptr
 */
static_assert(__same_type(typeof_member(struct mapped_device, pending_io),
			  unsigned long __percpu *));
static_assert(__same_type(typeof_member(struct mapped_device, wait), wait_queue_head_t));
static_assert(__same_type(typeof_member(struct mapped_device, flags), unsigned long));
static_assert(__same_type(typeof_member(struct mapped_device, io_barrier), struct srcu_struct));
static_assert(__same_type(typeof_member(struct mapped_device, deferred), struct bio_list));
static_assert(__same_type(typeof_member(struct mapped_device, work), struct work_struct));
static_assert(__same_type(typeof_member(struct mapped_device, requeue_list), struct dm_io *));
static_assert(__same_type(typeof_member(struct mapped_device, requeue_work), struct work_struct));
static_assert(__same_type(typeof_member(struct dm_io, io_count), atomic_t));
static_assert(__same_type(typeof_member(struct dm_io, orig_bio), struct bio *));
static_assert(__same_type(typeof_member(struct dm_target_io, len_ptr), unsigned int *));
static_assert(offsetof(struct dm_target_io, clone) + sizeof(struct bio) ==
	      sizeof(struct dm_target_io));
static_assert(offsetof(struct dm_io, tio) + sizeof(struct dm_target_io) ==
	      sizeof(struct dm_io));

/**
 * struct interpose_spare - a clone, and what DM core has in front of it
 *
 * @it: the line that maps it
 * @sector: where the original begins on the interposed device
 * @opf: of the clone, when map() gets it
 * @idx: of the read side of md->io_barrier
 * @io: the clone is its last member, and so is @io here: see bioset_init()
 */
struct interpose_spare {
	struct interpose_target *it;
	sector_t sector;
	blk_opf_t opf;
	int idx;
	struct dm_io io;
};

#define INTERPOSE_FRONT_PAD \
	(offsetof(struct interpose_spare, io) + DM_IO_BIO_OFFSET)

static bool interpose_direct = true;
module_param_named(direct, interpose_direct, bool, 0644);
MODULE_PARM_DESC(direct, "Map bios where they are, without DM core, where the inner target lets them pass");

/**
 * interpose_direct_init - prepare a device for this
 * @dev: the device
 *
 * Context: Process context. Sleeps.
 * Return: 0, or -ENOMEM.
 */
int interpose_direct_init(struct interpose_dev *dev)
{
	int r;

	dev->spares = alloc_percpu(struct interpose_spare *);
	if (!dev->spares)
		return -ENOMEM;
	r = bioset_init(&dev->clones, 1, INTERPOSE_FRONT_PAD, 0);
	if (r)
		free_percpu(dev->spares);
	return r;
}

/**
 * interpose_direct_exit - the counterpart of interpose_direct_init()
 * @dev: a device that is not interposed, and was not since its last bio ended
 *
 * Context: Process context.
 */
void interpose_direct_exit(struct interpose_dev *dev)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct interpose_spare *spare = *per_cpu_ptr(dev->spares, cpu);

		if (spare)
			bio_put(&spare->io.tio.clone);
	}
	free_percpu(dev->spares);
	bioset_exit(&dev->clones);
}

/**
 * interpose_direct_publish - say where bios are counted
 * @dev: a device that is about to be interposed
 *
 * Context: Process context, with dev->lock held.
 */
void interpose_direct_publish(struct interpose_dev *dev)
{
	lockdep_assert_held(&dev->lock);

	dev->ip.pending = dev->md->pending_io;
	dev->ip.pending_wait = &dev->md->wait;
}

/**
 * interpose_direct_resume - decide about a line
 * @it: the line
 *
 * What DM core does at the end of a clone, or to limit or to account it, is not
 * done here.
 *
 * Context: In the resume of @it, under md->suspend_lock.
 */
void interpose_direct_resume(struct interpose_target *it)
{
	const struct dm_target *inner = &it->inner;
	struct interpose_dev *dev = it->dev;

	WRITE_ONCE(it->direct,
		   queue_is_mq(bdev_get_queue(dev->bdev)) &&
		   !inner->type->end_io && !inner->per_io_data_size &&
		   !inner->accounts_remapped_io && !inner->limit_swap_bios &&
		   !inner->needs_bio_set_dev);
	/* the lines are resumed in their order */
	if (!it->ti->begin)
		dev->direct = false;
	dev->direct |= it->direct;
}

/**
 * interpose_direct_open - tell the block layer
 * @dev: a device whose gate has just been opened
 *
 * Context: Process context, under md->suspend_lock.
 */
void interpose_direct_open(struct interpose_dev *dev)
{
	blk_interposer_set_direct(&dev->ip,
				  dev->direct && READ_ONCE(interpose_direct));
}

/* How many have begun to complete a clone that was kept, and how many are done. */
static DEFINE_PER_CPU(unsigned long, interpose_began);
static DEFINE_PER_CPU(unsigned long, interpose_ended);

/* Is anybody completing a clone that was kept? */
static bool interpose_completes(void)
{
	unsigned long began = 0, ended = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		ended += READ_ONCE(per_cpu(interpose_ended, cpu));
	/* who has ended is seen to have begun, on another processor too */
	smp_mb();
	for_each_possible_cpu(cpu)
		began += READ_ONCE(per_cpu(interpose_began, cpu));
	return began != ended;
}

/**
 * interpose_direct_leave - wait until nobody runs the code of this file
 *
 * The block layer calls this file, not DM core: who has ended a bio that was kept,
 * or has let go of md->io_barrier, no longer keeps the device and the module, but
 * has still to return.
 *
 * The first has called the handler of the bio's submitter, which may sleep: some
 * decompress there, and with PREEMPT_RT each takes locks that sleep. So they are
 * counted, from before they let go of the device. From there to the return nobody
 * sleeps. An interrupt is over when the module's memory goes, because that waits for
 * RCU. A task may have been preempted: it is out when it sleeps, or is in user mode.
 *
 * Context: Process context, when the module goes. Sleeps.
 */
void interpose_direct_leave(void)
{
	while (interpose_completes())
		schedule_timeout_uninterruptible(1);
	synchronize_rcu_tasks();
}

static struct interpose_spare *interpose_spare_get(struct interpose_dev *dev)
{
	struct interpose_spare *spare = this_cpu_xchg(*dev->spares, NULL);
	struct bio *clone;

	if (likely(spare))
		return spare;

	/* q_usage_counter is held */
	clone = bio_alloc_bioset(NULL, 0, 0, GFP_NOWAIT | __GFP_NOWARN,
				 &dev->clones);
	if (!clone)
		return NULL;
	spare = container_of(clone, struct interpose_spare, io.tio.clone);
	/* members that others than we know, too */
	memset(&spare->io, 0, DM_IO_BIO_OFFSET);
	spare->io.magic = DM_IO_MAGIC;
	spin_lock_init(&spare->io.lock);
	spare->io.tio.magic = DM_TIO_MAGIC;
	dm_tio_set_flag(&spare->io.tio, DM_TIO_INSIDE_DM_IO);
	spare->io.tio.io = &spare->io;
	return spare;
}

static void interpose_spare_put(struct interpose_dev *dev,
				struct interpose_spare *spare)
{
	if (unlikely(this_cpu_cmpxchg(*dev->spares, NULL, spare)))
		bio_put(&spare->io.tio.clone);
}

/*
 * Would DM core map these sectors with one clone? See __max_io_len(). They may lie
 * beyond the line: the device can have grown since.
 */
static bool interpose_fits(struct dm_target *ti, sector_t sector,
			   unsigned int sectors)
{
	sector_t offset = dm_target_offset(ti, sector);

	if (unlikely(ti->max_io_len) &&
	    sectors > min(queue_max_sectors(ti->table->md->queue),
			  blk_boundary_sectors_left(offset, ti->max_io_len)))
		return false;
	return offset + sectors <= ti->len;
}

/*
 * The line for a bio, if it may map that where it is. With io_barrier held and the gate
 * open, so the lines are ours.
 */
static struct interpose_target *interpose_direct_line(struct mapped_device *md,
						      sector_t sector,
						      unsigned int sectors)
{
	struct interpose_target *it;
	struct dm_table *table;
	struct dm_target *ti;

	table = srcu_dereference(md->map, &md->io_barrier);
	if (unlikely(!table))
		return NULL;
	if (likely(table->num_targets == 1))
		ti = table->targets;
	else
		ti = dm_table_find_target(table, sector);
	if (unlikely(!ti))
		return NULL;

	it = to_interpose(ti);
	return READ_ONCE(it->direct) && interpose_fits(ti, sector, sectors) ?
		it : NULL;
}

/**
 * interpose_enter - let a bio in that may be mapped where it is
 * @ip: the interposer
 * @bio: the bio
 * @sector: where it begins on the interposed device
 *
 * Context: As &blk_interposer_ops.enter. Does not sleep.
 * Return: a spare, with md->io_barrier held and @bio counted in md->pending_io;
 *	NULL when @bio has to be redirected.
 */
void *interpose_enter(struct blk_interposer *ip, struct bio *bio,
		      sector_t sector)
{
	struct interpose_dev *dev = container_of(ip, struct interpose_dev, ip);
	struct mapped_device *md = dev->md;
	struct interpose_spare *spare = NULL;
	struct interpose_target *it;
	int idx;

	if (!READ_ONCE(interpose_direct))
		return NULL;

	idx = srcu_read_lock(&md->io_barrier);
	if (unlikely(test_bit(DMF_BLOCK_IO_FOR_SUSPEND, &md->flags) ||
		     !blk_interposer_admits(ip, bio) || dm_stats_used(&md->stats)))
		goto out_unlock;
	it = interpose_direct_line(md, sector, bio_sectors(bio));
	if (unlikely(!it))
		goto out_unlock;
	spare = interpose_spare_get(dev);
	if (unlikely(!spare))
		goto out_unlock;

	spare->it = it;
	spare->sector = sector;
	spare->idx = idx;
	this_cpu_inc(*md->pending_io);
	/* for sparse: interpose_map_direct() unlocks it */
	__release(&md->io_barrier);
	return spare;

out_unlock:
	srcu_read_unlock(&md->io_barrier, idx);
	return NULL;
}

/*
 * Push back the original, or the part that the clone stands for, as DM core does:
 * dm_handle_requeue(). Returns true when DM core completes the clone: a part is
 * cut out of its original by a work item. The work is queued with the lock held,
 * so interpose_leave_queue_io() need not wait for this.
 */
static bool interpose_requeue(struct dm_io *io)
{
	struct mapped_device *md = io->md;
	bool split = dm_io_flagged(io, DM_IO_WAS_SPLIT);
	unsigned long flags;

	spin_lock_irqsave(&md->deferred_lock, flags);
	if (split) {
		io->next = md->requeue_list;
		md->requeue_list = io;
		queue_work(md->wq, &md->requeue_work);
	} else if (test_bit(DMF_NOFLUSH_SUSPENDING, &md->flags)) {
		bio_list_add_head(&md->deferred, io->orig_bio);
		io->orig_bio = NULL;
		queue_work(md->wq, &md->work);
	} else {
		io->status = BLK_STS_IOERR;
	}
	spin_unlock_irqrestore(&md->deferred_lock, flags);
	return split;
}

/*
 * Let go of the clone, and of the suspend that waits for it. As __dm_io_complete().
 * Returns the original, if it is to end: it is counted in ->inflight until then, which
 * keeps all that is used here. One that is pushed back keeps nothing, so
 * interpose_leave_queue_io() waits for rcu_read_unlock().
 */
static struct bio *interpose_io_finish(struct dm_io *io)
{
	struct mapped_device *md = io->md;
	struct bio *bio = NULL;

	rcu_read_lock();
	/* if it is split, DM core takes it from there */
	if (likely(io->status != BLK_STS_DM_REQUEUE) || !interpose_requeue(io)) {
		bio = io->orig_bio;
		if (bio && unlikely(io->status))
			bio->bi_status = io->status;
		bio_put(&io->tio.clone);
		smp_wmb();	/* as there */
		this_cpu_dec(*md->pending_io);
		if (unlikely(wq_has_sleeper(&md->wait)))
			wake_up(&md->wait);
	}
	rcu_read_unlock();
	return bio;
}

/* The clone has ended, and map() is over. See interpose_direct_leave(). */
static void interpose_io_complete(struct dm_io *io)
{
	struct bio *bio;

	this_cpu_inc(interpose_began);
	bio = interpose_io_finish(io);
	if (likely(bio))
		bio_endio(bio);
	this_cpu_inc(interpose_ended);
}

static void interpose_io_put(struct dm_io *io, blk_status_t status)
{
	/* before the release in atomic_dec_and_test() */
	if (unlikely(status))
		io->status = status;
	if (atomic_dec_and_test(&io->io_count))
		interpose_io_complete(io);
}

static void interpose_clone_endio(struct bio *clone)
{
	struct dm_io *io = container_of(clone, struct dm_io, tio.clone);

	interpose_io_put(io, clone->bi_status);
}

/*
 * What DM core would give the inner target: it clones what the gate lets in, and
 * leaves the cgroup out until it submits the clone. REQ_ALLOC_CACHE says where a
 * bio was allocated, and where bio_put() returns it: a clone of ours is not from
 * such a cache, whatever io_uring's original is.
 */
static blk_opf_t interpose_clone_opf(struct mapped_device *md, struct bio *bio)
{
	blk_opf_t opf = bio->bi_opf & ~(REQ_POLLED | REQ_ALLOC_CACHE);

	if (unlikely(opf & REQ_NOWAIT) && !bdev_nowait(md->disk->part0))
		opf &= ~REQ_NOWAIT;
	return opf;
}

/*
 * As alloc_io() and alloc_tio(). The rest of the clone is as bio_init() has left it: it
 * is new, or it has passed, and then that says that nobody has changed more of it.
 */
static void interpose_spare_init(struct interpose_spare *spare, struct bio *bio,
				 unsigned int *len)
{
	struct mapped_device *md = spare->it->dev->md;
	struct bio *clone = &spare->io.tio.clone;
	struct dm_io *io = &spare->io;

	io->flags = 0;
	io->status = BLK_STS_OK;
	io->start_time = jiffies;
	atomic_set(&io->io_count, 2);
	io->md = md;
	io->orig_bio = bio;
	io->tio.ti = spare->it->ti;
	io->tio.len_ptr = len;
	io->tio.old_sector = spare->sector;

	spare->opf = interpose_clone_opf(md, bio);
	clone->bi_opf = spare->opf;
	clone->bi_bdev = md->disk->part0;
	clone->bi_flags = 1U << BIO_CLONED;
	clone->bi_ioprio = bio->bi_ioprio;
	clone->bi_write_hint = bio->bi_write_hint;
	bio_clone_more(clone, bio);
	clone->bi_iter = bio->bi_iter;
	clone->bi_iter.bi_sector = spare->sector;
	clone->bi_end_io = interpose_clone_endio;
	clone->bi_io_vec = bio->bi_io_vec;
}

/* Is the clone for what the original is for, beneath the hook? */
static bool interpose_passes(struct interpose_spare *spare, struct bio *bio)
{
	struct bio *clone = &spare->io.tio.clone;
	struct interpose_dev *dev = spare->it->dev;

	return clone->bi_bdev == dev->bdev &&
		clone->bi_iter.bi_sector == spare->sector &&
		!memcmp(&clone->bi_iter.bi_size, &bio->bi_iter.bi_size,
			sizeof(bio->bi_iter) -
			offsetof(struct bvec_iter, bi_size)) &&
		clone->bi_io_vec == bio->bi_io_vec &&
		clone->bi_flags == (1U << BIO_CLONED | 1U << BIO_PAST_INTERPOSER) &&
		clone->bi_opf == spare->opf && !clone->bi_next &&
		clone->bi_ioprio == bio->bi_ioprio &&
		clone->bi_write_hint == bio->bi_write_hint &&
		!bio_has_crypt_ctx(clone) &&
		clone->bi_end_io == interpose_clone_endio &&
		!clone->bi_private && !clone->bi_status &&
		atomic_read(&clone->__bi_remaining) == 1;
}

/* For /sys/block/dm-N/stat: how many, and how much; not for how long. */
static void interpose_account(struct mapped_device *md, struct bio *bio,
			      unsigned int sectors)
{
	/* a whole disk */
	struct block_device *part = md->disk->part0;
	const int group = op_stat_group(bio_op(bio));

	if (!blk_queue_io_stat(md->queue))
		return;
	part_stat_lock();
	__part_stat_add(part, ios[group], 1);
	__part_stat_add(part, sectors[group], sectors);
	part_stat_unlock();
}

/*
 * A part that the inner target accepted is to go to the driver before the rest is
 * mapped, as with DM core. The loop that calls us, for the interposed device,
 * takes bios for other devices first, and the rest is for the owner. So the part
 * goes by the bypass disk, which is another device, too: they keep their order.
 */
static void interpose_go_before(struct interpose_dev *dev, struct bio *clone)
{
	if (clone->bi_bdev != dev->bdev)
		return;
	clone->bi_bdev = dev->bypass->part0;
	bio_clear_flag(clone, BIO_PAST_INTERPOSER);
}

/*
 * The clone stays with the inner target, goes on, or has ended; the original waits
 * for it at the owner. As __map_bio() and the end of dm_split_and_process_bio():
 * a rest that the inner target did not accept is the original, cut to it, for
 * which DM core makes a clone. No bio is allocated for that.
 */
static void interpose_keep(struct interpose_spare *spare, int r,
			   unsigned int len)
{
	struct interpose_dev *dev = spare->it->dev;
	struct dm_io *io = &spare->io;
	struct bio *bio = io->orig_bio;
	unsigned int rest = bio_sectors(bio) - len;

	blk_interposer_keep(&dev->ip, bio);
	interpose_account(io->md, bio, len);

	switch (r) {
	case DM_MAPIO_SUBMITTED:
		break;
	case DM_MAPIO_REMAPPED:
		if (unlikely(rest))
			interpose_go_before(dev, &io->tio.clone);
		bio_clone_blkg_association(&io->tio.clone, bio);
		submit_bio_noacct(&io->tio.clone);
		break;
	case DM_MAPIO_REQUEUE:
		interpose_io_put(io, BLK_STS_DM_REQUEUE);
		break;
	default:
		WARN_ON_ONCE(r != DM_MAPIO_KILL);
		interpose_io_put(io, BLK_STS_IOERR);
		break;
	}

	if (unlikely(rest)) {
		bio_trim(bio, len, rest);
		trace_block_split(bio, bio->bi_iter.bi_sector);
		bio_inc_remaining(bio);
		submit_bio_noacct(bio);
	}
	interpose_io_put(io, BLK_STS_OK);
}

/**
 * interpose_map_direct - map a bio where it is
 * @ip: the interposer
 * @bio: the bio
 * @token: what interpose_enter() has returned
 *
 * Context: As &blk_interposer_ops.map. Sleeps as the inner target's map() does.
 * Return: true when @bio is to go on, for the same sectors of the interposed
 *	device; false when it waits at the owner, and will be ended here.
 */
bool interpose_map_direct(struct blk_interposer *ip, struct bio *bio,
			  void *token)
{
	struct interpose_dev *dev = container_of(ip, struct interpose_dev, ip);
	struct interpose_spare *spare = token;
	struct mapped_device *md = dev->md;
	unsigned int len = bio_sectors(bio);
	int r, idx = spare->idx;
	bool passes;

	/* by interpose_enter() */
	__acquire(&md->io_barrier);
	interpose_spare_init(spare, bio, &len);
	r = interpose_map(spare->it->ti, &spare->io.tio.clone);
	/* what SUBMITTED says may have ended, and is not looked at */
	passes = r == DM_MAPIO_REMAPPED && interpose_passes(spare, bio);
	if (likely(passes)) {
		interpose_account(md, bio, len);
		bio_uninit(&spare->io.tio.clone);
		interpose_spare_put(dev, spare);
	} else {
		interpose_keep(spare, r, len);
	}
	srcu_read_unlock(&md->io_barrier, idx);
	return passes;
}
