// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-interpose: put any device-mapper target into the path of the I/O of a
 * block device that is mounted and busy, and take it away again.
 *
 *	file system, swap, database            dmsetup
 *	         | bio to sda1                    | 0 N interpose /dev/sda1 T ...
 *	         v                                v
 *	block layer: hook of sda1 ---------> /dev/mapper/x
 *	         ^                                | DM core clones and splits
 *	         |                                v
 *	         |                         target "interpose", calls T
 *	         |                                | T opens, instead of sda1,
 *	         |                                v
 *	         +------- past the hook --- disk "interposeN" <--- snapshots, dd
 *
 * An example: write a sector of the mounted sda1 while x is
 * "interpose /dev/sda1 snapshot-origin" and a snapshot of interpose0 exists.
 *
 *  1. The file system's bio W reaches the hook of sda1, which counts it, points
 *     it at x and puts it on the task's bio_list.
 *  2. The gate of x lets W in; DM core clones it to C and calls interpose_map().
 *  3. snapshot-origin keeps C, and reads and copies the old chunk through
 *     interpose0. interpose_bypass_submit_bio() marks each of these bios as past
 *     the hook and sends it to sda1, whose hook lets it through.
 *  4. snapshot-origin submits C to interpose0, and so to sda1.
 *  5. C completes, DM core ends W, W gets sda1 back as its device and its count
 *     is dropped, the file system is told.
 *
 * One struct interpose_dev stands for the pair of a mapped device and the
 * device it interposes. Tables share it: a reload swaps targets while the
 * attachment stays.
 *
 * Lock order, outermost first:
 *	md->suspend_lock of the interposing device (DM core: presuspend,
 *	postsuspend, preresume, resume)
 *	  interpose_dev->lock (attach against detach)
 *	    the freeze of a queue, blk_interposer_lock, blk_interposer->lock
 *	    interpose_devs_lock (the list of devices and who uses them; nothing
 *	    that waits for I/O or memory inside)
 *
 *	interpose_claims_lock (first and last lines of devices; not with I/O
 *	held)
 *	  interpose_devs_lock
 *	  blk_holder_mutex
 *
 * An interposed mapped device is suspended by a work item that holds none of
 * these, and before interpose_dev->lock is taken. It stays suspended without
 * its suspend_lock. So no two of these suspend_locks are held by one task.
 */
#include "dm-core.h"

#include <linux/blk-crypto-profile.h>
#include <linux/blk-integrity.h>
#include <linux/blk-interposer.h>
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/device-mapper.h>
#include <linux/file.h>
#include <linux/idr.h>
#include <linux/llist.h>
#include <linux/major.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sysfs.h>
#include <linux/wait_bit.h>

#define DM_MSG_PREFIX "interpose"

/* The first word of messages that are for us and not for the inner target. */
#define INTERPOSE_MESSAGE	"interpose"
/* How often a task that waits for a job checks whether to give up. */
#define INTERPOSE_JOB_LOOK	(HZ / 10)
/* After this long it reports what it is waiting for. */
#define INTERPOSE_JOB_PATIENCE	(10 * HZ)

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
 */
struct interpose_target {
	struct dm_target inner;
	struct target_type type;
	struct dm_target *ti;
	struct interpose_dev *dev;
	struct interpose_table *table;
	bool atomic;
};

#define interpose_error(name, fmt, ...) DMERR("%s: " fmt, name, ##__VA_ARGS__)
#define interpose_warn(name, fmt, ...) DMWARN("%s: " fmt, name, ##__VA_ARGS__)

static int interpose_major;
static DEFINE_IDA(interpose_ida);
static LIST_HEAD(interpose_devs);
static DEFINE_MUTEX(interpose_devs_lock);
/*
 * Keeps the first line of a device, with its claim, apart from the last line of
 * another mapped device's tables. The claim takes blk_holder_mutex, and whoever
 * has that mutex may wait for memory, and so for I/O that we hold. So suspend
 * and resume, and all that runs between them, take neither.
 */
static DEFINE_MUTEX(interpose_claims_lock);
/* Thaws and reaps; needed to write pages back. */
static struct workqueue_struct *interpose_wq;
/*
 * Runs each &struct interpose_job; any of them may take forever. It has no
 * rescuer: inner targets and file systems wait for workqueues without one, too,
 * and a task that waits for a job can be killed.
 */
static struct workqueue_struct *interpose_job_wq;
/* Bypass disks whose memory is not freed yet. */
static atomic_t interpose_disks = ATOMIC_INIT(0);
static LLIST_HEAD(interpose_dead);
static void interpose_reap(struct work_struct *work);
static DECLARE_WORK(interpose_reap_work, interpose_reap);

static struct target_type interpose_target_type;

static struct interpose_target *to_interpose(struct dm_target *ti)
{
	return container_of(ti->type, struct interpose_target, type);
}

/*
 * Life of a struct interpose_dev
 *
 * The last reference is usually dropped with the last line, and the command
 * that did so waits until the device is gone: interpose_dev_drop(). It may also
 * be dropped at the end of a detach, or with the release of the bypass disk,
 * which holds open_mutex. Then a work item, one for all devices, does the rest.
 * Nobody waits for it: closing a device can take as long as its I/O.
 */
static void interpose_dev_release(struct kref *kref)
{
	struct interpose_dev *dev = container_of(kref, struct interpose_dev, kref);

	llist_add(&dev->dead, &interpose_dead);
	queue_work(interpose_wq, &interpose_reap_work);
}

static void interpose_dev_put(struct interpose_dev *dev)
{
	kref_put(&dev->kref, interpose_dev_release);
}

/* The directory goes when the disk does, unless somebody holds it. */
static struct kobject *interpose_get_holders(struct block_device *bdev)
{
	struct gendisk *disk = bdev->bd_disk;
	struct kobject *holders = NULL;

	mutex_lock(&disk->open_mutex);
	if (disk_live(disk))
		holders = kobject_get(bdev->bd_holder_dir);
	mutex_unlock(&disk->open_mutex);
	return holders;
}

/*
 * Like the links of bd_link_disk_holder(), which cannot be used because it
 * requires that its caller has claimed @bdev, and a raw device is not claimed.
 * They are only informational, so a failure to create them is no error.
 */
static void interpose_link(struct interpose_dev *dev)
{
	struct kobject *holders = interpose_get_holders(dev->bdev);
	struct kobject *bypass = &disk_to_dev(dev->bypass)->kobj;
	struct kobject *bdev = bdev_kobj(dev->bdev);

	if (!holders)
		return;
	if (sysfs_create_link(dev->bypass->slave_dir, bdev, kobject_name(bdev)))
		goto out_put;
	if (sysfs_create_link(holders, bypass, kobject_name(bypass)))
		goto out_unlink;
	dev->holders = holders;
	return;

out_unlink:
	sysfs_remove_link(dev->bypass->slave_dir, kobject_name(bdev));
out_put:
	kobject_put(holders);
}

static void interpose_unlink(struct interpose_dev *dev)
{
	if (!dev->holders)
		return;
	sysfs_remove_link(dev->holders,
			  kobject_name(&disk_to_dev(dev->bypass)->kobj));
	sysfs_remove_link(dev->bypass->slave_dir,
			  kobject_name(bdev_kobj(dev->bdev)));
	kobject_put(dev->holders);
}

static void interpose_dev_destroy(struct interpose_dev *dev)
{
	mutex_lock(&interpose_devs_lock);
	list_del(&dev->list);
	mutex_unlock(&interpose_devs_lock);

	interpose_unlink(dev);
	del_gendisk(dev->bypass);
	blk_interposer_exit(&dev->ip);
	__fput_sync(dev->bdev_file);
	ida_free(&interpose_ida, dev->id);
	/* frees @dev, through ->free_disk() */
	put_disk(dev->bypass);
}

static void interpose_dev_release_now(struct kref *kref)
{
	interpose_dev_destroy(container_of(kref, struct interpose_dev, kref));
}

static void interpose_reap(struct work_struct *work)
{
	struct llist_node *dead = llist_del_all(&interpose_dead);
	struct interpose_dev *dev, *next;

	llist_for_each_entry_safe(dev, next, dead, dead)
		interpose_dev_destroy(dev);
}

/*
 * The bypass disk "interposeN": the interposed device below the hook
 */
static void interpose_bypass_submit_bio(struct bio *bio)
{
	struct interpose_dev *dev = bio->bi_bdev->bd_disk->private_data;

	/* also associates the bio with the cgroup at the interposed device */
	bio_set_dev(bio, dev->bdev);
	bio_set_past_interposer(bio, dev->bdev);
	submit_bio_noacct(bio);
}

/*
 * Who may open the bypass disk? It shows the data of a device that is in use,
 * below its interposer. Only device-mapper tables may write to it, mount it
 * (ext4 replays its journal even for a read-only mount) or claim it in any
 * other way: the inner target and its snapshots consist of such tables, and the
 * administrator names it there on purpose. Everybody else may only read.
 *
 * @interpose_dm_holder: the holder with which device-mapper claims its devices:
 *	one pointer for all of them, but static in dm.c.
 * @interpose_dm_learner: the task that finds it out, by
 *	interpose_learn_holder().
 *
 * Concurrency: ->open() runs under open_mutex. With BLK_OPEN_EXCL, which
 * bdev_open() sets for openers with a holder, bd_prepare_to_claim() has set
 * bd_claiming to that holder, and lets nobody else set it before this open has
 * succeeded or failed. Without it, bd_claiming may belong to another opener and
 * is not read.
 */
static void *interpose_dm_holder;
static struct task_struct *interpose_dm_learner;

static bool interpose_bypass_may_open(struct gendisk *disk, blk_mode_t mode)
{
	void *holder;

	if (!(mode & BLK_OPEN_EXCL))
		return !(mode & BLK_OPEN_WRITE);

	holder = READ_ONCE(disk->part0->bd_claiming);
	if (READ_ONCE(interpose_dm_learner) == current)
		WRITE_ONCE(interpose_dm_holder, holder);
	return holder == READ_ONCE(interpose_dm_holder);
}

/*
 * An opener of the disk must not see what an earlier reader left in its page
 * cache. The inner target and snapshots keep the disk open, so there is no last
 * close that would drop the cache. Pages in use are left alone. Runs under
 * open_mutex, concurrently with other readers, which reread the pages that are
 * gone.
 */
static int interpose_bypass_open(struct gendisk *disk, blk_mode_t mode)
{
	struct interpose_dev *dev = disk->private_data;

	if (!interpose_bypass_may_open(disk, mode)) {
		DMWARN_LIMIT("%s[%d] may only read %s; to write, use %pg or a mapped device",
			     current->comm, task_pid_nr(current),
			     disk->disk_name, dev->bdev);
		return -EBUSY;
	}
	if (!kref_get_unless_zero(&dev->kref))
		return -ENXIO;
	invalidate_bdev(disk->part0);
	return 0;
}

/*
 * Make DM core open the bypass disk once, for the first line since the module
 * was loaded. During this, only the holder of this task is learned, and the
 * task opens nothing else.
 */
