// SPDX-License-Identifier: GPL-2.0
/*
 * What the trampolines call: the tests of block/blk-interposer.h, at the places of a
 * stock kernel. See places.c for where these are and why each is as good.
 *
 * All of this may run on any number of processors at a time, and without any
 * interposer: until the places are turned off again.
 */
#include <linux/file.h>
#include <linux/module.h>

#include <linux/blk-interposer.h>
#include "blk.h"
#include "blk-interposer.h"
#include "layout.h"
#include "stock.h"

/* What the trampolines know of a bio */
static_assert(LAYOUT_bio_bi_flags_OFFSET == offsetof(struct bio, bi_flags));
static_assert(LAYOUT_bio_bi_opf_OFFSET == offsetof(struct bio, bi_opf));
static_assert(LAYOUT_bio_bi_bdev_OFFSET == offsetof(struct bio, bi_bdev));
static_assert(LAYOUT_block_device___bd_flags_OFFSET ==
	      offsetof(struct block_device, __bd_flags));
static_assert(BIT(30) == BD_INTERPOSE_DIRECT);
static_assert(BIO_INTERPOSED == 14 && BIO_PAST_INTERPOSER == 15);
const blk_opf_t stock_flush_flags = REQ_PREFLUSH | REQ_FUA;

static const struct stock_verdict pass = { };
static const struct stock_verdict taken = { .taken = true };

/* How many have come into a hook that may sleep, and have left it: see below. */
DEFINE_PER_CPU(unsigned long, stock_came);
DEFINE_PER_CPU(unsigned long, stock_left);

/**
 * stock_hooks_busy - is any task in a hook that may sleep?
 *
 * Those who left are counted first: who comes and leaves meanwhile makes the answer
 * true too often, but not too seldom.
 *
 * Context: Process context, when nobody comes in any more.
 * Return: true while there is one.
 */
bool stock_hooks_busy(void)
{
	unsigned long came = 0, left = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		left += READ_ONCE(per_cpu(stock_left, cpu));
	/* who has left is seen to have come: also on another processor */
	smp_mb();
	for_each_possible_cpu(cpu)
		came += READ_ONCE(per_cpu(stock_came, cpu));
	return came != left;
}

/*
 * bio_split_rw() and others that split: called in blk_mq_submit_bio() with
 * q_usage_counter held. Bio-based drivers call them too, and for those this is not the
 * place.
 */
struct stock_verdict stock_hook_split(struct bio *bio)
{
	struct request_queue *q = bdev_get_queue(bio->bi_bdev);

	return queue_is_mq(q) && bio_interpose(q, bio) ? taken : pass;
}

/*
 * A bio that goes on to the driver past the hook is about to be a part of a request, of
 * whose end blk-mq does not tell us.
 */
static void stock_forget_passed(struct request_queue *q, struct bio *bio)
{
	if (bio_past_hook(bio) && (bio_given_back(bio) || queue_interposed(q))) {
		bio_clear_flag(bio, BIO_INTERPOSED);
		bio_clear_flag(bio, BIO_PAST_INTERPOSER);
	}
}

/*
 * bio_integrity_prep(): the last look at a bio before it is a part of a request, when
 * what had to be split off has been. blk-mq does not tell us of its end, where a
 * patched kernel clears the flags, so it is done here: nobody looks at them any more,
 * and who uses the bio again, a mirror that tries another leg, must not find them.
 *
 * Not at a path of an NVMe multipath device, to which the bio of an interposed head was
 * handed on: it may be sent to the head once more. The path itself is not interposed.
 */
struct stock_verdict stock_hook_prep(struct bio *bio)
{
	struct request_queue *q = bdev_get_queue(bio->bi_bdev);

	if (!queue_is_mq(q))
		return pass;
	if (bio_interpose(q, bio))
		return taken;
	stock_forget_passed(q, bio);
	return pass;
}

