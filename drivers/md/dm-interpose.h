/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the target "interpose" share. The lock order is in
 * dm-interpose.c.
 */
#ifndef DM_INTERPOSE_H
#define DM_INTERPOSE_H

#include <linux/bio.h>
#include <linux/blk-interposer.h>
#include <linux/device-mapper.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#define DM_MSG_PREFIX "interpose"

/**
 * struct interpose_dev - a device that is or may be interposed
 *
 * @ip: the block layer's part
 * @kref: targets, the attachment, and openers of the bypass disk
 * @list: entry of interpose_devs
 * @dead: entry of interpose_dead, once @kref is gone
 * @md: the mapped device that interposes; NULL while no table does, and only a
 *	snapshot or another opener keeps the bypass disk; under
 *	interpose_devs_lock
 * @users: table lines, complete or being made, of @md; under
 *	interpose_devs_lock
 * @tables: the &struct interpose_table of all tables of @md; under
 *	interpose_devs_lock
 * @bdev_file: the interposed device, open for reading and without a holder:
 *	that works even if somebody has claimed it
 * @bdev: shorthand for the device of @bdev_file
 * @lower: the mapped device that @bdev is, or NULL; it stays while @bdev is
 *	open
 * @holders: sysfs directory of @bdev with a link to @bypass; NULL without one
 * @bypass: the disk below the hook
 * @id: number of @bypass
 * @name: "major:minor" of @bdev
 * @bypass_name: "major:minor" of @bypass
 * @lock: keeps attach and detach apart; protects @retired and @parked
 * @building: an inner target is being constructed, by the holder of
 *	md->type_lock
 * @retired: detached because @md is being removed: the inner targets have been
 *	suspended and are not called again before their dtr
 * @parked: a detach has taken bios that DM core had put aside
 * @frozen: the file systems that a suspend or an attach has frozen and
 *	@thaw_work is to thaw; handed over with xchg()
 * @pin: the mapped device, kept open by us so that it cannot be removed; handed
 *	over with xchg()
 * @thaw_work: thaws after a resume
 * @grace_work: makes the grace periods of a suspend short
 * @direct: a line of the live table may map bios where they are; under
 *	md->suspend_lock
 * @spares: the clones for that, one per CPU
 * @clones: where they come from
 */
struct interpose_dev {
	struct blk_interposer ip;
	struct kref kref;
	struct list_head list;
	struct llist_node dead;

	struct mapped_device *md;
	unsigned int users;
	struct list_head tables;
	bool building;

	struct file *bdev_file;
	struct block_device *bdev;
	struct mapped_device *lower;
	struct kobject *holders;
	struct gendisk *bypass;
	int id;
	char name[16];
	char bypass_name[16];

	/* keeps attach and detach apart */
	struct mutex lock;
	bool retired;
	bool parked;
	struct interpose_frozen *frozen;
	struct file *pin;
	struct work_struct thaw_work;
	struct work_struct grace_work;

	/* for bios that are mapped where they are */
	bool direct;
	struct interpose_spare * __percpu *spares;
	struct bio_set clones;
};

/**
 * struct interpose_table - the "interpose" lines of one table
 *
 * There are few tables at a time, but one may have many lines.
 *
 * @list: entry of &struct interpose_dev.tables
 * @table: the table; only the pointer is looked at
 * @lines: how many, complete or being made; under interpose_devs_lock
 * @covered: sectors of these lines; under interpose_devs_lock
 * @pin: a line asks for the pin, or a message did; under interpose_devs_lock
 * @no_atomic: a line has this feature argument; under interpose_devs_lock
 * @checked: interpose_check_table() has passed it; under md->suspend_lock
 */
struct interpose_table {
	struct list_head list;
	struct dm_table *table;
	unsigned int lines;
	sector_t covered;
	bool pin;
	bool no_atomic;
	bool checked;
};