static int interpose_learn_holder(struct dm_target *ti, struct interpose_dev *dev)
{
	static DEFINE_MUTEX(learn_lock);
	struct dm_dev *dm_dev;
	int r = 0;

	mutex_lock(&learn_lock);
	if (!interpose_dm_holder) {
		WRITE_ONCE(interpose_dm_learner, current);
		r = dm_get_device(ti, dev->bypass_name, BLK_OPEN_READ, &dm_dev);
		WRITE_ONCE(interpose_dm_learner, NULL);
		if (!r)
			dm_put_device(ti, dm_dev);
	}
	mutex_unlock(&learn_lock);
	if (r)
		ti->error = "Cannot open the bypass device";
	return r;
}

static void interpose_bypass_release(struct gendisk *disk)
{
	interpose_dev_put(disk->private_data);
}

static void interpose_bypass_free(struct gendisk *disk)
{
	struct interpose_dev *dev = disk->private_data;

	mutex_destroy(&dev->lock);
	kfree(dev);
	if (atomic_dec_and_test(&interpose_disks))
		wake_up_var(&interpose_disks);
}

static const struct block_device_operations interpose_bypass_fops = {
	.owner		= THIS_MODULE,
	.open		= interpose_bypass_open,
	.release	= interpose_bypass_release,
	.submit_bio	= interpose_bypass_submit_bio,
	.free_disk	= interpose_bypass_free,
};

static int interpose_bypass_create(struct interpose_dev *dev)
{
	struct queue_limits lim;
	struct gendisk *disk;
	int id;

	id = ida_alloc_max(&interpose_ida, MINORMASK, GFP_KERNEL);
	if (id < 0)
		return id;

	blk_set_stacking_limits(&lim);
	lim.features |= BLK_FEAT_NOWAIT | BLK_FEAT_POLL;
	queue_limits_stack_bdev(&lim, dev->bdev, 0, "interpose");
	/* the interposed device decides later whether it needs a flush */
	lim.features |= BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA;
	bdev_atomic_limits(&lim, dev->bdev);

	disk = blk_alloc_disk(&lim, NUMA_NO_NODE);
	if (IS_ERR(disk)) {
		ida_free(&interpose_ida, id);
		return PTR_ERR(disk);
	}

	dev->id = id;
	dev->bypass = disk;
	disk->major = interpose_major;
	disk->first_minor = id;
	disk->minors = 1;
	disk->flags |= GENHD_FL_NO_PART;
	disk->fops = &interpose_bypass_fops;
	snprintf(disk->disk_name, DISK_NAME_LEN, "interpose%d", id);
	set_capacity(disk, bdev_nr_sectors(dev->bdev));
	set_disk_ro(disk, bdev_read_only(dev->bdev));
	format_dev_t(dev->bypass_name, MKDEV(interpose_major, id));
	return 0;
}

/*
 * Attach, hold and detach
 *
 * Attach, in preresume of the table's last line, under md->suspend_lock:
 *	wait for RCU's grace period; freeze the file system; make DM core suspend
 *	an interposed mapped device; make sure that the device's older I/O has
 *	completed; publish, with the gate closed; resume that mapped device;
 *	[resume of the lines] open the gate; [DM core admits bios]; thaw.
 * Suspend, in presuspend of the lines, under md->suspend_lock:
 *	wait for RCU's grace period; [inner presuspend]; freeze the file system,
 *	unless noflush; close the gate; [DM core waits for bios that have passed
 *	it]; in postsuspend, wait for tasks that have passed the gate and not
 *	reached DM core yet.
 * Detach, in two places:
 *	- when the mapped device is about to be removed, interpose_owner_dead():
 *	  wait for RCU's grace period; make DM core suspend the device without a
 *	  flush, as above; unpublish; thaw what a suspend by the user had frozen.
 *	  No file system is frozen for a removal: a bio either is counted at the
 *	  owner, and waited for, or goes to the device. A freeze would wait for
 *	  every task that is writing to the file system.
 *	- when the live table goes away, from its first dtr: it was replaced by
 *	  one without interpose lines, so the device has been suspended.
 *
 * What can run at the same time:
 *	- I/O of the interposed device, always, on all CPUs: blk-interposer.c.
 *	- Methods of the same mapped device that DM core calls under
 *	  suspend_lock: one after the other. So are the opening and the closing
 *	  of the gate, which only such methods do.
 *	- interpose_owner_dead(), against a method that is called for an ioctl
 *	  which found the device before it was removed. It makes DM core suspend
 *	  the device, and so waits for such a method. Later ones find @retired.
 *	- The dtr of a table that is no longer live, against the attach of the
 *	  next one, and against interpose_owner_dead(): each checks the current
 *	  state under dev->lock.
 *	- Freezing and thawing, from the methods and from work items: they nest,
 *	  and nothing that lets I/O continue waits for them.
 *	- A freeze, or the suspend of an interposed mapped device, whose caller
 *	  has given up: struct interpose_job.
 */

/**
 * struct interpose_job - an operation that may take forever, and can be given up
 *
 * An unprivileged user can prevent the freeze of a file system for any length
 * of time, and a mapped device may wait for a disk that never responds. Neither
 * wait can be interrupted. So a work item does the operation. A caller that is
 * killed, or whose mapped device is being removed, gives up. The work item then
 * undoes the operation as soon as it has succeeded. Whoever sets bit 0 of
 * @decided first decides which of the two happens.
 *
 * Concurrency: the work item has a reference to @dev, so that the device stays
 * open, and one to this module. It drops both before it completes @done for a
 * caller, which has references of its own, or after it has undone an operation
 * that was given up. interpose_exit() waits for the work item to return. It
 * holds no lock that a caller holds, and does not use the mapped device that
 * interposes, which may be gone.
 *
 * @work: calls @run
 * @done: @run has returned, and the caller owns the job
 * @decided: bit 0: either @run has returned or the caller gave up
 * @dev: the device; valid only before @done
 * @what: for messages, with the name of the device behind it
 * @run: does it
 * @undo: undoes it and frees the job
 */
struct interpose_job {
	struct work_struct work;
	struct completion done;
	unsigned long decided;
	struct interpose_dev *dev;
	const char *what;
	void (*run)(struct interpose_job *job);
	void (*undo)(struct interpose_job *job);
};

static void interpose_job_work(struct work_struct *work)
{
	struct interpose_job *job =
		container_of(work, struct interpose_job, work);
	struct interpose_dev *dev = job->dev;

	job->run(job);
	if (test_and_set_bit(0, &job->decided)) {
		job->undo(job);
		interpose_dev_put(dev);
		module_put(THIS_MODULE);
	} else {
		interpose_dev_put(dev);
		module_put(THIS_MODULE);
		/* the caller may free the job from here on */
		complete(&job->done);
	}
}

/**
 * interpose_job_do - do something that may take forever
 * @job: the job, with @run, @undo and @what set
 * @dev: the device
 *
 * Context: Process context, in a method that DM core calls under suspend_lock.
 *	Sleeps, but not when current has been killed or the mapped device is
 *	being removed: a removal waits for suspend_lock.
 * Return: 0, and the caller owns @job; -EINTR or -ENODEV, and @job is gone, or
 *	will be once it has been done and undone.
 */
static int interpose_job_do(struct interpose_job *job,
			    struct interpose_dev *dev)
{
	struct block_device *owner = dm_disk(dev->md)->part0;
	unsigned long deadline = jiffies + INTERPOSE_JOB_PATIENCE;
	const char *name = dm_device_name(dev->md);
	/* the job may be gone once it has been given up */
	const char *what = job->what;
	bool told = false;
	int r;

	INIT_WORK(&job->work, interpose_job_work);
	init_completion(&job->done);
	job->dev = dev;
	kref_get(&dev->kref);
	__module_get(THIS_MODULE);
	queue_work(interpose_job_wq, &job->work);

	while (wait_for_completion_killable_timeout(&job->done,
						    INTERPOSE_JOB_LOOK) <= 0) {
		r = blk_interposer_interrupted(owner);
		if (r && !test_and_set_bit(0, &job->decided)) {
			interpose_error(name,
					"gave up waiting to %s %pg; I/O to it may be held until this completes in the background and is undone",
					what, dev->bdev);
			return r;
		}
		if (r) {
			wait_for_completion(&job->done);
			break;
		}
		if (!told && time_after(jiffies, deadline)) {
			interpose_warn(name,
				       "still waiting to %s %pg; kill the command to give up",
				       what, dev->bdev);
			told = true;
		}
	}
	return 0;
}

/**
 * struct interpose_frozen - file systems that are, or will be, frozen
 * @job: the freeze
 * @nr: how many in @bdev
 * @bdev: the devices; NULL where there is no file system
 */
struct interpose_frozen {
	struct interpose_job job;
	unsigned int nr;
	struct block_device *bdev[] __counted_by(nr);
};

static struct interpose_frozen *to_frozen(struct interpose_job *job)
{
	return container_of(job, struct interpose_frozen, job);
}

/* The device, and the partitions of a whole disk: any may have a file system. */
static struct interpose_frozen *interpose_frozen_alloc(struct interpose_dev *dev)
{
	struct gendisk *disk = dev->bdev->bd_disk;
	struct interpose_frozen *frozen;
	struct block_device *part;
	unsigned int n = 1;
	unsigned long idx;

	if (!bdev_is_partition(dev->bdev))
		n = DISK_MAX_PARTS;
	frozen = kzalloc(struct_size(frozen, bdev, n), GFP_NOIO);
	if (!frozen)
		return NULL;

	frozen->nr = n;
	n = 0;
	get_device(&dev->bdev->bd_device);
	frozen->bdev[n++] = dev->bdev;
	if (bdev_is_partition(dev->bdev))
		return frozen;

	rcu_read_lock();
	xa_for_each_start(&disk->part_tbl, idx, part, 1)
		if (n < frozen->nr && atomic_read(&part->bd_openers) &&
		    kobject_get_unless_zero(&part->bd_device.kobj))
			frozen->bdev[n++] = part;
	rcu_read_unlock();
	frozen->nr = n;
	return frozen;
}

static bool interpose_has_fs(struct block_device *bdev)
{
	bool ret;

	mutex_lock(&bdev->bd_holder_lock);
	ret = bdev->bd_holder_ops && bdev->bd_holder_ops->freeze;
	mutex_unlock(&bdev->bd_holder_lock);
	return ret;
}

static void interpose_thaw_bdev(struct block_device *bdev)
{
	if (!bdev_thaw(bdev))
		return;

	/* its user has thawed it already; do not leave our count behind */
	mutex_lock(&bdev->bd_fsfreeze_mutex);
	atomic_dec_if_positive(&bdev->bd_fsfreeze_count);
	mutex_unlock(&bdev->bd_fsfreeze_mutex);
}

/*
 * Freeze one device. Without a file system, only write back what is cached: a
 * freeze count on a device that is not mounted would make a mount fail. So the
 * count is dropped again if the file system was unmounted before the freeze
 * reached it. A file system that is frozen stays until it is thawed.
 */
static bool interpose_freeze_bdev(struct interpose_dev *dev,
				  struct block_device *bdev)
{
	int r;

	if (!interpose_has_fs(bdev)) {
		sync_blockdev(bdev);
		return false;
	}

