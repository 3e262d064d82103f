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
#include "private/layout-member.h"

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
	};
};

struct dm_table {
	union {
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

/* Exported, but declared in drivers/md alone. */
void dm_internal_suspend_noflush(struct mapped_device *md);
void dm_internal_resume(struct mapped_device *md);

/* Not exported: see stock/symbols.c. */
struct target_type *dm_get_target_type(const char *name);
void dm_put_target_type(struct target_type *tt);

#endif /* DM_CORE_INTERNAL_H */