/**
 * struct interpose_target - one "interpose" line of a table
 *
 * @inner: what the inner target sees as its own line
 * @type: the outer target's type, shaped after the inner one's
 * @ti: the outer target
 * @dev: the interposed device
 * @table: the lines of its table
 * @atomic: the only line, and its inner target passes on atomic writes whole
 * @direct: bios may be mapped where they are: interpose_direct_resume()
 * @resumed: the inner target's preresume has been called once: interpose_may_ask()
 */
struct interpose_target {
	struct dm_target inner;
	struct target_type type;
	struct dm_target *ti;
	struct interpose_dev *dev;
	struct interpose_table *table;
	bool atomic;
	bool direct;
	bool resumed;
};

#define interpose_error(name, fmt, ...) DMERR("%s: " fmt, name, ##__VA_ARGS__)
#define interpose_warn(name, fmt, ...) DMWARN("%s: " fmt, name, ##__VA_ARGS__)

static inline struct interpose_target *to_interpose(struct dm_target *ti)
{
	return container_of(ti->type, struct interpose_target, type);
}

/* dm-interpose.c: attach, hold and detach */
extern struct workqueue_struct *interpose_wq;
extern const struct blk_interposer_ops interpose_ops;
extern struct target_type interpose_target_type;

void interpose_thaw_work(struct work_struct *work);
void interpose_grace_work(struct work_struct *work);
void interpose_detach_unbound(struct interpose_dev *dev);
int interpose_pin(struct interpose_dev *dev);
void interpose_unpin(struct interpose_dev *dev);

/* dm-interpose-dev.c: the devices */
extern struct mutex interpose_devs_lock;

int interpose_devs_init(void);
void interpose_devs_exit(void);
void interpose_dev_put(struct interpose_dev *dev);
struct interpose_dev *interpose_dev_get(struct dm_target *ti, dev_t devt,
					const char *arg);
void interpose_dev_drop(struct interpose_dev *dev, bool was_line);
int interpose_learn_holder(struct dm_target *ti, struct interpose_dev *dev);
int interpose_check_bdev(struct dm_target *ti, struct block_device *bdev);
bool interpose_vouched_for(struct mapped_device *md);

/* dm-interpose-table.c: a table's lines, and their inner targets */
struct interpose_table *interpose_table_find(struct interpose_dev *dev,
					     struct dm_table *table);
int interpose_check_coverage(struct interpose_target *it);
int interpose_check_table(struct interpose_target *it);
void interpose_sync_target(struct interpose_target *it);
void interpose_mark_pin(struct interpose_target *it, bool pin);
int interpose_ctr(struct dm_target *ti, unsigned int argc, char **argv);
void interpose_dtr(struct dm_target *ti);
int interpose_map(struct dm_target *ti, struct bio *bio);
int interpose_end_io(struct dm_target *ti, struct bio *bio,
		     blk_status_t *error);
int interpose_iterate_devices(struct dm_target *ti,
			      iterate_devices_callout_fn fn, void *data);
void interpose_io_hints(struct dm_target *ti, struct queue_limits *limits);

/* dm-interpose-status.c: status and messages */
void interpose_status(struct dm_target *ti, status_type_t type,
		      unsigned int status_flags, char *result,
		      unsigned int maxlen);
int interpose_message(struct dm_target *ti, unsigned int argc, char **argv,
		      char *result, unsigned int maxlen);

/* dm-interpose-direct.c: bios that are mapped where they are */
int interpose_direct_init(struct interpose_dev *dev);
void interpose_direct_exit(struct interpose_dev *dev);
void interpose_direct_publish(struct interpose_dev *dev);
void interpose_direct_resume(struct interpose_target *it);
void interpose_direct_open(struct interpose_dev *dev);
void interpose_direct_leave(void);
void *interpose_enter(struct blk_interposer *ip, struct bio *bio,
		      sector_t sector);
bool interpose_map_direct(struct blk_interposer *ip, struct bio *bio,
			  void *token);

#endif /* DM_INTERPOSE_H */