	r = bdev_freeze(bdev);
	if (r) {
		interpose_warn(dev->name,
			       "cannot freeze the file system on %pg (%d), continuing without a freeze",
			       bdev, r);
		return false;
	}
	if (!interpose_has_fs(bdev)) {
		interpose_thaw_bdev(bdev);
		return false;
	}
	return true;
}

static void interpose_freeze_run(struct interpose_job *job)
{
	struct interpose_frozen *frozen = to_frozen(job);
	unsigned int i;

	/* its writes may be held back, too, but no caller has to wait for this */
	flush_work(&job->dev->thaw_work);
	for (i = 0; i < frozen->nr; i++) {
		struct block_device *bdev = frozen->bdev[i];

		if (interpose_freeze_bdev(job->dev, bdev))
			continue;
		frozen->bdev[i] = NULL;
		put_device(&bdev->bd_device);
	}
}

static void interpose_thaw(struct interpose_frozen *frozen)
{
	unsigned int i;

	if (!frozen)
		return;
	for (i = frozen->nr; i--; ) {
		if (!frozen->bdev[i])
			continue;
		interpose_thaw_bdev(frozen->bdev[i]);
		put_device(&frozen->bdev[i]->bd_device);
	}
	kfree(frozen);
}

static void interpose_freeze_undo(struct interpose_job *job)
{
	interpose_thaw(to_frozen(job));
}

/*
 * Context: waits for I/O of the interposed device, and for users that prevent
 *	the freeze of its file system: see interpose_job_do().
 * Return: the argument for interpose_thaw(); NULL without memory; an ERR_PTR
 *	when the freeze was given up.
 */
static struct interpose_frozen *interpose_freeze(struct interpose_dev *dev)
{
	struct interpose_frozen *frozen = interpose_frozen_alloc(dev);
	int r;

	if (!frozen) {
		interpose_warn(dev->name,
			       "no memory to freeze the file system on %pg, continuing without a freeze",
			       dev->bdev);
		return NULL;
	}

	frozen->job.what = "freeze the file system on";
	frozen->job.run = interpose_freeze_run;
	frozen->job.undo = interpose_freeze_undo;
	r = interpose_job_do(&frozen->job, dev);
	return r ? ERR_PTR(r) : frozen;
}

static void interpose_thaw_run(struct interpose_job *job)
{
}

/*
 * Thaw for a caller that has given up: a thaw writes to the device, too, which
 * may no longer respond. The freeze is undone like one that was given up.
 */
static void interpose_thaw_later(struct interpose_dev *dev,
				 struct interpose_frozen *frozen)
{
	struct interpose_job *job = &frozen->job;

	kref_get(&dev->kref);
	__module_get(THIS_MODULE);
	job->dev = dev;
	job->run = interpose_thaw_run;
	set_bit(0, &job->decided);
	queue_work(interpose_job_wq, &job->work);
}

/*
 * Queued by resume: a file system that is thawed writes its superblock and
 * waits for that write, and DM core admits bios only after resume.
 */
static void interpose_thaw_work(struct work_struct *work)
{
	struct interpose_dev *dev =
		container_of(work, struct interpose_dev, thaw_work);

	interpose_thaw(xchg(&dev->frozen, NULL));
}

/**
 * struct interpose_lower - an interposed mapped device, temporarily suspended
 *
 * A mapped device does not report its I/O in flight, but suspending it waits
 * for that I/O. A blk-mq device is drained by the freeze of its queue instead,
 * and would not be by a suspend.
 *
 * The suspend is without a flush, so that targets push back what they hold: a
 * thin device with a full pool, or a mirror or multipath device that waits for
 * a new table. That is exact. When DM core has suspended the device, its
 * pending_io is zero: each older bio has completed, or is on md->deferred, put
 * there by dm_submit_bio(), by queue_io() for the data of a flush, or by
 * dm_handle_requeue(). The latter first makes dm_io_rewind() replace a part of
 * a split bio by a clone that begins where the part did. A completion that is
 * late with queue_io() puts the bio there after that. The rest of a split bio
 * is on its submitter's bio_list or on md->deferred. None of these bios has a
 * flag of the hook, because the device was not interposed when they came. All
 * of them are passed to submit_bio_noacct() for the device, those on
 * md->deferred by dm_wq_work(). This can only happen after the hook is in
 * place: no task is in dm_submit_bio() while the queue is frozen, and nobody
 * takes bios from md->deferred before the resume.
 *
 * I/O that cannot be pushed back (raid, and any device whose disk does not
 * respond) is waited for, as in every suspend of the device, and a task that
 * waits for it can be killed. Only the work item holds the device's
 * suspend_lock then. Once the device is suspended, nobody does.
 *
 * @job: the suspend
 * @md: the mapped device, held
 */
struct interpose_lower {
	struct interpose_job job;
	struct mapped_device *md;
};

static void interpose_lower_suspend(struct interpose_job *job)
{
	dm_internal_suspend_noflush(container_of(job, struct interpose_lower,
						 job)->md);
}

static void interpose_lower_resume(struct interpose_job *job)
{
	struct interpose_lower *lower =
		container_of(job, struct interpose_lower, job);

	dm_internal_resume(lower->md);
	dm_put(lower->md);
	kfree(lower);
}

/* Return: NULL when @dev is no such mapped device, or an ERR_PTR. */
static struct interpose_lower *interpose_suspend_lower(struct interpose_dev *dev)
{
	struct interpose_lower *lower;
	struct mapped_device *md;
	int r;

	if (queue_is_mq(bdev_get_queue(dev->bdev)))
		return NULL;
	md = dm_get_md(dev->bdev->bd_dev);
	if (!md)
		return NULL;
	lower = kzalloc(sizeof(*lower), GFP_NOIO);
	if (!lower) {
		dm_put(md);
		return ERR_PTR(-ENOMEM);
	}

	lower->md = md;
	lower->job.what = "suspend";
	lower->job.run = interpose_lower_suspend;
	lower->job.undo = interpose_lower_resume;
	r = interpose_job_do(&lower->job, dev);
	return r ? ERR_PTR(r) : lower;
}

static int interpose_publish(struct interpose_dev *dev, bool quiesced)
{
	int r;

	if (mutex_lock_killable(&dev->lock))
		return -EINTR;
	kref_get(&dev->kref);
	r = blk_interposer_attach(&dev->ip, dm_disk(dev->md)->part0, quiesced);
	if (r)
		interpose_dev_put(dev);
	mutex_unlock(&dev->lock);
	return r;
}

static void interpose_publish_error(struct interpose_dev *dev, int r)
{
	const char *name = dm_device_name(dev->md);

	if (r == -EBUSY)
		interpose_error(name,
				"%pg, its disk or one of its partitions is already interposed; remove that interposer first",
				dev->bdev);
	else if (r == -EINTR)
		interpose_error(name,
				"gave up waiting for the I/O of %pg; it is not interposed",
				dev->bdev);
	else if (r == -EOPNOTSUPP && dev->bdev->bd_disk->major == MD_MAJOR)
		interpose_error(name,
				"%pg does not report its I/O in flight; mount its file system first, or turn on its queue/iostats and wait until that I/O has completed",
				dev->bdev);
	else if (r == -EOPNOTSUPP)
		/* iostats would not help: see bdev_drain_accounted() */
		interpose_error(name,
				"the driver of %pg does not report its I/O in flight; mount its file system first",
				dev->bdev);
}

/*
 * Is it attached, and will it stay attached? If the dtr of a replaced table is
 * detaching and waits for I/O, that detach is over when this returns. Another
 * one does not begin while a table with our lines is bound.
 */
static int interpose_await_attached(struct interpose_dev *dev, bool *attached)
{
	if (mutex_lock_killable(&dev->lock))
		return -EINTR;
	*attached = blk_interposer_attached(&dev->ip);
	mutex_unlock(&dev->lock);
	return 0;
}

static int interpose_attach_quiesced(struct interpose_dev *dev)
{
	struct interpose_frozen *frozen;
	struct interpose_lower *lower;
	int r;

	/* first what takes time and does not need a frozen file system */
	blk_interposer_prepare(&dev->ip, dm_disk(dev->md)->part0);
	frozen = interpose_freeze(dev);
	if (IS_ERR(frozen))
		return PTR_ERR(frozen);
	lower = interpose_suspend_lower(dev);
	r = PTR_ERR_OR_ZERO(lower);
	if (!r) {
		r = interpose_publish(dev, lower || (frozen && frozen->bdev[0]));
		interpose_publish_error(dev, r);
		if (lower)
			interpose_lower_resume(&lower->job);
	}
	if (!r && frozen)
		frozen = xchg(&dev->frozen, frozen);
	if (frozen && (r == -EINTR || r == -ENODEV))
		interpose_thaw_later(dev, frozen);
	else
		interpose_thaw(frozen);
	return r;
}

static int interpose_attach(struct interpose_dev *dev)
{
	bool attached;
	int r;

	r = interpose_await_attached(dev, &attached);
	if (r || attached)
		return r;

	r = interpose_attach_quiesced(dev);
	blk_interposer_settle(&dev->ip, dm_disk(dev->md)->part0);
	return r;
}

static struct interpose_table *interpose_table_find(struct interpose_dev *dev,
						    struct dm_table *table)
{
	struct interpose_table *lines;

	lockdep_assert_held(&interpose_devs_lock);

	list_for_each_entry(lines, &dev->tables, list)
		if (lines->table == table)
			return lines;
	return NULL;
}

/*
 * Does the table that @md has bound have a line on @dev? Only the pointer to
 * the table is used; DM core has no function for that.
 */
static bool interpose_is_live(struct interpose_dev *dev)
{
	struct dm_table *bound = rcu_access_pointer(dev->md->map);
	bool live;

	mutex_lock(&interpose_devs_lock);
	live = interpose_table_find(dev, bound);
	mutex_unlock(&interpose_devs_lock);
	return live;
}

/*
 * DM core's queue_io() puts a bio on md->deferred, drops deferred_lock and then
 * queues a work item of the mapped device; dm_handle_requeue() does the same.
 * In between, a detach may have taken the bio from the list, or DM core's work
 * item may have brought it to the closed gate, and then the bio no longer keeps
 * the mapped device. Before the mapped device goes, wait until everyone has
 * left this window.
 *
 * Who may be in it: submitters, for which blk_interposer_detach() has waited by
 * freezing the owner's queue; and completions of a bio's clone, in an interrupt
 * or in process context. From the unlock to the end of queue_work() no task
 * sleeps voluntarily: queue_work() only takes raw spinlocks. So
 * synchronize_rcu() waits for those that run there with preemption or
 * interrupts off. synchronize_rcu_tasks() waits for those that can be, or have
 * been, preempted there: it waits until each task has slept voluntarily or was
 * in user mode.
 *
 * Bios that DM core's work item took while the gate was open are not considered
 * here. They went through the owner like those of any mapped device.
 */
static void interpose_leave_queue_io(struct interpose_dev *dev)
{
	lockdep_assert_held(&dev->lock);

	if (!dev->parked && !dev->ip.resubmitted)
		return;
	dev->parked = false;
	synchronize_rcu_tasks();
	synchronize_rcu();
}

