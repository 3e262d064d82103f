// SPDX-License-Identifier: GPL-2.0
/*
 * block_device->bd_interposer, request_queue->nr_interposers and what else a patched
 * kernel has fields for, beside a kernel that has none.
 *
 * A device that takes part in an interposer, as the interposed one or as the owner,
 * has a place: an entry of a hash table, by the address of its struct block_device.
 * Nobody looks there unless the device's queue has QUEUE_FLAG_INTERPOSED.
 *
 * Concurrency: the table changes under blk_interposer_lock, and is read under RCU, in
 * any context. As in a patched kernel, what a reader finds is exact only if he holds
 * q_usage_counter of that queue, or has a bio that is counted: the pointer of an
 * interposed device, and both clearings, happen in a frozen queue, so he sees all of a
 * change or nothing of it. Unlike a pointer, a chain of the table is shared with other
 * devices, which come and go while he is on the way along it. So a place that is taken
 * out is never put in again, and is freed a grace period of RCU later: whoever stands
 * on it still comes to the end of the chain that he began.
 *
 * The flag: who publishes sets it after the place is in, in the frozen queue (that of
 * the owner is not frozen: see blk_interposer_publish()). Who finds the flag, and no
 * place, has met another device of that queue. Several places of a queue are counted
 * by looking at all of them, under the lock.
 */
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include <linux/blk-interposer.h>
#include "stock.h"

/**
 * struct stock_place - that a device takes part in an interposer
 * @node: in bdev_places
 * @bdev: the device
 * @ip: the interposer
 * @rcu: for its end
 */
struct stock_place {
	struct hlist_node node;
	const struct block_device *bdev;
	struct blk_interposer *ip;
	struct rcu_head rcu;
};

/**
 * struct stock_interposer - what struct blk_interposer has no member for
 * @list: entry of stock_interposers
 * @ip: whose it is
 * @places: for the interposed device and its owner, while they have none
 * @armed: the test in the queue is around blk_mq_submit_bio(): see stock_arm()
 * @wq: for @work alone, with a rescuer, since that waits as a submitter does
 * @work: submits @late
 * @lock: protects @late
 * @late: bios that are redirected, but not by who met the hook: see
 *	blk_interposer_queue()
 */
struct stock_interposer {
	struct list_head list;
	struct blk_interposer *ip;
	struct stock_place *places[2];
	bool armed;
	struct workqueue_struct *wq;
	struct work_struct work;
	spinlock_t lock;	/* protects late */
	struct bio_list late;
};

static DEFINE_HASHTABLE(bdev_places, 8);
/* After this long, who waits for a queue that is frozen says so. */
#define STOCK_PATIENCE	(10 * HZ)

/* Changes under stock_interposers_lock, is read under RCU. */
static LIST_HEAD(stock_interposers);
static DEFINE_SPINLOCK(stock_interposers_lock);

/* @ip is between blk_interposer_hook() and blk_interposer_unhook(): its entry stays. */
static struct stock_interposer *stock_interposer(const struct blk_interposer *ip)
{
	struct stock_interposer *entry, *found = NULL;

	rcu_read_lock();
	list_for_each_entry_rcu(entry, &stock_interposers, list)
		if (entry->ip == ip) {
			found = entry;
			break;
		}
	rcu_read_unlock();
	return found;
}

/*
 * Those of devices that are not interposed do not come here, but for others of a queue.
 * Without preemption this is under RCU, too, and costs a tenth of rcu_read_lock().
 */
struct blk_interposer *__bdev_interposer(const struct block_device *bdev)
{
	struct blk_interposer *ip = NULL;
	struct stock_place *place;

	preempt_disable_notrace();
	hash_for_each_possible_rcu_notrace(bdev_places, place, node,
					   (unsigned long)bdev)
		if (place->bdev == bdev) {
			ip = place->ip;
			break;
		}
	preempt_enable_notrace();
	return ip;
}

static void stock_place_clear(struct block_device *bdev)
{
	struct stock_place *place;

	hash_for_each_possible(bdev_places, place, node, (unsigned long)bdev)
		if (place->bdev == bdev) {
			hash_del_rcu(&place->node);
			kfree_rcu(place, rcu);
			return;
		}
}

