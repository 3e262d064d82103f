/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interposer on a kernel that has no hook built in: what takes the place of
 * block/blk-interposer-state.h, and of the fields and flags that the patched
 * kernel's own headers have. Included before each of the shared sources.
 *
 * The same header guard keeps the other one out.
 */
#ifndef BLK_INTERPOSER_STATE_H
#define BLK_INTERPOSER_STATE_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/build_bug.h>
#include <linux/sched.h>
#include <linux/version.h>

/*
 * Of each kernel that is named here the places have been read, not only found: see
 * the table in places.c.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "dm-interpose needs kernel 6.12: apt install linux-image-6.12-amd64 linux-headers-6.12-amd64"
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(7, 4, 0) || \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0) && \
	 LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0))
#error "dm-interpose knows the places for its hook in kernels 6.12, 7.2 and 7.3, not in this one"
#endif
#ifndef CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
#error "dm-interpose needs a kernel with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"
#endif
#ifndef CONFIG_BLOCK_HOLDER_DEPRECATED
#error "dm-interpose needs a kernel with CONFIG_BLOCK_HOLDER_DEPRECATED"
#endif
#ifndef CONFIG_BLK_DEV_INTEGRITY
#error "dm-interpose needs a kernel with CONFIG_BLK_DEV_INTEGRITY, for bio_integrity_prep()"
#endif

struct blk_interposer;

/* The two bits of bi_flags that the kernel does not use. */
#define BIO_INTERPOSED		14
#define BIO_PAST_INTERPOSER	15
static_assert((int)BIO_FLAG_LAST <= BIO_INTERPOSED);
static_assert(sizeof_field(struct bio, bi_flags) * BITS_PER_BYTE > BIO_PAST_INTERPOSER);

/* One of gendisk->state, and one of request_queue->queue_flags, which are longs. */
#define GD_NO_INTERPOSER	31
#define QUEUE_FLAG_INTERPOSED	62
static_assert(sizeof_field(struct gendisk, state) * BITS_PER_BYTE > GD_NO_INTERPOSER);
static_assert(sizeof_field(struct request_queue, queue_flags) * BITS_PER_BYTE >
	      QUEUE_FLAG_INTERPOSED);

/*
 * Where is the test in the queue of a blk-mq device? In 6.12 at the beginning of a
 * function that can say "taken"; in 7.x around blk_mq_submit_bio(): see places.c.
 */
#define STOCK_AROUND	(LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0))

#if !STOCK_AROUND
#define STOCK_OPS_FUNC(name)						\
	name(struct ftrace_ops *ops, enum ftrace_ops_cmd cmd)
#else
#include <linux/blk-mq.h>
#include <linux/workqueue.h>

#define STOCK_OPS_FUNC(name)						\
	name(struct ftrace_ops *ops, unsigned long ip, enum ftrace_ops_cmd cmd)

/* DM core and the block layer want to be told that atomic writes are meant. */
#define INTERPOSE_ATOMIC_TYPE		DM_TARGET_ATOMIC_WRITES
#define INTERPOSE_ATOMIC_FEATURE	BLK_FEAT_ATOMIC_WRITES

#define BIO_HAS_MORE
static inline void bio_clone_more(struct bio *clone, const struct bio *bio)
{
	clone->bi_write_stream = bio->bi_write_stream;
	clone->bi_bvec_gap_bit = bio->bi_bvec_gap_bit;
}

/* As in 6.12, the callers keep the flags for allocations themselves. */
#define blk_mq_freeze_queue(q)		blk_mq_freeze_queue_nomemsave(q)
#define blk_mq_unfreeze_queue(q)	blk_mq_unfreeze_queue_nomemrestore(q)

/* Those that are not unbound have to say that. */
#undef alloc_workqueue
#define alloc_workqueue(name, flags, ...)				\
	alloc_hooks(alloc_workqueue_noprof(name, (flags) & WQ_UNBOUND ?	\
			(flags) : (flags) | WQ_PERCPU, __VA_ARGS__))

/* What is left of it copies from where both bios themselves are. */
static inline void bio_copy_data_iter(struct bio *to, struct bvec_iter *to_iter,
				      struct bio *from,
				      struct bvec_iter *from_iter)
{
	struct bio target = {
		.bi_io_vec = to->bi_io_vec, .bi_iter = *to_iter
	};
	struct bio source = {
		.bi_io_vec = from->bi_io_vec, .bi_iter = *from_iter
	};

	bio_copy_data(&target, &source);
}
#endif

struct blk_interposer *__bdev_interposer(const struct block_device *bdev);
void bdev_set_interposer(struct block_device *bdev, struct blk_interposer *ip);
void queue_count_interposer(struct request_queue *q, int change);
void blk_interposer_queue(struct blk_interposer *ip, struct bio *bio);
int blk_interposer_hook(struct blk_interposer *ip);
void blk_interposer_unhook(struct blk_interposer *ip);
int blk_interposer_get_places(struct blk_interposer *ip,
			      struct block_device *owner);

/* Does any device of @q take part in an interposer? */
static inline bool queue_interposed(const struct request_queue *q)
{
	return test_bit(QUEUE_FLAG_INTERPOSED, &q->queue_flags);
}

/* The interposer that @bdev itself has, or owns. */
static inline struct blk_interposer *
bdev_interposer(const struct block_device *bdev)
{
	return queue_interposed(bdev->bd_queue) ? __bdev_interposer(bdev) : NULL;
}

/* bio_endio() tells us of the end of bios that it is to trace: see places.c. */
static inline void bio_expect_endio(struct bio *bio)
{
	bio_set_flag(bio, BIO_TRACE_COMPLETION);
}

/*
 * Of the end of a bio that was mapped where it is, ends.c learns; that has been prepared
 * before the owner looks at it. The bio itself does not say that it is one.
 */
bool bio_prepare_direct(struct blk_interposer *ip, struct bio *bio);
void bio_cancel_direct(struct bio *bio);

static inline bool bio_is_direct(const struct bio *bio)
{
	return false;
}

static inline void bio_set_direct(struct bio *bio)
{
}

static inline void bio_clear_direct(struct bio *bio)
{
}

#endif /* BLK_INTERPOSER_STATE_H */