static void interpose_detach(struct interpose_dev *dev)
{
	lockdep_assert_held(&dev->lock);

	blk_interposer_detach(&dev->ip);
	blk_interposer_settle(&dev->ip, dm_disk(dev->md)->part0);
	interpose_thaw(xchg(&dev->frozen, NULL));
	flush_work(&dev->thaw_work);
	interpose_leave_queue_io(dev);
	interpose_dev_put(dev);
}

/* Called for a table that goes away, bound or not. */
static void interpose_detach_unbound(struct interpose_dev *dev)
{
	mutex_lock(&dev->lock);
	if (blk_interposer_attached(&dev->ip) && !interpose_is_live(dev))
		interpose_detach(dev);
	mutex_unlock(&dev->lock);
}

static void interpose_ip_get(struct blk_interposer *ip)
{
	kref_get(&container_of(ip, struct interpose_dev, ip)->kref);
}

static void interpose_ip_put(struct blk_interposer *ip)
{
	interpose_dev_put(container_of(ip, struct interpose_dev, ip));
}

/*
 * Take the bios that DM core put aside. A submitter that did so has left DM
 * core: blk_interposer_sync() in postsuspend waits for that. A completion may
 * not have: see interpose_leave_queue_io().
 */
static void interpose_take_parked(struct blk_interposer *ip,
				  struct bio_list *bios)
{
	struct interpose_dev *dev = container_of(ip, struct interpose_dev, ip);

	lockdep_assert_held(&dev->lock);

	spin_lock_irq(&dev->md->deferred_lock);
	if (!bio_list_empty(&dev->md->deferred))
		dev->parked = true;
	bio_list_merge_init(bios, &dev->md->deferred);
	spin_unlock_irq(&dev->md->deferred_lock);
}

/* Is this DM core's work item, with a bio that DM core had put aside? */
static bool interpose_resubmits(struct blk_interposer *ip)
{
	struct interpose_dev *dev = container_of(ip, struct interpose_dev, ip);

	return current_work() == &dev->md->work;
}

/*
 * The mapped device is being removed, and DM core is about to mark its disk
 * dead, with none of its locks held. Make DM core suspend the device first:
 * this makes the inner targets release the bios that they hold back. These do
 * not fail, because what the inner targets push back goes to the interposed
 * device.
 *
 * Resuming right after that, with the gate closed and the lines retired, makes
 * DM core send the bios that it has parked to the gate, and releases an ioctl
 * that waits for the end of the suspend. If the user had suspended the device,
 * neither happens, and ->take_parked() finds those bios.
 *
 * Concurrency: an attach or a suspend of the same device, which waits for a
 * file system or for older I/O under suspend_lock, sees GD_NO_INTERPOSER and
 * gives up. The dtr of a table that was wiped may detach, and release the
 * device and the module: the block layer has a reference to both.
 */
static void interpose_owner_dead(struct blk_interposer *ip,
				 struct gendisk *disk)
{
	struct interpose_dev *dev = container_of(ip, struct interpose_dev, ip);
	struct mapped_device *md = disk->private_data;

	blk_interposer_prepare(ip, disk->part0);

	dm_internal_suspend_noflush(md);
	mutex_lock(&dev->lock);
	if (blk_interposer_attached(ip) && ip->owner == disk->part0)
		dev->retired = true;
	mutex_unlock(&dev->lock);
	dm_internal_resume(md);

	mutex_lock(&dev->lock);
	if (blk_interposer_attached(ip) && ip->owner == disk->part0)
		interpose_detach(dev);
	mutex_unlock(&dev->lock);

	/* even if somebody else has detached it in the meantime */
	blk_interposer_settle(ip, disk->part0);
}

/*
 * interpose_check_loop() checks the links that an "interpose" line makes: at
 * the end of its ctr or, for the lines of a first table, which get their links
 * only when the disk is added, before the table is attached.
 */
static bool interpose_checks_links(struct blk_interposer *ip)
{
	struct interpose_dev *dev = container_of(ip, struct interpose_dev, ip);
	struct mapped_device *md = ip->disk->private_data;

	return READ_ONCE(dev->building) || md->type == DM_TYPE_NONE;
}

/* Another table closes a loop. Drivers other than DM ignore the error. */
static int interpose_link_loops(struct blk_interposer *ip,
				struct block_device *lower,
				struct gendisk *upper)
{
	struct mapped_device *md = dm_get_md(disk_devt(upper));

	if (!md) {
		interpose_warn(upper->disk_name,
			       "I/O loop: I/O to its device %pg goes to the interposed %pg, and from there back to it, and will hang",
			       lower, ip->bdev);
		return 0;
	}

	interpose_error(dm_device_name(md),
			"%pg cannot be used: its I/O goes to the interposed %pg, and from there back to it, forever; use a device that is not on %pg",
			lower, ip->bdev, ip->bdev);
	dm_put(md);
	return -ELOOP;
}

static const struct blk_interposer_ops interpose_ops = {
	.owner		= THIS_MODULE,
	.get		= interpose_ip_get,
	.put		= interpose_ip_put,
	.owner_dead	= interpose_owner_dead,
	.take_parked	= interpose_take_parked,
	.resubmits	= interpose_resubmits,
	.checks_links	= interpose_checks_links,
	.link_loops	= interpose_link_loops,
};

/*
 * Pin: while we keep the mapped device open, it cannot be removed
 */
static int interpose_pin(struct interpose_dev *dev)
{
	unsigned int memflags;
	struct file *pin;

	if (READ_ONCE(dev->pin))
		return 0;

	/* reclaim could wait for I/O that waits at the gate */
	memflags = memalloc_noio_save();
	pin = bdev_file_open_by_dev(disk_devt(dm_disk(dev->md)), BLK_OPEN_READ,
				    NULL, NULL);
	memalloc_noio_restore(memflags);
	if (IS_ERR(pin))
		return PTR_ERR(pin);
	if (cmpxchg(&dev->pin, NULL, pin))
		__fput_sync(pin);
	return 0;
}

static void interpose_unpin(struct interpose_dev *dev)
{
	struct file *pin = xchg(&dev->pin, NULL);

	if (pin)
		__fput_sync(pin);
}

static int interpose_pin_if_wanted(struct interpose_target *it)
{
	bool wanted;

	mutex_lock(&interpose_devs_lock);
	wanted = it->table->pin;
	mutex_unlock(&interpose_devs_lock);
	return wanted ? interpose_pin(it->dev) : 0;
}

/* A concurrent pin message marks the table first, under this lock. */
static void interpose_unpin_unless_wanted(struct interpose_target *it)
{
	struct file *pin = NULL;

	mutex_lock(&interpose_devs_lock);
	if (!it->table->pin)
		pin = xchg(&it->dev->pin, NULL);
	mutex_unlock(&interpose_devs_lock);
	if (pin)
		__fput_sync(pin);
}

/*
 * Finding and making the struct interpose_dev of a table line
 */

/* Do the two devices share any sectors? */
static bool interpose_overlap(struct block_device *a, struct block_device *b)
{
	return a == b || (a->bd_disk == b->bd_disk &&
			  !(bdev_is_partition(a) && bdev_is_partition(b)));
}

/*
 * Does the live table of a mapped device guarantee its data? Users of a verity
 * device, and LoadPin or IPE, rely on two things: the data that they read there
 * matches the root hash, and nobody can load another table, which is what
 * DM_TARGET_IMMUTABLE is for. They would accept whatever an interposer returned
 * instead. The other immutable types guarantee nothing about data: multipath
 * cannot be replaced because of its request queue, thin-pool because its thin
 * devices use it. Both are as writable as any device and can be interposed.
 */
static bool interpose_vouched_for(struct mapped_device *md)
{
	struct target_type *type = NULL;
	struct dm_table *live;
	bool ret;
	int idx;

	idx = srcu_read_lock(&md->io_barrier);
	live = srcu_dereference(md->map, &md->io_barrier);
	if (live)
		type = live->immutable_target_type;
	ret = type && !strcmp(type->name, "verity");
	srcu_read_unlock(&md->io_barrier, idx);
	return ret;
}

static bool interpose_is_trusted(struct block_device *bdev)
{
	struct mapped_device *md = dm_get_md(bdev->bd_dev);
	bool ret = md && interpose_vouched_for(md);

	if (md)
		dm_put(md);
	return ret;
}

/*
 * Why @bdev cannot be interposed, or NULL. Most of these devices have I/O that
 * is not in bios, or that a bio does not describe completely.
 */
static const char *interpose_refusal(struct dm_target *ti,
				     struct block_device *bdev, int *r)
{
	struct request_queue *q = bdev_get_queue(bdev);

	*r = -EINVAL;
	if (MAJOR(bdev->bd_dev) == interpose_major)
		return "is the bypass device of an interposer; name the interposed device instead";
	if (bdev->bd_disk == dm_disk(dm_table_get_md(ti->table)))
		return "is the mapped device itself; name the device to interpose";

	*r = -EPERM;
	if (interpose_is_trusted(bdev))
		return "is a verity device: nobody may replace its data; interpose what lies on it";

	*r = -EROFS;
	if (bdev_read_only(bdev) &&
	    (dm_table_get_mode(ti->table) & BLK_OPEN_WRITE))
		return "is read-only; load the table with --readonly";

	*r = -EOPNOTSUPP;
	if (bdev_is_zoned(bdev))
		return "is zoned, which is not supported";
	if (q->limits.features & BLK_FEAT_DAX)
		return "supports DAX, which bypasses the block layer; turn DAX off for this device";
	if (bdev_inline_crypto(bdev))
		return "has inline encryption, which is not supported";
	if (blk_get_integrity(bdev->bd_disk))
		return "has an integrity profile, which is not supported";

	*r = 0;
	return NULL;
}

static int interpose_check_bdev(struct dm_target *ti, struct block_device *bdev)
{
	const char *name = dm_table_device_name(ti->table);
	const char *why;
	int r;

	why = interpose_refusal(ti, bdev, &r);
	if (why) {
		interpose_error(name,
				"%pg %s",
				bdev, why);
		ti->error = "Device cannot be interposed";
		return r;
	}

	if (ti->begin + ti->len > bdev_nr_sectors(bdev)) {
		interpose_error(name,
				"the line ends at sector %llu, but %pg has %llu sectors; the lines must cover it exactly",
				(unsigned long long)(ti->begin + ti->len),
				bdev,
				(unsigned long long)bdev_nr_sectors(bdev));
		ti->error = "Line ends beyond the device";
		return -EINVAL;
	}
	return 0;
}

/*
 * Find a device that @md may use for @bdev. Returns NULL when there is none, or
 * an ERR_PTR when another one is in the way. The caller becomes a user.
 */
static struct interpose_dev *interpose_dev_find(struct dm_target *ti,
						struct block_device *bdev)
{
	struct mapped_device *md = dm_table_get_md(ti->table);
	struct interpose_dev *dev, *found = NULL;

	lockdep_assert_held(&interpose_devs_lock);