/**
 * bdev_set_interposer - as in a patched kernel
 * @bdev: the interposed device, or the owner
 * @ip: its interposer, or NULL: it has none any more
 *
 * Context: with blk_interposer_lock held. Who finds @ip by way of @bdev sees what was
 *	written to it before: hash_add_rcu() publishes as smp_store_release() does.
 */
void bdev_set_interposer(struct block_device *bdev, struct blk_interposer *ip)
{
	struct stock_interposer *si;
	struct stock_place *place;
	int i;

	if (!ip) {
		stock_place_clear(bdev);
		return;
	}
	si = stock_interposer(ip);
	i = si->places[0] ? 0 : 1;
	place = si->places[i];
	/* blk_interposer_get_places() has got both, and the lock is held for both */
	if (WARN_ON_ONCE(!place))
		return;
	si->places[i] = NULL;
	if (bdev == ip->bdev)
		/* QUEUE_FLAG_ARMED goes when QUEUE_FLAG_INTERPOSED is there */
		si->armed = false;
	place->bdev = bdev;
	place->ip = ip;
	hash_add_rcu(bdev_places, &place->node, (unsigned long)bdev);
}

static bool queue_has_place(struct request_queue *q)
{
	struct stock_place *place;
	int bucket;

	hash_for_each(bdev_places, bucket, place, node)
		if (place->bdev->bd_queue == q)
			return true;
	return false;
}

/* Several interposers of a queue, for its partitions, have one flag. */
static void queue_update_armed(struct request_queue *q)
{
	struct stock_interposer *si;
	bool armed = false;

	spin_lock(&stock_interposers_lock);
	list_for_each_entry(si, &stock_interposers, list)
		armed |= si->armed && bdev_get_queue(si->ip->bdev) == q;
	assign_bit(QUEUE_FLAG_ARMED, &q->queue_flags, armed);
	spin_unlock(&stock_interposers_lock);
}

/* @change was made to the places already: with the same lock held. */
void queue_count_interposer(struct request_queue *q, int change)
{
	if (queue_has_place(q))
		set_bit(QUEUE_FLAG_INTERPOSED, &q->queue_flags);
	else
		clear_bit(QUEUE_FLAG_INTERPOSED, &q->queue_flags);
	if (STOCK_AROUND)
		queue_update_armed(q);
}

/*
 * Does neither a freeze nor the power of the device keep anybody out of @q, and has
 * everybody been woken who was kept out?
 */
static bool queue_is_open(struct request_queue *q)
{
	lockdep_assert_held(&q->mq_freeze_lock);

	return !q->mq_freeze_depth && !blk_queue_pm_only(q) &&
		!wq_has_sleeper(&q->mq_freeze_wq);
}

/*
 * Wait until nobody sleeps at @q who came there before the hook was on. @q is woken from
 * its power saving: who waits for that is kept out as well.
 */
static int queue_wait_unasked(struct block_device *bdev)
{
	struct request_queue *q = bdev_get_queue(bdev);
	unsigned long deadline = jiffies + STOCK_PATIENCE;
	bool done;

	do {
		mutex_lock(&q->mq_freeze_lock);
		done = queue_is_open(q);
		if (done) {
			synchronize_rcu_tasks();
			done = queue_is_open(q);
		}
		mutex_unlock(&q->mq_freeze_lock);
		if (done)
			return 0;
		if (test_bit(GD_DEAD, &bdev->bd_disk->state))
			return -ENODEV;
		if (deadline && time_after(jiffies, deadline)) {
			pr_warn("%pg: interpose: waits until its queue is not frozen\n",
				bdev);
			deadline = 0;
		}
	} while (!schedule_timeout_killable(1) && !fatal_signal_pending(current));
	return -EINTR;
}

