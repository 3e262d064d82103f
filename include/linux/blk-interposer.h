/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block device interposer: the interface for its owners.
 *
 * An interposer redirects the bios of one block device, mounted and busy or
 * not, to another block device of its owner's:
 *
 *      file system, swap, database
 *                 | bio to @bdev
 *                 v
 *      blk_mq_submit_bio(), __submit_bio()  -- redirected --> bio to @owner
 *                 ^                                                |
 *                 |                                                v
 *                 +-- bio_set_past_interposer() -- whatever the owner does
 *
 * See Documentation/block/blk-interposer.rst for the states, the order of
 * attach and detach, and why each step is race-free.
 */
#ifndef _LINUX_BLK_INTERPOSER_H
#define _LINUX_BLK_INTERPOSER_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/percpu-refcount.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

struct blk_interposer;
struct blk_interposer_bounce;

/*
 * The flags that say that atomic writes are meant: of a target's type, and of a
 * queue's limits. There are none in this kernel.
 */
#ifndef INTERPOSE_ATOMIC_TYPE
#define INTERPOSE_ATOMIC_TYPE		0
#define INTERPOSE_ATOMIC_FEATURE	((__force blk_features_t)0)
#endif

/* What else a clone has of its original: nothing in this kernel. */
#ifndef BIO_HAS_MORE
static inline void bio_clone_more(struct bio *clone, const struct bio *bio)
{
}
#endif

/**
 * struct blk_interposer_ops - what the block layer asks of an interposer's owner
 *
 * @owner: The module of these operations. Whoever publishes an interposer holds
 *	a reference to it until the interposer is detached.
 * @get: Take a reference that keeps the interposer in memory. Called under a
 *	spinlock while the interposer is published; must not fail or sleep.
 * @put: Drop a reference taken with @get. May sleep.
 * @owner_dead: @disk is about to be marked dead, and every bio still sent there
 *	afterwards would fail. When this returns, @disk must not be the
 *	interposer's owner; it need not be when this is called. May sleep.
 * @take_parked: Move the bios that the owner has put aside while it is
 *	suspended to @bios, in order. Called repeatedly, in process context,
 *	during blk_interposer_detach(), which sends them to the interposed
 *	device. Optional.
 * @resubmits: Is current about to resubmit a bio that the owner had put aside?
 *	Called with a spinlock held when a bio finds the gate closed; the answer
 *	is kept in &blk_interposer.resubmitted. Optional.
 * @checks_links: Does the owner call blk_interposer_loops() itself for the
 *	links that are being created below ->disk? Then they are not checked one
 *	by one. Must not sleep for long, because nobody else can create a link
 *	in the meantime. Optional.
 * @link_loops: A new link of @upper closes an I/O loop through the interposer
 *	and @lower, a device below @upper. Reports that to the user, and returns
 *	the error with which to refuse the link, or 0 if @upper's driver would
 *	ignore it. Sleep and optional as for @checks_links.
 * @enter: May @bio be mapped where it is? @sector is where it begins on the
 *	interposed device. Called with q_usage_counter of that device held; must
 *	not sleep, and asks blk_interposer_admits(). If so, the bio has been
 *	counted in *&blk_interposer.pending when this returns, and the return
 *	value is what @map gets; NULL if it has to be redirected. Needed with
 *	blk_interposer_set_direct().
 * @map: Maps @bio, which @enter has let in. Called without that counter and
 *	inside submit_bio_noacct(); may sleep and submit bios. Returns true when
 *	@bio, untouched, is to go to the interposed device; it stays counted in
 *	*&blk_interposer.pending until it completes. false when the owner keeps
 *	it: it has called blk_interposer_keep(), and ends or submits the bio
 *	itself.
 */
struct blk_interposer_ops {
	struct module *owner;
	void (*get)(struct blk_interposer *ip);
	void (*put)(struct blk_interposer *ip);
	void (*owner_dead)(struct blk_interposer *ip, struct gendisk *disk);
	void (*take_parked)(struct blk_interposer *ip, struct bio_list *bios);
	bool (*resubmits)(struct blk_interposer *ip);
	bool (*checks_links)(struct blk_interposer *ip);
	int (*link_loops)(struct blk_interposer *ip, struct block_device *lower,
			  struct gendisk *upper);
	void *(*enter)(struct blk_interposer *ip, struct bio *bio,
		       sector_t sector);
	bool (*map)(struct blk_interposer *ip, struct bio *bio, void *token);
};

/**
 * enum blk_interposer_state - what happens to a bio of the interposed device
 *
 * @BLK_INTERPOSER_IDLE: Not published: bios go to the device itself.
 * @BLK_INTERPOSER_HELD: Bios are redirected and wait at the owner's gate.
 * @BLK_INTERPOSER_OPEN: Bios are redirected and enter the owner.
 * @BLK_INTERPOSER_DETACHING: Bios found at the gate go back to the device.
 */
enum blk_interposer_state {
	BLK_INTERPOSER_IDLE,
	BLK_INTERPOSER_HELD,
	BLK_INTERPOSER_OPEN,
	BLK_INTERPOSER_DETACHING,
};