	list_for_each_entry(dev, &interpose_devs, list) {
		if (dev->md && dev->md != md &&
		    interpose_overlap(dev->bdev, bdev)) {
			interpose_error(dm_device_name(md),
					"%pg is already interposed (%pg, by %s); remove that interposer first",
					bdev, dev->bdev,
					dm_device_name(dev->md));
			ti->error = "Device is already interposed";
			return ERR_PTR(-EBUSY);
		}
		if (dev->md == md && dev->bdev != bdev) {
			interpose_error(dm_device_name(md),
					"interposes %pg and cannot interpose %pg as well; all lines must name the same device",
					dev->bdev, bdev);
			ti->error = "Another device is interposed already";
			return ERR_PTR(-EBUSY);
		}
		if (dev->bdev == bdev && kref_read(&dev->kref))
			found = dev;
	}

	if (!found || !kref_get_unless_zero(&found->kref))
		return NULL;
	if (!found->users++) {
		/* kept by an opener of its bypass disk: reuse it */
		found->md = md;
		found->retired = false;
	}
	return found;
}

/* The same, and claim the device if this is its first user. */
static struct interpose_dev *interpose_dev_find_claim(struct dm_target *ti,
						      struct block_device *bdev)
{
	struct interpose_dev *dev;
	bool first;

	lockdep_assert_held(&interpose_claims_lock);

	mutex_lock(&interpose_devs_lock);
	dev = interpose_dev_find(ti, bdev);
	first = !IS_ERR_OR_NULL(dev) && dev->users == 1;
	mutex_unlock(&interpose_devs_lock);

	if (first)
		blk_interposer_claim(&dev->ip, dm_disk(dev->md), dev->bypass);
	return dev;
}

/*
 * With the gate closed __dm_suspend() waits for two SRCU grace periods, and for
 * the end of all work in @md->wq in between; a change of tables waits for one
 * more. Each is expedited unless it begins within 25 us (srcutree.exp_holdoff)
 * after the last one: then it takes several ticks. When nothing is in flight
 * they would follow each other faster than that, so this waits.
 */
static void interpose_hold_off(void)
{
	usleep_range(50, 100);
}

/*
 * In @md->wq, between the first grace period and the second. If it runs too
 * early, I/O is held for longer, but nothing else happens.
 *
 * Concurrency: presuspend queues it, under md->suspend_lock and only while
 * attached, so __dm_suspend() has called presuspend and waits for the queue. It
 * waits for the same SRCU readers as __dm_suspend().
 */
static void interpose_grace_work(struct work_struct *work)
{
	struct interpose_dev *dev =
		container_of(work, struct interpose_dev, grace_work);

	interpose_hold_off();
	synchronize_srcu_expedited(&dev->md->io_barrier);
	interpose_hold_off();
}

static struct interpose_dev *interpose_dev_alloc(struct file *bdev_file)
{
	struct interpose_dev *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int r;

	if (!dev)
		return ERR_PTR(-ENOMEM);

	kref_init(&dev->kref);
	INIT_LIST_HEAD(&dev->tables);
	mutex_init(&dev->lock);
	INIT_WORK(&dev->thaw_work, interpose_thaw_work);
	INIT_WORK(&dev->grace_work, interpose_grace_work);
	dev->bdev_file = bdev_file;
	dev->bdev = file_bdev(bdev_file);
	format_dev_t(dev->name, dev->bdev->bd_dev);
	dev->lower = dm_get_md(dev->bdev->bd_dev);
	if (dev->lower)
		dm_put(dev->lower);

	r = blk_interposer_init(&dev->ip, dev->bdev, &interpose_ops);
	if (r)
		goto out_free;
	r = interpose_bypass_create(dev);
	if (r)
		goto out_exit;
	return dev;

out_exit:
	blk_interposer_exit(&dev->ip);
out_free:
	mutex_destroy(&dev->lock);
	kfree(dev);
	return ERR_PTR(r);
}

/* Undo interpose_dev_alloc(); ->free_disk() is for disks that were added. */
static void interpose_dev_free(struct interpose_dev *dev)
{
	blk_interposer_exit(&dev->ip);
	ida_free(&interpose_ida, dev->id);
	put_disk(dev->bypass);
	mutex_destroy(&dev->lock);
	kfree(dev);
}

/*
 * Make the device of a first line. The bypass disk appears only when it is
 * certain that the device is ours; adding it sleeps long, so the list is not
 * locked then. The lines of @md cannot meet here: DM core loads one table of a
 * mapped device at a time (md->type_lock).
 */
static struct interpose_dev *interpose_dev_create(struct dm_target *ti,
						  struct file *bdev_file)
{
	struct interpose_dev *dev, *found;
	int r;

	dev = interpose_dev_alloc(bdev_file);
	if (IS_ERR(dev)) {
		ti->error = "Cannot allocate the bypass device";
		return dev;
	}

	mutex_lock(&interpose_claims_lock);
	found = interpose_dev_find_claim(ti, dev->bdev);
	if (!found) {
		dev->md = dm_table_get_md(ti->table);
		dev->users = 1;
		mutex_lock(&interpose_devs_lock);
		list_add(&dev->list, &interpose_devs);
		mutex_unlock(&interpose_devs_lock);
		blk_interposer_claim(&dev->ip, dm_disk(dev->md), dev->bypass);
	}
	mutex_unlock(&interpose_claims_lock);

	if (found) {
		interpose_dev_free(dev);
		if (!IS_ERR(found))
			__fput_sync(bdev_file);
		return found;
	}

	dev->bypass->private_data = dev;
	atomic_inc(&interpose_disks);
	r = add_disk(dev->bypass);
	if (r) {
		atomic_dec(&interpose_disks);
		ti->error = "Cannot add the bypass device";
		mutex_lock(&interpose_devs_lock);
		list_del(&dev->list);
		mutex_unlock(&interpose_devs_lock);
		interpose_dev_free(dev);
		return ERR_PTR(r);
	}
	interpose_link(dev);
	return dev;
}

/* Warn if somebody besides the inner target still has the bypass disk open. */
static void interpose_warn_open(struct interpose_dev *dev)
{
	if (atomic_read(&dev->bypass->part0->bd_openers))
		interpose_warn(dev->name,
			       "%pg is no longer interposed, but %s is still open: a snapshot of it misses all writes from now on",
			       dev->bdev, dev->bypass->disk_name);
}

/* A table line, or an attempt at one, is done with @dev. */
static void interpose_dev_drop(struct interpose_dev *dev, bool was_line)
{
	struct file *pin = NULL;
	bool last;

	mutex_lock(&interpose_claims_lock);
	mutex_lock(&interpose_devs_lock);
	last = !--dev->users;
	if (last) {
		dev->md = NULL;
		pin = xchg(&dev->pin, NULL);
	}
	mutex_unlock(&interpose_devs_lock);
	if (last)
		blk_interposer_claim(&dev->ip, NULL, dev->bypass);
	mutex_unlock(&interpose_claims_lock);

	if (pin)
		__fput_sync(pin);
	if (last && was_line)
		interpose_warn_open(dev);
	/* a refused load, or a remove, leaves no node behind */
	kref_put(&dev->kref, interpose_dev_release_now);
}

/*
 * The device of @ti's mapped device, if that has one and @devt still is its
 * number; the caller becomes a user. Such a device is not opened once more:
 * while x is suspended, a task that closes a partition of it may wait at the
 * gate with the disk's open_mutex held. A command before the resume would wait
 * for that task.
 *
 * Concurrency: @md has this device until the last line of its tables is gone,
 * and the lines of one mapped device are made one after the other
 * (md->type_lock).
 */
static struct interpose_dev *interpose_dev_find_own(struct dm_target *ti,
						    dev_t devt)
{
	struct mapped_device *md = dm_table_get_md(ti->table);
	struct interpose_dev *dev, *found = NULL;

	mutex_lock(&interpose_devs_lock);
	list_for_each_entry(dev, &interpose_devs, list) {
		/* if it has vanished, another device may have its number now */
		if (dev->md != md || dev->bdev->bd_dev != devt ||
		    inode_unhashed(dev->bdev->bd_mapping->host))
			continue;
		found = dev;
		kref_get(&found->kref);
		found->users++;
		break;
	}
	mutex_unlock(&interpose_devs_lock);
	return found;
}

static struct interpose_dev *interpose_dev_get(struct dm_target *ti, dev_t devt,
					       const char *arg)
{
	struct interpose_dev *dev;
	struct file *bdev_file;
	int r;

	dev = interpose_dev_find_own(ti, devt);
	if (dev) {
		r = interpose_check_bdev(ti, dev->bdev);
		if (!r)
			return dev;
		interpose_dev_drop(dev, false);
		return ERR_PTR(r);
	}

	bdev_file = bdev_file_open_by_dev(devt, BLK_OPEN_READ, NULL, NULL);
	if (IS_ERR(bdev_file)) {
		interpose_error(dm_table_device_name(ti->table),
				"cannot open %s (%pe)",
				arg, bdev_file);
		ti->error = "Cannot open the device to interpose";
		return ERR_CAST(bdev_file);
	}

	r = interpose_check_bdev(ti, file_bdev(bdev_file));
	if (r)
		goto out_fput;

	mutex_lock(&interpose_claims_lock);
	dev = interpose_dev_find_claim(ti, file_bdev(bdev_file));
	mutex_unlock(&interpose_claims_lock);
	if (!dev) {
		dev = interpose_dev_create(ti, bdev_file);
		if (!IS_ERR(dev))
			return dev;
	}
	r = PTR_ERR_OR_ZERO(dev);
out_fput:
	__fput_sync(bdev_file);
	return r ? ERR_PTR(r) : dev;
}

/*
 * Checks of a table
 */

/*
 * Would the I/O of the inner target come back to the device? Also through other
 * interposers: with A on B's COW store and B on A's, they would copy forever.
 */
static int interpose_check_loop(struct interpose_target *it)
{
	if (!blk_interposer_loops(&it->dev->ip))
		return 0;

	interpose_error(dm_device_name(it->dev->md),
			"a device of the inner target %s is on %pg, so its I/O would loop forever; use a device that is not on it",
			it->inner.type->name, it->dev->bdev);
	it->ti->error = "The inner target lies on the interposed device";
	return -ELOOP;
}

static int interpose_stack_limits(struct dm_target *ti, struct dm_dev *dm_dev,
				  sector_t start, sector_t len, void *data)
{
	queue_limits_stack_bdev(data, dm_dev->bdev, start, "interpose");
	return 0;
}

/* What the inner target and its devices require of the bios that it gets. */
static void interpose_inner_limits(struct interpose_target *it,
				   struct queue_limits *lim)
{
	const struct target_type *type = it->inner.type;

	blk_set_stacking_limits(lim);
	if (type->iterate_devices)
		type->iterate_devices(&it->inner, interpose_stack_limits, lim);
	if (type->io_hints)
		type->io_hints(&it->inner, lim);
}

/*
 * The device's users were told its logical block size when they opened it, and
 * continue to send such bios.
 */
static int interpose_check_block_size(struct interpose_target *it)
{
	struct queue_limits lim;

	interpose_inner_limits(it, &lim);
	if (lim.logical_block_size <= bdev_logical_block_size(it->dev->bdev))
		return 0;

	interpose_error(dm_device_name(it->dev->md),
			"the inner target %s needs blocks of %u bytes, but the users of %pg rely on blocks of %u",
			it->inner.type->name, lim.logical_block_size, it->dev->bdev,
			bdev_logical_block_size(it->dev->bdev));
	it->ti->error = "Logical block size of the inner target is too large";
	return -EINVAL;
}