/*
 * Where the test in the queue is around blk_mq_submit_bio(), see to it that an attach to
 * @si's device misses nobody.
 *
 * The test at the beginning of that function comes before q_usage_counter is got for the
 * bio, and so lets three kinds of tasks by, each of which might get it only after the
 * interposer was published, and never be asked:
 *
 *  a) Who was asked, and is on the way from there into the queue. Once
 *     QUEUE_FLAG_ARMED is set, there is nobody new: the test keeps its own reference
 *     around the function, and an attach cannot freeze the queue before that is given
 *     back.
 *  b) Who was past the beginning of the function when the hook came, or asked before
 *     the flag was set, and runs, or was preempted. On the way from there to
 *     q_usage_counter nobody sleeps of his own will but in __bio_queue_enter().
 *     synchronize_rcu_tasks() waits until each has got in, or sleeps there. If the
 *     hook of that was on when he came, he is asked when he has got in.
 *  c) Who sleeps in __bio_queue_enter() since before its hook was on: because the queue
 *     is frozen, by somebody else, for as long as that takes; or because the device saves
 *     power. He may be woken, and find that the next one, which could be our attach, has
 *     frozen it again, and sleep on, any number of times.
 *
 * For c), mq_freeze_lock is taken while nobody has frozen the queue. As long as it is
 * held, nobody can. The same goes for power: who sets pm_only freezes the queue next, and
 * does not clear it before he has got that lock. So if it is not set at the beginning
 * and at the end, it was not set at any time in between. In a queue that is open, nobody
 * has a reason to fall asleep in __bio_queue_enter(), and if nobody is on its wait queue
 * either, all of c) are on their way: who is woken is taken off it. So
 * synchronize_rcu_tasks() waits until they are in. After that there can be no more of
 * them as long as the hook is on, which it is for as long as @si is there. Those who got
 * in, as all before them, are what the freeze of the attach waits for.
 *
 * Concurrency: attaches of one interposer come one after the other, and this is called
 * when it is initialised, and before any attach but the first. Others of the same queue
 * may do the same at the same time. mq_freeze_lock is held for a grace period: who wants
 * to freeze the queue waits for that, and its I/O flows. The driver, and with it
 * @q->dev, stays since the device is open.
 */
static int stock_arm(struct stock_interposer *si, bool first)
{
	struct block_device *bdev = si->ip->bdev;
	struct request_queue *q = bdev_get_queue(bdev);
	int ret = 0;

	if (!STOCK_AROUND || !queue_is_mq(q) || si->armed)
		return 0;
	si->armed = true;
	queue_update_armed(q);
	if (!first) {
		synchronize_rcu_tasks();
		return 0;
	}
	if (q->dev)
		pm_runtime_get_sync(q->dev);
	ret = queue_wait_unasked(bdev);
	if (q->dev)
		pm_runtime_put(q->dev);
	return ret;
}

/**
 * blk_interposer_get_places - get what publishing takes
 * @ip: the interposer, not attached
 * @owner: its owner to be
 *
 * Concurrency: attaches of one interposer come one after the other. A detach has given
 * up the places of the last one.
 *
 * Return: 0; -ENOMEM; -EOPNOTSUPP when there is no gate at @owner.
 */
int blk_interposer_get_places(struct blk_interposer *ip,
			      struct block_device *owner)
{
	struct stock_interposer *si = stock_interposer(ip);
	int i;

	if (!stock_place_held(owner)) {
		pr_err("%pg: interpose: its driver has no place for a gate\n",
		       owner);
		return -EOPNOTSUPP;
	}
	for (i = 0; i < ARRAY_SIZE(si->places); i++) {
		if (!si->places[i])
			/* the file system of the device may be frozen by now */
			si->places[i] = kzalloc(sizeof(*si->places[i]),
						GFP_NOIO);
		if (!si->places[i])
			return -ENOMEM;
	}
	return stock_arm(si, false);
}

/*
 * They are redirected and counted like any others, and come to the gate from here. What
 * submit_bio_noacct() looks at was looked at when they were sent to the device; of a
 * bio that must not wait, the owner's driver need not be able to promise that.
 * Once the last of them is submitted @si may go, but not before this has returned:
 * blk_interposer_unhook() waits for it.
 */
