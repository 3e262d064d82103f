/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the target takes from drivers/md/dm-core.h, which no kernel's header package
 * has.
 */
#ifndef DM_CORE_INTERNAL_H
#define DM_CORE_INTERNAL_H

#include <linux/blk-mq.h>
#include <linux/device-mapper.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>
#include <trace/events/block.h>
#include "private/layout-member.h"

/* What direct.c includes */
#ifndef LAYOUT_DIRECT
#define STOCK_DIRECT	"no-direct.c"
#else
#define STOCK_DIRECT	"../drivers/md/dm-interpose-direct.c"

struct dm_stats {
	union {
		LAYOUT_MEMBER(dm_stats, struct list_head, list);
		u8 whole[LAYOUT_mapped_device_stats_SIZE];
	};
};

struct dm_target_io {
	union {
		LAYOUT_MEMBER(dm_target_io, unsigned short, magic);
		LAYOUT_MEMBER(dm_target_io, blk_short_t, flags);
		LAYOUT_MEMBER(dm_target_io, unsigned int, target_bio_nr);
		LAYOUT_MEMBER(dm_target_io, struct dm_io *, io);
		LAYOUT_MEMBER(dm_target_io, struct dm_target *, ti);
		LAYOUT_MEMBER(dm_target_io, unsigned int *, len_ptr);
		LAYOUT_MEMBER(dm_target_io, sector_t, old_sector);
		LAYOUT_MEMBER(dm_target_io, struct bio, clone);
	};
};

struct dm_io {
	union {
		LAYOUT_MEMBER(dm_io, unsigned short, magic);
		LAYOUT_MEMBER(dm_io, blk_short_t, flags);
		LAYOUT_MEMBER(dm_io, spinlock_t, lock);
		LAYOUT_MEMBER(dm_io, unsigned long, start_time);
		LAYOUT_MEMBER(dm_io, struct dm_io *, next);
		LAYOUT_MEMBER(dm_io, blk_status_t, status);
		LAYOUT_MEMBER(dm_io, atomic_t, io_count);
		LAYOUT_MEMBER(dm_io, struct mapped_device *, md);
		LAYOUT_MEMBER(dm_io, struct bio *, orig_bio);
		LAYOUT_MEMBER(dm_io, struct dm_target_io, tio);
	};
};

LAYOUT_ASSERT(dm_stats, list);
LAYOUT_ASSERT(dm_target_io, magic);
LAYOUT_ASSERT(dm_target_io, flags);
LAYOUT_ASSERT(dm_target_io, target_bio_nr);
LAYOUT_ASSERT(dm_target_io, io);
LAYOUT_ASSERT(dm_target_io, ti);
LAYOUT_ASSERT(dm_target_io, len_ptr);
LAYOUT_ASSERT(dm_target_io, old_sector);
LAYOUT_ASSERT_BIO(dm_target_io, clone);
LAYOUT_ASSERT(dm_io, magic);
LAYOUT_ASSERT(dm_io, flags);
LAYOUT_ASSERT(dm_io, lock);
LAYOUT_ASSERT(dm_io, start_time);
LAYOUT_ASSERT(dm_io, next);
LAYOUT_ASSERT(dm_io, status);
LAYOUT_ASSERT(dm_io, io_count);
LAYOUT_ASSERT(dm_io, md);
LAYOUT_ASSERT(dm_io, orig_bio);
LAYOUT_ASSERT_BIO(dm_io, tio);

/*
 * What type information does not have: read in 6.12 and 7.3, and the same in both. The
 * kernels that this is compiled for are in blk-interposer-stock.h.
 */
#define DM_IO_MAGIC			19577
#define DM_TIO_MAGIC			28714
#define DMF_BLOCK_IO_FOR_SUSPEND	0
#define DMF_NOFLUSH_SUSPENDING		5
#define DM_TIO_INSIDE_DM_IO		0
#define DM_IO_WAS_SPLIT			1