/* Allocate what bounces need while the device's I/O still flows. */
static int interpose_reserve(struct interpose_target *it)
{
	struct queue_limits lim;
	int r;

	interpose_inner_limits(it, &lim);
	r = blk_interposer_reserve(&it->dev->ip, &lim);
	if (r)
		it->ti->error = "Cannot allocate the bounce buffers";
	return r;
}

/*
 * Atomic writes
 *
 * A device may promise to write all or nothing of a write. Users ask once, so
 * the promise must be kept while the device is interposed, unless nobody relies
 * on it. DM core of 6.12 does not support atomic writes: whether a
 * target passes on whole bios is known by its name. snapshot-origin does not:
 * it splits bios at the chunks of the snapshots.
 */
static bool interpose_type_keeps_atomic(const struct target_type *type)
{
	static const char * const names[] = {
		"linear", "delay", "flakey", "log-writes", "zero", "error",
	};

	return match_string(names, ARRAY_SIZE(names), type->name) >= 0;
}

/* Does @dm_dev lack the atomic writes that are wanted? */
static int interpose_lacks_atomic(struct dm_target *ti, struct dm_dev *dm_dev,
				  sector_t start, sector_t len, void *data)
{
	const struct queue_limits *lim = &bdev_get_queue(dm_dev->bdev)->limits;
	const struct queue_limits *wanted = data;

	return !bdev_can_atomic_write(dm_dev->bdev) ||
		lim->atomic_write_unit_min > wanted->atomic_write_unit_min ||
		lim->atomic_write_unit_max < wanted->atomic_write_unit_max ||
		!IS_ALIGNED(start << SECTOR_SHIFT,
			    wanted->atomic_write_unit_max);
}

/* DM core splits at the lines of a table, and at a target's max_io_len. */
static bool interpose_keeps_atomic(struct interpose_target *it)
{
	struct block_device *bdev = it->dev->bdev;
	struct dm_target *inner = &it->inner;

	if (!bdev_can_atomic_write(bdev) || inner->max_io_len ||
	    inner->len != bdev_nr_sectors(bdev) ||
	    !interpose_type_keeps_atomic(inner->type))
		return false;
	return !inner->type->iterate_devices ||
		!inner->type->iterate_devices(inner, interpose_lacks_atomic,
					      &bdev_get_queue(bdev)->limits);
}

/*
 * In 6.12 no holder of a claim makes atomic writes: neither file systems, nor
 * swap, device-mapper and MD. In newer kernels file systems do when a program
 * asks for that: one that might be split fails at the gate, and is not torn.
 */
static bool interpose_claimed(struct block_device *bdev)
{
	struct block_device *part;
	bool claimed = READ_ONCE(bdev->bd_holder);
	unsigned long idx;

	if (claimed || bdev_is_partition(bdev))
		return claimed;
	rcu_read_lock();
	xa_for_each_start(&bdev->bd_disk->part_tbl, idx, part, 1)
		claimed |= !!READ_ONCE(part->bd_holder);
	rcu_read_unlock();
	return claimed;
}

static int interpose_check_atomic(struct interpose_target *it)
{
	struct block_device *bdev = it->dev->bdev;
	unsigned int unit = queue_atomic_write_unit_max_bytes(bdev_get_queue(bdev));
	struct queue_limits lim;
	bool waived;

	it->atomic = interpose_keeps_atomic(it);
	interpose_inner_limits(it, &lim);
	mutex_lock(&interpose_devs_lock);
	waived = it->table->no_atomic;
	mutex_unlock(&interpose_devs_lock);
	/* one block is never split, unless into smaller blocks further down */
	if (it->atomic || waived || !bdev_can_atomic_write(bdev) ||
	    unit <= min(bdev_logical_block_size(bdev), lim.logical_block_size) ||
	    interpose_claimed(bdev))
		return 0;

	interpose_error(dm_device_name(it->dev->md),
			"%pg promises atomic writes of up to %u bytes, which the inner target %s may split; add the feature argument no_atomic if nothing uses atomic writes",
			bdev, unit, it->inner.type->name);
	it->ti->error = "Inner target may split atomic writes";
	return -EOPNOTSUPP;
}

/* Do the lines of @it's table cover the device, and nothing else? */
static int interpose_check_coverage(struct interpose_target *it)
{
	sector_t covered, size = dm_table_get_size(it->ti->table);
	struct interpose_dev *dev = it->dev;

	mutex_lock(&interpose_devs_lock);
	covered = it->table->covered;
	mutex_unlock(&interpose_devs_lock);

	if (covered != size) {
		interpose_error(dm_device_name(dev->md),
				"a table with interpose lines must have no other lines");
		return -EINVAL;
	}
	if (size != bdev_nr_sectors(dev->bdev)) {
		interpose_error(dm_device_name(dev->md),
				"the interpose lines have %llu sectors, but %pg has %llu; they must cover it exactly",
				(unsigned long long)size, dev->bdev,
				(unsigned long long)bdev_nr_sectors(dev->bdev));
		return -EINVAL;
	}
	return 0;
}

static int interpose_check_unused(struct interpose_dev *dev)
{
	if (blk_interposer_attached(&dev->ip) ||
	    !READ_ONCE(dm_disk(dev->md)->part0->bd_holder))
		return 0;

	interpose_error(dm_device_name(dev->md),
			"is mounted or claimed, but the mapped device of an interposer is for control only; use another mapped device");
	return -EBUSY;
}

/*
 * Constructor and destructor
 */

/* Copy what an inner target may have set in its line to ours. */
static void interpose_sync_target(struct interpose_target *it)
{
	const struct dm_target *inner = &it->inner;
	struct dm_target *ti = it->ti;

	ti->max_io_len = inner->max_io_len;
	ti->num_flush_bios = inner->num_flush_bios;
	ti->num_discard_bios = inner->num_discard_bios;
	ti->num_secure_erase_bios = inner->num_secure_erase_bios;
	ti->num_write_zeroes_bios = inner->num_write_zeroes_bios;
	ti->per_io_data_size = inner->per_io_data_size;
	ti->flush_supported = inner->flush_supported;
	ti->discards_supported = inner->discards_supported;
	ti->max_discard_granularity = inner->max_discard_granularity;
	ti->limit_swap_bios = inner->limit_swap_bios;
	ti->accounts_remapped_io = inner->accounts_remapped_io;
	ti->needs_bio_set_dev = inner->needs_bio_set_dev;
	ti->flush_bypasses_map = inner->flush_bypasses_map;
	ti->mempool_needs_integrity = inner->mempool_needs_integrity;
}

/* DM core infers from the presence of a method what a target can do. */
static void interpose_shape_type(struct interpose_target *it)
{
	const struct target_type *inner = it->inner.type;

	it->type = interpose_target_type;
	it->type.features = inner->features & DM_TARGET_NOWAIT;
	/* the gate lets in no atomic write that may be split */
	if (INTERPOSE_ATOMIC_TYPE && interpose_type_keeps_atomic(inner))
		it->type.features |= INTERPOSE_ATOMIC_TYPE;
	if (!inner->end_io)
		it->type.end_io = NULL;
	if (!inner->iterate_devices)
		it->type.iterate_devices = NULL;
	if (!inner->io_hints)
		it->type.io_hints = NULL;
}

static void interpose_mark_pin(struct interpose_target *it, bool pin)
{
	mutex_lock(&interpose_devs_lock);
	WRITE_ONCE(it->table->pin, pin);
	mutex_unlock(&interpose_devs_lock);
}

static void interpose_mark_no_atomic(struct interpose_target *it)
{
	mutex_lock(&interpose_devs_lock);
	it->table->no_atomic = true;
	mutex_unlock(&interpose_devs_lock);
}

static int interpose_parse_features(struct interpose_target *it,
				    struct dm_arg_set *as)
{
	static const struct dm_arg count = {
		0, 2, "Invalid number of feature arguments"
	};
	struct dm_target *ti = it->ti;
	bool pin = false, no_atomic = false;
	unsigned int n;
	int r;

	/* no target type's name begins with a digit */
	if (!as->argc || !isdigit(*as->argv[0]))
		return 0;

	r = dm_read_arg_group(&count, as, &n, &ti->error);
	if (r)
		return r;
	while (n--) {
		const char *feature = dm_shift_arg(as);

		if (!strcasecmp(feature, "pin") && !pin) {
			pin = true;
			interpose_mark_pin(it, true);
		} else if (!strcasecmp(feature, "no_atomic") && !no_atomic) {
			no_atomic = true;
			interpose_mark_no_atomic(it);
		} else {
			interpose_error(dm_table_device_name(ti->table),
					"unknown or repeated feature argument %s; known: pin, no_atomic",
					feature);
			ti->error = "Unknown feature argument";
			return -EINVAL;
		}
	}
	return 0;
}

static int interpose_check_type(struct interpose_target *it)
{
	const struct target_type *type = it->inner.type;
	struct dm_target *ti = it->ti;
	const char *why = NULL;

	if (type->module == THIS_MODULE && !strcmp(type->name, "interpose"))
		why = "cannot be an inner target";
	else if (!type->map || (type->clone_and_map_rq &&
				!dm_target_is_wildcard(type)))
		why = "is request-based; only bio-based targets can be inner targets";
	else if (dm_target_needs_singleton(type) &&
		 (ti->begin || ti->len != bdev_nr_sectors(it->dev->bdev)))
		why = "must be alone in a table; use one line for the whole device";
	else if (dm_target_always_writeable(type) &&
		 !(dm_table_get_mode(ti->table) & BLK_OPEN_WRITE))
		why = "needs a table that is not read-only";
	if (!why)
		return 0;

	interpose_error(dm_table_device_name(ti->table),
			"target type %s %s",
			type->name, why);
	ti->error = "Inner target type not supported";
	return -EINVAL;
}

static int interpose_get_type(struct interpose_target *it, const char *name)
{
	struct dm_target *ti = it->ti;
	int r;

	it->inner.type = dm_get_target_type(name);
	if (!it->inner.type) {
		interpose_error(dm_table_device_name(ti->table),
				"no target type %s; see \"dmsetup targets\" and check that its module is installed",
				name);
		ti->error = "Unknown inner target type";
		return -EINVAL;
	}

	r = interpose_check_type(it);
	if (r)
		dm_put_target_type(it->inner.type);
	return r;
}

/*
 * Does @arg name the interposed device, by a path or as major:minor? Without
 * memory to find out this must not return no: the inner target's I/O would go
 * back to the hook.
 */
static int interpose_names_bdev(const char *arg, struct interpose_dev *dev)
{
	dev_t devt;
	int r;

	/* a bare number would be looked up in the caller's directory */
	if (!arg[strspn(arg, "0123456789")])
		return 0;
	r = dm_devt_from_path(arg, &devt);
	if (r == -ENOMEM)
		return r;
	return !r && devt == dev->bdev->bd_dev;
}