/**
 * struct blk_interposer - redirects the bios of one block device
 *
 * @bdev: the interposed device, a partition or a whole disk
 * @owner: the whole device that bios are redirected to
 * @ops: the owner's operations
 * @state: see &enum blk_interposer_state; written under @lock
 * @lock: protects @state, @held and @resubmitted; taken in the submission path
 *	only while the gate is not open
 * @held: bios that wait at the gate, in the order they came
 * @resubmitted: since the gate was closed, a bio that the owner had put aside
 *	has come to it
 * @inflight: counts the redirected bios until each has completed or gone back
 * @drained: completed when @inflight has dropped to zero after being killed
 * @redirected: how many bios were redirected or mapped where they are, per CPU
 * @pending: the owner's count of its bios in flight, per CPU, for
 *	&blk_interposer_ops.enter
 * @pending_wait: who waits for the sum of @pending to become zero
 * @atomic: @owner keeps atomic writes whole; changes as @bounces does
 * @bounces: bios have to be checked, and some of them bounced, before they
 *	enter @owner; changes only while the gate is closed
 * @starved: bios in @held wait for memory, not for the gate to open
 * @bounce: resources for bouncing; allocated when first needed
 * @open: entry of the list of all between blk_interposer_init() and _exit()
 * @list: entry of the list of all that blk_interposer_claim() was called for
 * @disk: the disk that @bdev's I/O goes to, or will go to; protected, like
 *	@list and @beneath, by blk_holder_mutex
 * @beneath: the disk through which others get past the hook
 */
struct blk_interposer {
	struct block_device *bdev;
	struct block_device *owner;
	const struct blk_interposer_ops *ops;
	enum blk_interposer_state state;
	spinlock_t lock;	/* protects state, held and resubmitted */
	struct bio_list held;
	bool resubmitted;
	struct percpu_ref inflight;
	struct completion drained;
	unsigned long __percpu *redirected;
	unsigned long __percpu *pending;
	wait_queue_head_t *pending_wait;
	bool atomic;
	bool bounces;
	bool starved;
	struct blk_interposer_bounce *bounce;
	struct list_head open;
	struct list_head list;
	struct gendisk *disk;
	struct gendisk *beneath;
};

int blk_interposer_init(struct blk_interposer *ip, struct block_device *bdev,
			const struct blk_interposer_ops *ops);
void blk_interposer_exit(struct blk_interposer *ip);
void blk_interposer_prepare(struct blk_interposer *ip,
			    struct block_device *owner);
void blk_interposer_settle(struct blk_interposer *ip,
			   struct block_device *owner);
int blk_interposer_attach(struct blk_interposer *ip,
			  struct block_device *owner, bool quiesced);
void blk_interposer_detach(struct blk_interposer *ip);
int blk_interposer_reserve(struct blk_interposer *ip,
			   const struct queue_limits *there);
int blk_interposer_fit(struct blk_interposer *ip, struct block_device *owner,
		       bool atomic);
void bdev_atomic_limits(struct queue_limits *lim, struct block_device *bdev);
void blk_interposer_hold(struct blk_interposer *ip);
void blk_interposer_sync(struct blk_interposer *ip);
void blk_interposer_open(struct blk_interposer *ip);
bool blk_interposer_attached(const struct blk_interposer *ip);
void blk_interposer_set_direct(struct blk_interposer *ip, bool direct);
void blk_interposer_keep(struct blk_interposer *ip, struct bio *bio);
bool blk_interposer_fits(const struct blk_interposer *ip, struct bio *bio);
unsigned long blk_interposer_redirected(const struct blk_interposer *ip);
unsigned int blk_interposer_held(struct blk_interposer *ip);
int blk_interposer_users(void);
void blk_interposer_claim(struct blk_interposer *ip, struct gendisk *disk,
			  struct gendisk *beneath);
bool blk_interposer_loops(struct blk_interposer *ip);

/*
 * May @bio be mapped where it is? For ->enter(), inside what a suspend of the owner
 * waits for after it has closed the gate: neither the gate nor what has to be
 * bounced changes before that wait is over. A bio that has to be is left to the
 * gate, which does it.
 */
static inline bool blk_interposer_admits(const struct blk_interposer *ip,
					 struct bio *bio)
{
	/* pairs with the release in blk_interposer_set_state() */
	return smp_load_acquire(&ip->state) == BLK_INTERPOSER_OPEN &&
		(!ip->bounces || blk_interposer_fits(ip, bio));
}

/*
 * Does a task that waits to attach @owner have to give up? -EINTR when current
 * was killed; -ENODEV when @owner is being removed, because the removal waits
 * for it.
 */
static inline int blk_interposer_interrupted(struct block_device *owner)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	return test_bit(GD_NO_INTERPOSER, &owner->bd_disk->state) ? -ENODEV : 0;
}

/* Can the hardware of @bdev encrypt? */
static inline bool bdev_inline_crypto(struct block_device *bdev)
{
#ifdef CONFIG_BLK_INLINE_ENCRYPTION
	return bdev_get_queue(bdev)->crypto_profile;
#else
	return false;
#endif
}

/**
 * bio_set_past_interposer - address a bio to a device below its interposer
 * @bio: a bio of the caller's own, not one that was redirected to it
 * @bdev: the interposed device
 *
 * The caller submits @bio afterwards; it reaches @bdev's driver without being
 * redirected again. The sector of @bio (512 bytes) must be relative to @bdev.
 * The caller is responsible for its cgroup association.
 *
 * Context: Any.
 */
static inline void bio_set_past_interposer(struct bio *bio,
					   struct block_device *bdev)
{
	bio->bi_bdev = bdev;
	bio_clear_flag(bio, BIO_REMAPPED);
	/* set if the bio was given back, and its driver passes it on */
	bio_clear_flag(bio, BIO_INTERPOSED);
	bio_set_flag(bio, BIO_PAST_INTERPOSER);
}

#endif /* _LINUX_BLK_INTERPOSER_H */