#define DM_IO_BIO_OFFSET		offsetof(struct dm_io, tio.clone)
#define dm_io_flagged(io, bit)		((io)->flags & BIT(bit))
#define dm_tio_set_flag(tio, bit)	((tio)->flags |= BIT(bit))
#define dm_stats_used(stats)		(!list_empty(&(stats)->list))
#endif /* LAYOUT_DIRECT */

struct mapped_device {
	union {
		LAYOUT_MEMBER(mapped_device, void __rcu *, map);
		LAYOUT_MEMBER(mapped_device, enum dm_queue_mode, type);
		LAYOUT_MEMBER(mapped_device, struct workqueue_struct *, wq);
		LAYOUT_MEMBER(mapped_device, struct work_struct, work);
		LAYOUT_MEMBER(mapped_device, spinlock_t, deferred_lock);
		LAYOUT_MEMBER(mapped_device, struct bio_list, deferred);
		LAYOUT_MEMBER(mapped_device, struct srcu_struct, io_barrier);
		LAYOUT_MEMBER(mapped_device, struct target_type *, immutable_target_type);
#ifdef LAYOUT_DIRECT
		LAYOUT_MEMBER(mapped_device, unsigned long, flags);
		LAYOUT_MEMBER(mapped_device, struct request_queue *, queue);
		LAYOUT_MEMBER(mapped_device, struct gendisk *, disk);
		LAYOUT_MEMBER(mapped_device, wait_queue_head_t, wait);
		LAYOUT_MEMBER(mapped_device, unsigned long __percpu *, pending_io);
		LAYOUT_MEMBER(mapped_device, struct work_struct, requeue_work);
		LAYOUT_MEMBER(mapped_device, struct dm_io *, requeue_list);
		LAYOUT_MEMBER(mapped_device, struct dm_stats, stats);
#endif
	};
};

struct dm_table {
	union {
#ifdef LAYOUT_DIRECT
		LAYOUT_MEMBER(dm_table, struct mapped_device *, md);
		LAYOUT_MEMBER(dm_table, unsigned int, num_targets);
		LAYOUT_MEMBER(dm_table, struct dm_target *, targets);
#endif
		LAYOUT_MEMBER(dm_table, struct target_type *, immutable_target_type);
	};
};

LAYOUT_ASSERT(mapped_device, map);
LAYOUT_ASSERT(mapped_device, type);
LAYOUT_ASSERT(mapped_device, wq);
LAYOUT_ASSERT(mapped_device, work);
LAYOUT_ASSERT(mapped_device, deferred_lock);
LAYOUT_ASSERT(mapped_device, deferred);
LAYOUT_ASSERT(mapped_device, io_barrier);
LAYOUT_ASSERT(mapped_device, immutable_target_type);
LAYOUT_ASSERT(dm_table, immutable_target_type);
#ifdef LAYOUT_DIRECT
LAYOUT_ASSERT(mapped_device, flags);
LAYOUT_ASSERT(mapped_device, queue);
LAYOUT_ASSERT(mapped_device, disk);
LAYOUT_ASSERT(mapped_device, wait);
LAYOUT_ASSERT(mapped_device, pending_io);
LAYOUT_ASSERT(mapped_device, requeue_work);
LAYOUT_ASSERT(mapped_device, requeue_list);
LAYOUT_ASSERT(mapped_device, stats);
LAYOUT_ASSERT(dm_table, md);
LAYOUT_ASSERT(dm_table, num_targets);
LAYOUT_ASSERT(dm_table, targets);
#endif

/* Exported, but declared in drivers/md alone. */
void dm_internal_suspend_noflush(struct mapped_device *md);
void dm_internal_resume(struct mapped_device *md);

/* Not exported: see stock/symbols.c. */
struct target_type *dm_get_target_type(const char *name);
void dm_put_target_type(struct target_type *tt);
struct dm_target *dm_table_find_target(struct dm_table *table, sector_t sector);

#endif /* DM_CORE_INTERNAL_H */