/**
 * stock_probe_request - a bio becomes a part of a request
 * @data: unused
 * @bio: it
 *
 * The tracepoints block_getrq, block_bio_backmerge and block_bio_frontmerge: what had to
 * be split off has been. Does what stock_hook_prep() does on kernels that have it. A
 * discard that is merged has no tracepoint, and keeps the flags; nobody sends one again.
 *
 * Context: Process context, with q_usage_counter held.
 */
void stock_probe_request(void *data, struct bio *bio)
{
	stock_forget_passed(bdev_get_queue(bio->bi_bdev), bio);
}

/* ->submit_bio(): called in __submit_bio() with q_usage_counter held. */
struct stock_verdict stock_hook_submit(struct bio *bio)
{
	bool ret;

	stock_come();
	ret = bio_interpose(bdev_get_queue(bio->bi_bdev), bio);
	stock_leave();
	return ret ? taken : pass;
}

/*
 * A bio that has been redirected at the beginning of submit_bio_noacct_nocheck(), and
 * not by what that does later: charge it as what it was. Nobody else has it here.
 */
static void stock_charge_redirected(struct bio *bio)
{
	bio_clear_flag(bio, BIO_INTERPOSED);
	stock_charge(bio);
	bio_set_flag(bio, BIO_INTERPOSED);
}

/*
 * bio_may_go_direct(), but not for what is chained to another bio: see ends.c. What
 * stock_hook_nocheck() leaves alone because of this is looked at by stock_hook_mq().
 */
static bool stock_may_go_direct(struct bio *bio)
{
	return bio_may_go_direct(bio) && bio->bi_end_io != stock_chain_endio;
}

/*
 * A bio that a driver has submitted: there is a loop, and if it was begun for a
 * bio-based device it sorts. That it was, unless what goes on the list is the rest of a
 * bio for a blk-mq device that has been split: then it is chained. So who is not
 * chained is redirected here, for the loop; and who is, or cannot enter the queue at
 * once, at the hook.
 *
 * Concurrency: q_usage_counter is held for the look and not waited for, as in the hook.
 */
static bool stock_redirect_nested(struct bio *bio)
{
	struct request_queue *q = bdev_get_queue(bio->bi_bdev);
	bool charged = bio_past_hook(bio), ret;

	if (!bio_will_interpose(bio) || bio_flagged(bio, BIO_CHAIN) ||
	    bio_has_crypt_ctx(bio) || stock_may_go_direct(bio) ||
	    bdev_test_flag(bio->bi_bdev, BD_HAS_SUBMIT_BIO))
		return false;
	if (!percpu_ref_tryget_live(&q->q_usage_counter))
		return false;
	bio->bi_opf |= REQ_SORTED;
	ret = bio_interpose(q, bio);
	if (!ret)
		bio->bi_opf &= ~REQ_SORTED;
	else if (!charged)	/* it is on the list of this task */
		stock_charge_redirected(bio);
	blk_queue_exit(q);
	return ret;
}

/* bio_will_interpose(), but for another device of an interposed queue true as well. */
static bool bio_may_interpose(struct bio *bio)
{
	return blk_interposer_active() &&
		(!bio_past_hook(bio) || bio_given_back(bio)) &&
		queue_interposed(bdev_get_queue(bio->bi_bdev));
}

/*
 * submit_bio_noacct_nocheck(): bio_interpose_early(), at its beginning and not in it.
 * A flush that was hidden in submit_bio_noacct() is one again, whether anybody
 * interposes by now or not: as in a patched kernel, a driver must then ignore it.
 */
struct stock_verdict stock_hook_nocheck(struct bio *bio)
{
	bool charged, ended;

	if (unlikely(bio->bi_opf & REQ_HIDDEN)) {
		if (bio->bi_opf & REQ_HIDDEN_FUA)
			bio->bi_opf |= REQ_FUA;
		if (bio->bi_opf & REQ_HIDDEN_PREFLUSH)
			bio->bi_opf |= REQ_PREFLUSH;
		bio->bi_opf &= ~REQ_HIDDEN;
	}
	if (current->bio_list)
		return stock_redirect_nested(bio) ? taken : pass;
	if (!bdev_test_flag(bio->bi_bdev, BD_HAS_SUBMIT_BIO | BD_INTERPOSED) ||
	    stock_may_go_direct(bio) || !bio_may_interpose(bio) ||
	    bio_has_crypt_ctx(bio))
		return pass;

