/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the interposer takes from block/blk.h, which no kernel's header package has.
 * The functions are the kernel's, found by stock/symbols.c.
 */
#ifndef BLK_INTERNAL_H
#define BLK_INTERNAL_H

#include <linux/blkdev.h>
#include "private/layout-member.h"

struct bd_holder_disk {
	union {
		LAYOUT_MEMBER(bd_holder_disk, struct list_head, list);
		LAYOUT_MEMBER(bd_holder_disk, struct kobject *, holder_dir);
	};
};

LAYOUT_ASSERT(bd_holder_disk, list);
LAYOUT_ASSERT(bd_holder_disk, holder_dir);

extern struct mutex *stock_holder_mutex;
extern struct class *stock_block_class;
extern const struct device_type *stock_disk_type;

#define blk_holder_mutex	(*stock_holder_mutex)
#define block_class		(*stock_block_class)
#define disk_type		(*stock_disk_type)

int stock_bio_queue_enter(struct request_queue *q, struct bio *bio);

static inline void stock_queue_exit(struct request_queue *q)
{
	percpu_ref_put(&q->q_usage_counter);
}

/*
 * As there, first without a wait. Who sets pm_only freezes the queue next: who finds it
 * clear, with the counter held, is waited for.
 */
static inline int bio_queue_enter(struct bio *bio)
{
	struct request_queue *q = bdev_get_queue(bio->bi_bdev);

	if (likely(percpu_ref_tryget_live(&q->q_usage_counter))) {
		if (likely(!blk_queue_pm_only(q)))
			return 0;
		stock_queue_exit(q);
	}
	return stock_bio_queue_enter(q, bio);
}

/* That of the kernel does the same, and is declared, but not exported. */
#define blk_queue_exit		stock_queue_exit

#endif /* BLK_INTERNAL_H */