/* The inner target's arguments: @beneath for each that names the device. */
static int interpose_substitute(struct interpose_target *it,
				struct dm_arg_set *as, char **argv,
				char *beneath)
{
	unsigned int i;
	int r;

	for (i = 0; i < as->argc; i++) {
		r = interpose_names_bdev(as->argv[i], it->dev);
		if (r < 0) {
			it->ti->error = "Cannot look up the inner target's arguments";
			return r;
		}
		argv[i] = r ? beneath : as->argv[i];
	}
	return 0;
}

static int interpose_call_ctr(struct interpose_target *it, unsigned int argc,
			      char **argv)
{
	struct target_type *type = it->inner.type;
	int r;

	it->inner = (struct dm_target) {
		.table	= it->ti->table,
		.type	= type,
		.begin	= it->ti->begin,
		.len	= it->ti->len,
		.error	= "Unknown error",
	};
	WRITE_ONCE(it->dev->building, true);
	r = type->ctr(&it->inner, argc, argv);
	WRITE_ONCE(it->dev->building, false);
	return r;
}

/*
 * Construct the inner target, with the bypass disk in place of the interposed
 * device. Without arguments it gets the bypass disk alone; targets that want
 * none at all (zero, error) refuse that, and get none.
 */
static int interpose_construct(struct interpose_target *it,
			       struct dm_arg_set *as)
{
	struct interpose_dev *dev = it->dev;
	char **argv, *error, beneath[sizeof(dev->bypass_name)];
	unsigned int argc = max(as->argc, 1U);
	int r;

	argv = kmalloc_array(argc, sizeof(*argv), GFP_KERNEL);
	if (!argv) {
		it->ti->error = "Cannot allocate the inner target's arguments";
		return -ENOMEM;
	}

	strscpy(beneath, dev->bypass_name);
	argv[0] = beneath;
	r = interpose_substitute(it, as, argv, beneath);
	if (r) {
		kfree(argv);
		return r;
	}

	r = interpose_call_ctr(it, argc, argv);
	error = it->inner.error;
	if (r && !as->argc && !interpose_call_ctr(it, 0, argv))
		r = 0;
	kfree(argv);
	if (!r)
		return 0;

	interpose_error(dm_table_device_name(it->ti->table),
			"the inner target %s refuses its arguments: %s (%d)",
			it->inner.type->name, error, r);
	it->ti->error = error;
	return r;
}

static void interpose_destruct(struct interpose_target *it)
{
	struct target_type *type = it->inner.type;

	if (type->dtr)
		type->dtr(&it->inner);
	dm_put_target_type(type);
}

static int interpose_ctr_inner(struct interpose_target *it,
			       struct dm_arg_set *as)
{
	const char *name = dm_shift_arg(as);
	int r;

	if (!name) {
		it->ti->error = "Missing arguments: need a device and an inner target type";
		return -EINVAL;
	}

	r = interpose_get_type(it, name);
	if (r)
		return r;
	r = interpose_construct(it, as);
	if (r) {
		dm_put_target_type(it->inner.type);
		return r;
	}

	r = interpose_reserve(it);
	if (!r)
		r = interpose_check_block_size(it);
	if (!r)
		r = interpose_check_atomic(it);
	/* until the first load is complete there are no links to follow */
	if (!r && dm_disk(it->dev->md)->slave_dir)
		r = interpose_check_loop(it);
	if (r)
		interpose_destruct(it);
	return r;
}

static int interpose_ctr_dev(struct interpose_target *it, struct dm_arg_set *as)
{
	struct dm_target *ti = it->ti;
	const char *arg = dm_shift_arg(as);
	dev_t devt;
	int r;

	if (!arg || !as->argc) {
		ti->error = "Missing arguments: need a device and an inner target type";
		return -EINVAL;
	}

	r = dm_devt_from_path(arg, &devt);
	if (r) {
		interpose_error(dm_table_device_name(ti->table),
				"no block device %s (%pe)",
				arg, ERR_PTR(r));
		ti->error = "No such device";
		return r;
	}

	it->dev = interpose_dev_get(ti, devt, arg);
	if (IS_ERR(it->dev))
		return PTR_ERR(it->dev);

	r = interpose_learn_holder(ti, it->dev);
	if (r) {
		interpose_dev_drop(it->dev, false);
		return r;
	}

	/* the device may have grown since its bypass disk was made */
	set_capacity(it->dev->bypass, bdev_nr_sectors(it->dev->bdev));
	return 0;
}

/* A line, complete or not yet, belongs to its table. */
static int interpose_table_join(struct interpose_target *it)
{
	struct interpose_table *lines, *spare;

	spare = kzalloc(sizeof(*spare), GFP_KERNEL);
	if (!spare) {
		it->ti->error = "Cannot allocate the target";
		return -ENOMEM;
	}

	mutex_lock(&interpose_devs_lock);
	lines = interpose_table_find(it->dev, it->ti->table);
	if (!lines) {
		lines = spare;
		spare = NULL;
		lines->table = it->ti->table;
		list_add(&lines->list, &it->dev->tables);
	}
	lines->lines++;
	lines->covered += it->ti->len;
	it->table = lines;
	mutex_unlock(&interpose_devs_lock);

	kfree(spare);
	return 0;
}

static void interpose_table_leave(struct interpose_target *it)
{
	struct interpose_table *lines = it->table;

	mutex_lock(&interpose_devs_lock);
	lines->covered -= it->ti->len;
	if (--lines->lines)
		lines = NULL;
	else
		list_del(&lines->list);
	mutex_unlock(&interpose_devs_lock);
	kfree(lines);
}

static int interpose_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct dm_arg_set as = { .argc = argc, .argv = argv };
	struct interpose_target *it;
	int r;

	it = kzalloc(sizeof(*it), GFP_KERNEL);
	if (!it) {
		ti->error = "Cannot allocate the target";
		return -ENOMEM;
	}
	it->ti = ti;

	r = interpose_ctr_dev(it, &as);
	if (r)
		goto out_free;
	r = interpose_table_join(it);
	if (r)
		goto out_drop;
	r = interpose_parse_features(it, &as);
	if (!r)
		r = interpose_ctr_inner(it, &as);
	if (r)
		goto out_leave;

	interpose_sync_target(it);
	interpose_shape_type(it);
	ti->type = &it->type;
	return 0;

out_leave:
	interpose_table_leave(it);
out_drop:
	interpose_dev_drop(it->dev, false);
out_free:
	kfree(it);
	return r;
}

static void interpose_dtr(struct dm_target *ti)
{
	struct interpose_target *it = to_interpose(ti);
	struct interpose_dev *dev = it->dev;

	/* replaced by a table without interpose lines? the device is free */
	interpose_detach_unbound(dev);

	interpose_destruct(it);
	interpose_table_leave(it);
	interpose_dev_drop(dev, true);

	/* DM core still puts the type */
	ti->type = &interpose_target_type;
	kfree(it);
}

/*
 * I/O
 */

/*
 * Has the interposed device become one that must not be interposed? A mapped
 * device may get another table at any time, and we are not notified. So check
 * for each bio, here, after it was submitted: if a bio was sent because the
 * device has become a verity device, the tables were swapped before this check.
 */
static bool interpose_must_not(struct interpose_dev *dev)
{
	/* pairs with __bind() of DM core; only a few types are immutable */
	return unlikely(dev->lower &&
			READ_ONCE(dev->lower->immutable_target_type)) &&
		interpose_vouched_for(dev->lower);
}

static int interpose_map(struct dm_target *ti, struct bio *bio)
{
	struct interpose_target *it = to_interpose(ti);
	int r;

	if (interpose_must_not(it->dev)) {
		DMERR_LIMIT("%pg has become a verity device: its I/O fails until %s is removed",
			    it->dev->bdev, dm_device_name(it->dev->md));
		return DM_MAPIO_KILL;
	}

	r = it->inner.type->map(&it->inner, bio);

	/*
	 * Save the way through the bypass disk. DM core associates the bio with
	 * its cgroup again before it submits it.
	 */
	if (r == DM_MAPIO_REMAPPED && bio->bi_bdev == it->dev->bypass->part0)
		bio_set_past_interposer(bio, it->dev->bdev);
	return r;
}

static int interpose_end_io(struct dm_target *ti, struct bio *bio,
			    blk_status_t *error)
{
	struct interpose_target *it = to_interpose(ti);

	return it->inner.type->end_io(&it->inner, bio, error);
}

/*
 * Suspend and resume. DM core calls each method for the lines in their order,
 * so what concerns the whole device is done for the last line, or the first.
 */
static bool interpose_last_line(struct dm_target *ti)
{
	return ti->begin + ti->len == dm_table_get_size(ti->table);
}

/*
 * For a suspend, which cannot fail here: if it is killed during the freeze, DM
 * core either undoes it, if it finds I/O in flight, or completes it without the
 * freeze.
 */
static void interpose_freeze_again(struct interpose_dev *dev)
{
	struct interpose_frozen *frozen = interpose_freeze(dev);

	if (!IS_ERR(frozen))
		interpose_thaw(xchg(&dev->frozen, frozen));
}

static void interpose_presuspend(struct dm_target *ti)
{
	struct interpose_target *it = to_interpose(ti);
	struct interpose_dev *dev = it->dev;

	if (READ_ONCE(dev->retired))
		return;
	/* for blk_interposer_sync(); interpose_let_go() undoes it */
	if (!ti->begin && blk_interposer_attached(&dev->ip))
		blk_interposer_prepare(&dev->ip, dm_disk(dev->md)->part0);
	if (it->inner.type->presuspend)
		it->inner.type->presuspend(&it->inner);
	if (!interpose_last_line(ti))
		return;

	if (!dm_noflush_suspending(ti))
		interpose_freeze_again(dev);
	blk_interposer_hold(&dev->ip);
	if (blk_interposer_attached(&dev->ip))
		queue_work(dev->md->wq, &dev->grace_work);
}

/* The gate opens and closes under suspend_lock; the thaw has to come later. */
static void interpose_let_go(struct interpose_dev *dev)
{
	blk_interposer_open(&dev->ip);
	blk_interposer_settle(&dev->ip, dm_disk(dev->md)->part0);
	queue_work(interpose_wq, &dev->thaw_work);
}

static void interpose_presuspend_undo(struct dm_target *ti)
{
	struct interpose_target *it = to_interpose(ti);

	if (READ_ONCE(it->dev->retired))
		return;
	if (it->inner.type->presuspend_undo)
		it->inner.type->presuspend_undo(&it->inner);
	if (interpose_last_line(ti)) {
		/* DM core may not have waited for it */
		flush_work(&it->dev->grace_work);
		interpose_let_go(it->dev);
	}
}

static void interpose_postsuspend(struct dm_target *ti)
{
	struct interpose_target *it = to_interpose(ti);

	if (READ_ONCE(it->dev->retired))
		return;
	if (it->inner.type->postsuspend)
		it->inner.type->postsuspend(&it->inner);
	/* a task between the gate and DM core must not find the next table */
	if (interpose_last_line(ti)) {
		blk_interposer_sync(&it->dev->ip);
		interpose_hold_off();
	}
}

/*
 * What is checked once for a table. Later resumes of it must not fail because
 * the device has grown in the meantime.
 */