	charged = bio_past_hook(bio);
	stock_come();
	ended = !__bio_interpose_early(bio);
	if (!ended && !charged && bio_redirected(bio))
		stock_charge_redirected(bio);
	stock_leave();
	return ended ? taken : pass;
}

/*
 * submit_bio_noacct(), for a flush: it strips a flush of a device that has no write
 * cache. An empty one is redirected now. One with data must still be checked, moved to
 * the whole disk, throttled and charged as what it is, so it is hidden from here to
 * submit_bio_noacct_nocheck(), where all of that has been done. If it is throttled, and
 * the places are turned off meanwhile, it comes to a driver with the bits that stand
 * for its flags, which no driver knows; the device has no cache.
 */
struct stock_verdict stock_hook_noacct(struct bio *bio)
{
	bool ret;

	if (bio_op(bio) != REQ_OP_WRITE || !bio_will_interpose(bio) ||
	    bdev_write_cache(bio->bi_bdev))
		return pass;
	if (!bio_sectors(bio)) {
		stock_come();
		ret = bio_interpose_flush(bio);
		stock_leave();
		return ret ? taken : pass;
	}
	if (bio->bi_opf & REQ_FUA)
		bio->bi_opf |= REQ_HIDDEN_FUA;
	if (bio->bi_opf & REQ_PREFLUSH)
		bio->bi_opf |= REQ_HIDDEN_PREFLUSH;
	bio->bi_opf &= ~(REQ_FUA | REQ_PREFLUSH);
	return pass;
}

/* Before and not after: bio_chain() looks at none of what this changes. */
struct stock_verdict stock_hook_chain(struct bio *bio, struct bio *parent)
{
	bio_interpose_chain(bio, parent);
	return pass;
}

struct stock_verdict stock_hook_dead(struct gendisk *disk)
{
	stock_come();
	blk_interposer_disk_dead(disk);
	stock_leave();
	return pass;
}

/**
 * stock_probe_complete - a bio completes: the tracepoint block_bio_complete
 * @data: unused
 * @q: unused
 * @bio: it
 *
 * Context: Any context.
 */
void stock_probe_complete(void *data, struct request_queue *q, struct bio *bio)
{
	bio_interpose_endio(bio);
}

/*
 * Around a function: the hook at its beginning calls it, and so comes here a second
 * time, from itself. Then it lets the function run. These are not called often.
 *
 * @list: entry of stock_arounds
 * @task: who is around
 * @what: the hook
 */
struct stock_around {
	struct list_head list;
	struct task_struct *task;
	const void *what;
};

static LIST_HEAD(stock_arounds);
static DEFINE_SPINLOCK(stock_arounds_lock);

/* Returns false the second time: the entry that lets it through is used up. */
static bool stock_around_enter(struct stock_around *around, const void *what)
{
	struct stock_around *entry;
	bool first = true;

	around->task = current;
	around->what = what;
	spin_lock(&stock_arounds_lock);
	list_for_each_entry(entry, &stock_arounds, list)
		if (entry->task == current && entry->what == what) {
			list_del_init(&entry->list);
			first = false;
			break;
		}
	if (first)
		list_add(&around->list, &stock_arounds);
	spin_unlock(&stock_arounds_lock);
	return first;
}

/* If the place was turned off meanwhile, nobody has used the entry up. */
static void stock_around_leave(struct stock_around *around)
{
	spin_lock(&stock_arounds_lock);
	list_del_init(&around->list);
	spin_unlock(&stock_arounds_lock);
}

/*
 * bdev_release(): bdev_interposed_closed() comes after it, and before the driver's
 * module and the device may go.
 */
struct stock_verdict stock_hook_release(struct file *bdev_file)
{
	struct block_device *bdev = file_bdev(bdev_file);
	struct stock_around around;
	struct module *driver;

	/* an open that has failed closes nothing */
	if (!blk_interposer_active() || IS_ERR(bdev_file->private_data))
		return pass;
	if (!stock_around_enter(&around, stock_hook_release))
		return pass;