static void stock_submit_late(struct work_struct *work)
{
	struct stock_interposer *si =
		container_of(work, struct stock_interposer, work);
	struct bio *bio;

	do {
		spin_lock_irq(&si->lock);
		bio = bio_list_pop(&si->late);
		spin_unlock_irq(&si->lock);
		if (bio)
			stock_submit_checked(bio, false);
	} while (bio);
}

/**
 * blk_interposer_queue - send on what the hook has redirected
 * @ip: the interposer
 * @bio: a bio that is at the owner now
 *
 * On the list of the submit_bio_noacct() loop that the hook was called from, if that
 * is the loop which sorts by level. That it is when the interposed device is
 * bio-based, or when stock_hook_nocheck() says so. A loop that was begun for a blk-mq
 * device takes its bios one after the other, and mempools of bio-based drivers do
 * not stand that: one bio could wait for what another one holds that is behind it on
 * the list. A patched kernel changes over to the other loop; here such a bio is left
 * to a work item of the interposer's own. There are few of them: most are redirected
 * before that loop begins, and who meets the hook in it came there before the attach.
 *
 * Forward progress: the work item is the only one of a workqueue with a rescuer, so it
 * waits for nobody's memory but its own driver's, as any submitter does. Interposers
 * that are stacked do not wait for each other's.
 *
 * Context: in submit_bio_noacct(), with the device's q_usage_counter held. Does not
 *	sleep.
 */
void blk_interposer_queue(struct blk_interposer *ip, struct bio *bio)
{
	struct stock_interposer *si;
	unsigned long flags;

	if (bio->bi_opf & REQ_SORTED ||
	    bdev_test_flag(ip->bdev, BD_HAS_SUBMIT_BIO)) {
		bio->bi_opf &= ~REQ_SORTED;
		bio_list_add(&current->bio_list[0], bio);
		return;
	}
	si = stock_interposer(ip);
	spin_lock_irqsave(&si->lock, flags);
	bio_list_add(&si->late, bio);
	spin_unlock_irqrestore(&si->lock, flags);
	queue_work(si->wq, &si->work);
}

static void stock_interposer_free(struct stock_interposer *si)
{
	destroy_workqueue(si->wq);
	kfree(si->places[0]);
	kfree(si->places[1]);
	kfree(si);
}

/**
 * blk_interposer_hook - see to it that the hook is in the kernel
 * @ip: an interposer that is being initialised
 *
 * Context: Process context. Sleeps. The device's I/O flows. On a kernel where the test in
 *	the queue is around blk_mq_submit_bio(), waits while somebody else has frozen that.
 * Return: 0; -ENOMEM; -ENODEV or -EINTR when that wait was in vain; or why a function of
 *	the kernel cannot be hooked, and then a message has named it.
 */
int blk_interposer_hook(struct blk_interposer *ip)
{
	struct stock_interposer *si = kzalloc(sizeof(*si), GFP_KERNEL);
	int ret;

	if (!si)
		return -ENOMEM;
	si->ip = ip;
	INIT_WORK(&si->work, stock_submit_late);
	spin_lock_init(&si->lock);
	bio_list_init(&si->late);
	si->wq = alloc_workqueue("blk_interposer_late", WQ_MEM_RECLAIM, 1);
	if (!si->wq) {
		kfree(si);
		return -ENOMEM;
	}
	ret = stock_places_get(ip->bdev);
	if (ret) {
		stock_interposer_free(si);
		return ret;
	}
	spin_lock(&stock_interposers_lock);
	list_add_rcu(&si->list, &stock_interposers);
	spin_unlock(&stock_interposers_lock);
	ret = stock_arm(si, true);
	if (ret)
		blk_interposer_unhook(ip);
	return ret;
}

/* @ip is detached, and no bio is counted: nothing is late any more. */
void blk_interposer_unhook(struct blk_interposer *ip)
{
	struct stock_interposer *si = stock_interposer(ip);

	spin_lock(&stock_interposers_lock);
	list_del_rcu(&si->list);
	spin_unlock(&stock_interposers_lock);
	if (STOCK_AROUND)
		queue_update_armed(bdev_get_queue(ip->bdev));
	stock_places_put(ip->bdev);
	/* who goes along the list may stand on this entry */
	synchronize_rcu();
	stock_interposer_free(si);
}