static int interpose_check_table(struct interpose_target *it)
{
	struct interpose_dev *dev = it->dev;
	int r = 0;

	if (it->table->checked)
		return 0;

	/*
	 * Much may have changed since the load; too late if already attached.
	 * Then I/O is held by now, and this must not wait for the lock of the
	 * holder links: its holder may allocate memory, and reclaim may wait
	 * for this I/O. The load has checked the links, and each link that was
	 * made since has been checked by bd_link_disk_holder().
	 */
	if (!blk_interposer_attached(&dev->ip)) {
		r = interpose_check_bdev(it->ti, dev->bdev);
		if (!r)
			r = interpose_check_loop(it);
	}
	if (!r)
		r = interpose_check_block_size(it);
	if (!r)
		r = interpose_check_atomic(it);
	if (!r)
		r = interpose_check_unused(dev);
	return r;
}

/* All that can still fail: the resume of the last line changes the world. */
static int interpose_preresume_last(struct interpose_target *it)
{
	struct interpose_dev *dev = it->dev;
	int r;

	r = interpose_check_table(it);
	if (!r)
		r = interpose_pin_if_wanted(it);
	/* the gate is closed, or not there yet */
	if (!r)
		r = blk_interposer_fit(&dev->ip, dm_disk(dev->md)->part0,
				       it->atomic);
	if (!r)
		r = interpose_attach(dev);
	if (!r)
		it->table->checked = true;

	/* a table that fails to replace another one leaves its pin alone */
	if (!blk_interposer_attached(&dev->ip))
		interpose_unpin(dev);
	else if (!r)
		interpose_unpin_unless_wanted(it);
	return r;
}

static int interpose_preresume(struct dm_target *ti)
{
	struct interpose_target *it = to_interpose(ti);
	int r = 0;

	if (READ_ONCE(it->dev->retired))
		return 0;

	/* by every line: the last one of a mixed table need not be ours */
	if (!it->table->checked)
		r = interpose_check_coverage(it);
	if (!r && it->inner.type->preresume)
		r = it->inner.type->preresume(&it->inner);
	interpose_sync_target(it);
	if (!r && interpose_last_line(ti))
		r = interpose_preresume_last(it);
	return r;
}

static void interpose_resume(struct dm_target *ti)
{
	struct interpose_target *it = to_interpose(ti);

	if (READ_ONCE(it->dev->retired))
		return;
	if (it->inner.type->resume)
		it->inner.type->resume(&it->inner);
	interpose_sync_target(it);
	if (interpose_last_line(ti))
		interpose_let_go(it->dev);
}

/*
 * Status and messages
 */
static const char *interpose_state_name(struct interpose_dev *dev)
{
	static const char * const names[] = {
		[BLK_INTERPOSER_IDLE]	   = "detached",
		[BLK_INTERPOSER_HELD]	   = "held",
		[BLK_INTERPOSER_OPEN]	   = "attached",
		[BLK_INTERPOSER_DETACHING] = "detaching",
	};

	return names[READ_ONCE(dev->ip.state)];
}

/* A full buffer is what DM core takes as "try again", with a larger one. */
static unsigned int interpose_emit_full(char *result, unsigned int maxlen)
{
	memset(result, ' ', maxlen - 1);
	result[maxlen - 1] = '\0';
	return maxlen;
}

/*
 * Print the inner target's table line with our device in place of the bypass
 * disk. The result may be shorter, so DM core cannot see from its length that
 * the inner target's own line did not fit.
 */
static unsigned int interpose_emit_table(struct interpose_target *it,
					 unsigned int flags, char *result,
					 unsigned int maxlen)
{
	struct interpose_dev *dev = it->dev;
	unsigned int sz = 0;
	char *line, *pos, *arg;

	/* under suspend, reclaim could wait for the device */
	line = kvzalloc(maxlen, GFP_NOIO);
	if (!line)
		return interpose_emit_full(result, maxlen);

	it->inner.type->status(&it->inner, STATUSTYPE_TABLE, flags, line,
			       maxlen);
	if (strlen(line) + 1 >= maxlen) {
		kvfree(line);
		return interpose_emit_full(result, maxlen);
	}

	pos = line;
	while ((arg = strsep(&pos, " ")))
		if (*arg)
			DMEMIT(" %s", strcmp(arg, dev->bypass_name) ?
			       arg : dev->name);
	kvfree(line);
	return sz;
}

static void interpose_status(struct dm_target *ti, status_type_t type,
			     unsigned int status_flags, char *result,
			     unsigned int maxlen)
{
	struct interpose_target *it = to_interpose(ti);
	const struct target_type *inner = it->inner.type;
	struct interpose_dev *dev = it->dev;
	unsigned int sz = 0;

	switch (type) {
	case STATUSTYPE_INFO:
		DMEMIT("%s %s %s %lu %u %s %s", interpose_state_name(dev),
		       dev->name, dev->bypass->disk_name,
		       blk_interposer_redirected(&dev->ip),
		       blk_interposer_held(&dev->ip),
		       READ_ONCE(dev->pin) ? "pinned" : "-", inner->name);
		break;
	case STATUSTYPE_TABLE:
		DMEMIT("%s", dev->name);
		if (READ_ONCE(it->table->pin) + READ_ONCE(it->table->no_atomic))
			DMEMIT(" %d%s%s",
			       READ_ONCE(it->table->pin) +
			       READ_ONCE(it->table->no_atomic),
			       READ_ONCE(it->table->pin) ? " pin" : "",
			       READ_ONCE(it->table->no_atomic) ? " no_atomic" : "");
		DMEMIT(" %s", inner->name);
		break;
	case STATUSTYPE_IMA:
		DMEMIT_TARGET_NAME_VERSION(ti->type);
		DMEMIT(",device=%s,inner_type=%s,inner=", dev->name, inner->name);
		break;
	}

	if (sz >= maxlen)
		return;
	if (type == STATUSTYPE_IMA) {
		if (inner->status)
			inner->status(&it->inner, type, status_flags,
				      result + sz, maxlen - sz);
		/* most types have nothing to say here; the line has its end */
		if (!result[sz])
			DMEMIT(";");
		return;
	}

	if (!inner->status)
		return;
	if (type == STATUSTYPE_TABLE) {
		interpose_emit_table(it, status_flags, result + sz, maxlen - sz);
	} else if (sz + 1 < maxlen) {
		result[sz] = ' ';
		result[sz + 1] = '\0';
		inner->status(&it->inner, type, status_flags, result + sz + 1,
			      maxlen - sz - 1);
		if (!result[sz + 1])
			result[sz] = '\0';
	}
}

/*
 * Pin or unpin now, and for later resumes of the same table. The table is
 * marked first: a resume at the same time takes the pin that it does not want.
 */
static int interpose_message_pin(struct interpose_target *it, bool pin)
{
	int r = 0;

	interpose_mark_pin(it, pin);
	if (pin)
		r = interpose_pin(it->dev);
	else
		interpose_unpin(it->dev);
	if (r)
		interpose_mark_pin(it, false);
	return r;
}

static int interpose_own_message(struct interpose_target *it, unsigned int argc,
				 char **argv)
{
	if (argc == 2 && !strcasecmp(argv[1], "pin"))
		return interpose_message_pin(it, true);
	if (argc == 2 && !strcasecmp(argv[1], "unpin"))
		return interpose_message_pin(it, false);

	interpose_error(dm_device_name(it->dev->md),
			"unknown message; known: interpose pin, interpose unpin");
	return -EINVAL;
}

static int interpose_message(struct dm_target *ti, unsigned int argc,
			     char **argv, char *result, unsigned int maxlen)
{
	struct interpose_target *it = to_interpose(ti);
	const struct target_type *inner = it->inner.type;
	int r;

	if (!strcasecmp(argv[0], INTERPOSE_MESSAGE))
		return interpose_own_message(it, argc, argv);

	if (!inner->message) {
		interpose_error(dm_table_device_name(ti->table),
				"the inner target %s does not support messages",
				inner->name);
		return -EINVAL;
	}
	r = inner->message(&it->inner, argc, argv, result, maxlen);
	interpose_sync_target(it);
	return r;
}

/*
 * What DM core asks about the devices below
 */
static int interpose_iterate_devices(struct dm_target *ti,
				     iterate_devices_callout_fn fn, void *data)
{
	struct interpose_target *it = to_interpose(ti);

	return it->inner.type->iterate_devices(&it->inner, fn, data);
}

static void interpose_io_hints(struct dm_target *ti,
			       struct queue_limits *limits)
{
	struct interpose_target *it = to_interpose(ti);

	it->inner.type->io_hints(&it->inner, limits);
	interpose_sync_target(it);
}

/* The shape for interpose_shape_type(); only its ctr is called as it is. */
static struct target_type interpose_target_type = {
	.name			= "interpose",
	.version		= {1, 0, 0},
	.module			= THIS_MODULE,
	.ctr			= interpose_ctr,
	.dtr			= interpose_dtr,
	.map			= interpose_map,
	.end_io			= interpose_end_io,
	.presuspend		= interpose_presuspend,
	.presuspend_undo	= interpose_presuspend_undo,
	.postsuspend		= interpose_postsuspend,
	.preresume		= interpose_preresume,
	.resume			= interpose_resume,
	.status			= interpose_status,
	.message		= interpose_message,
	.iterate_devices	= interpose_iterate_devices,
	.io_hints		= interpose_io_hints,
};

static int interpose_hook_users(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", blk_interposer_users());
}

static const struct kernel_param_ops interpose_hook_users_ops = {
	.get = interpose_hook_users,
};

module_param_cb(hook_users, &interpose_hook_users_ops, NULL, 0444);
MODULE_PARM_DESC(hook_users, "For how many devices the block layer's hook is turned on");

static int __init interpose_init(void)
{
	int r = -ENOMEM;

	interpose_wq = alloc_workqueue("dm_interpose", WQ_MEM_RECLAIM, 0);
	if (!interpose_wq)
		return r;

	/* no practical limit on concurrent jobs: each of them may be stuck */
	interpose_job_wq = alloc_workqueue("dm_interpose_job", WQ_UNBOUND,
					   WQ_MAX_ACTIVE);
	if (!interpose_job_wq)
		goto out_wq;

	r = register_blkdev(0, "interpose");
	if (r < 0)
		goto out_job_wq;
	interpose_major = r;

	r = dm_register_target(&interpose_target_type);
	if (r)
		goto out_blkdev;
	return 0;

out_blkdev:
	unregister_blkdev(interpose_major, "interpose");
out_job_wq:
	destroy_workqueue(interpose_job_wq);
out_wq:
	destroy_workqueue(interpose_wq);
	return r;
}

static void __exit interpose_exit(void)
{
	dm_unregister_target(&interpose_target_type);
	/* each job has dropped the module, but may still have to return */
	destroy_workqueue(interpose_job_wq);
	/* runs what is queued: the last bypass disks go */
	destroy_workqueue(interpose_wq);
	wait_var_event(&interpose_disks, !atomic_read(&interpose_disks));
	unregister_blkdev(interpose_major, "interpose");
	ida_destroy(&interpose_ida);
}

module_init(interpose_init);
module_exit(interpose_exit);

MODULE_AUTHOR("The dm-interpose developers");
MODULE_DESCRIPTION(DM_NAME " target that interposes a device in use");
MODULE_LICENSE("GPL");