	stock_come();
	driver = bdev->bd_disk->fops->owner;
	/* who has it open has the driver */
	__module_get(driver);
	get_device(&bdev->bd_device);
	stock_bdev_release(bdev_file);
	stock_around_leave(&around);
	bdev_interposed_closed(bdev);
	put_device(&bdev->bd_device);
	module_put(driver);
	stock_leave();
	return taken;
}

/* bd_link_disk_holder(): a link that closes a circle is taken back. */
struct stock_verdict stock_hook_link(struct block_device *bdev,
				     struct gendisk *disk)
{
	struct stock_around around;
	int ret;

	if (!blk_interposer_active() ||
	    !stock_around_enter(&around, stock_hook_link))
		return pass;

	stock_come();
	ret = bd_link_disk_holder(bdev, disk);
	stock_around_leave(&around);
	if (!ret)
		ret = blk_interposer_check_link(bdev, disk);
	stock_leave();
	return (struct stock_verdict) { .taken = true, .result = ret };
}

/*
 * A task that holds q_usage_counter around blk_mq_submit_bio()
 *
 * @list: entry of stock_frames
 * @task: it
 * @q: what it holds
 * @entered: it has come to the function, and the hook there has let it through
 */
struct stock_frame {
	struct list_head list;
	struct task_struct *task;
	struct request_queue *q;
	bool entered;
};

static LIST_HEAD(stock_frames);
static DEFINE_SPINLOCK(stock_frames_lock);

static void stock_frame_add(struct stock_frame *frame, struct request_queue *q)
{
	frame->task = current;
	frame->q = q;
	frame->entered = false;
	spin_lock(&stock_frames_lock);
	list_add(&frame->list, &stock_frames);
	spin_unlock(&stock_frames_lock);
}

static void stock_frame_del(struct stock_frame *frame)
{
	spin_lock(&stock_frames_lock);
	list_del(&frame->list);
	spin_unlock(&stock_frames_lock);
}

/* Does this task hold @q around? With @enter, for the function itself, once. */
static bool stock_frame_find(struct request_queue *q, bool enter)
{
	struct stock_frame *frame;
	bool found = false;

	/* an entry of this task was added by this task */
	if (list_empty(&stock_frames))
		return false;
	spin_lock(&stock_frames_lock);
	list_for_each_entry(frame, &stock_frames, list)
		if (frame->task == current && frame->q == q &&
		    !(enter && frame->entered)) {
			frame->entered |= enter;
			found = true;
			break;
		}
	spin_unlock(&stock_frames_lock);
	return found;
}

/*
 * The look at a bio for a blk-mq device, with q_usage_counter held. If the test is armed
 * the function runs while it is still held, so that no attach can come in between.
 */
static struct stock_verdict stock_mq_look(struct request_queue *q,
					  struct bio *bio)
{
	struct stock_frame frame;

	if (bio_interpose(q, bio))
		return taken;
	if (!test_bit(QUEUE_FLAG_ARMED, &q->queue_flags))
		return pass;
	stock_frame_add(&frame, q);
	stock_mq_submit_bio(bio);
	stock_frame_del(&frame);
	return taken;
}

/*
 * What was put on the list of a loop while a bio was mapped where it is: what map() has
 * submitted, the clone that the owner sends elsewhere, the rest of a bio of which it has
 * accepted a part, and a bio that it has not let in.
 *
 * The loop was perhaps begun for a blk-mq device, and that does not sort: see
 * blk_interposer_queue(). So if any of them is for a bio-based device, each gets a loop of
 * its own, here, in their order, as in a patched kernel. This is what sorting comes to:
 * those on lower levels go first, all the way. They have been charged, which
 * bio_given_back() says, and the hooks look at them all the same.
 *
 * Concurrency: nobody else has the list, and no queue is held.
 */
static void stock_submit_left(struct bio_list *left)
{
	struct bio_list *loop = current->bio_list;
	bool bio_based = false;
	struct bio *bio;

	bio_list_for_each(bio, left)
		bio_based |= bdev_test_flag(bio->bi_bdev, BD_HAS_SUBMIT_BIO);
	if (!bio_based) {
		bio_list_merge(loop, left);
		return;
	}
	current->bio_list = NULL;
	while ((bio = bio_list_pop(left))) {
		if (!bio_past_hook(bio)) {
			bio_set_flag(bio, BIO_INTERPOSED);
			bio_set_flag(bio, BIO_PAST_INTERPOSER);
		}
		stock_submit_checked(bio, false);
	}
	current->bio_list = loop;
}

/*
 * Let the owner map @bio where it is, at the beginning of blk_mq_submit_bio(), which is
 * where __submit_bio() of a patched kernel does it, too. The list of the loop is empty
 * meanwhile, as within a bio-based driver. What was on it, the rest of a bio that a
 * driver has split, holds nothing that map() could wait for.
 */
static bool stock_go_direct(struct bio *bio)
{
	struct bio_list *loop = current->bio_list, older = *loop, left;
	bool ret;

	stock_come();
	bio_list_init(loop);
	ret = __bio_interpose_direct(bio);
	left = *loop;
	*loop = older;
	if (unlikely(!bio_list_empty(&left)))
		stock_submit_left(&left);
	stock_leave();
	return ret;
}

/* Is this the bio's first time at the beginning of blk_mq_submit_bio(), in a loop? */
static bool stock_goes_direct(struct bio *bio)
{
	return blk_interposer_active() && current->bio_list &&
		stock_may_go_direct(bio);
}

/*
 * blk_mq_submit_bio(): on each kernel, bios are mapped where they are that may be. In 6.12
 * that is all. Where no function in it can say "taken", the test is here, and holds
 * q_usage_counter for itself. Two bits of queue_flags decide whether it is made at
 * all, and are read at once: whoever publishes sets the one before he clears the other.
 *
 * Not for a bio that comes out of the write plug of a zone: that holds q_usage_counter,
 * and was looked at before it was plugged.
 */
struct stock_verdict stock_hook_mq(struct bio *bio)
{
	struct request_queue *q = bdev_get_queue(bio->bi_bdev);
	struct stock_verdict verdict;

	if (stock_goes_direct(bio) && stock_go_direct(bio))
		return taken;
	/* it has passed, or found no interposer after it had slept: then look again */
	if (!STOCK_AROUND || !(READ_ONCE(q->queue_flags) &
	      (BIT(QUEUE_FLAG_INTERPOSED) | BIT(QUEUE_FLAG_ARMED))) ||
	    bio_beneath_hook(bio) || bio_flagged(bio, BIO_ZONE_WRITE_PLUGGING) ||
	    stock_frame_find(q, true))
		return pass;

	stock_come();
	if (bio_queue_enter(bio)) {	/* it has ended, or was taken there */
		verdict = taken;
	} else {
		verdict = stock_mq_look(q, bio);
		blk_queue_exit(q);
	}
	stock_leave();
	return verdict;
}

/*
 * __bio_queue_enter(): where a bio waits for a frozen queue. If its task holds the queue
 * around, it gets what it comes for at once: the freeze waits for that task. Of others a
 * bio for a blk-mq device is looked at when it has got in. Only those in the loop come
 * from blk_mq_submit_bio(), or from its hook; the rest look for themselves.
 */
struct stock_verdict stock_hook_enter(struct request_queue *q, struct bio *bio)
{
	struct stock_around around;
	int ret;

	if (!current->bio_list || !queue_is_mq(q))
		return pass;
	if (stock_frame_find(q, false)) {
		percpu_ref_get(&q->q_usage_counter);
		return taken;
	}
	if (!stock_around_enter(&around, stock_hook_enter))
		return pass;

	stock_come();
	ret = stock_bio_queue_enter(q, bio);
	stock_around_leave(&around);
	if (!ret && bio_interpose(q, bio)) {
		blk_queue_exit(q);
		ret = -EAGAIN;
	}
	stock_leave();
	return (struct stock_verdict) { .taken = true, .result = ret };
}
