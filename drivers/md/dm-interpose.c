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
 * A bio that the inner target would only pass on is spared all that: see
 * dm-interpose-direct.c.
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

#include "dm-core.h"
#include "dm-interpose.h"

#include <linux/delay.h>
#include <linux/file.h>
#include <linux/major.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>

/* How often a task that waits for a job checks whether to give up. */
#define INTERPOSE_JOB_LOOK	(HZ / 10)
/* After this long it reports what it is waiting for. */
#define INTERPOSE_JOB_PATIENCE	(10 * HZ)

/* Thaws and reaps; needed to write pages back. */
struct workqueue_struct *interpose_wq;
/*
 * Runs each &struct interpose_job; any of them may take forever. It has no
 * rescuer: inner targets and file systems wait for workqueues without one, too,
 * and a task that waits for a job can be killed.
 */
static struct workqueue_struct *interpose_job_wq;

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
void interpose_thaw_work(struct work_struct *work)
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
	interpose_direct_publish(dev);
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
 * interrupts off, or in an RCU read-side section, as interpose_io_finish() does, which
 * goes on to wake somebody up. synchronize_rcu_tasks() waits for those that can be, or have
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
void interpose_detach_unbound(struct interpose_dev *dev)
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

const struct blk_interposer_ops interpose_ops = {
	.owner		= THIS_MODULE,
	.get		= interpose_ip_get,
	.put		= interpose_ip_put,
	.owner_dead	= interpose_owner_dead,
	.take_parked	= interpose_take_parked,
	.resubmits	= interpose_resubmits,
	.checks_links	= interpose_checks_links,
	.link_loops	= interpose_link_loops,
	.enter		= interpose_enter,
	.map		= interpose_map_direct,
};

/*
 * Pin: while we keep the mapped device open, it cannot be removed
 */
int interpose_pin(struct interpose_dev *dev)
{
	unsigned int memflags;
	struct file *pin;

	if (READ_ONCE(dev->pin))
		return 0;

	/* a message may pin while the gate is closed: interpose_postsuspend() */
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

void interpose_unpin(struct interpose_dev *dev)
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
void interpose_grace_work(struct work_struct *work)
{
	struct interpose_dev *dev =
		container_of(work, struct interpose_dev, grace_work);

	interpose_hold_off();
	synchronize_srcu_expedited(&dev->md->io_barrier);
	interpose_hold_off();
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
	interpose_direct_open(dev);
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

/*
 * From here to the end of interpose_resume() the gate is closed, and memory is
 * got without I/O, which may be what waits there: of a file system that is
 * mounted from the device, or of swap space on it.
 */
static void interpose_postsuspend(struct dm_target *ti)
{
	struct interpose_target *it = to_interpose(ti);
	unsigned int memflags;

	if (READ_ONCE(it->dev->retired))
		return;
	if (it->inner.type->postsuspend) {
		memflags = memalloc_noio_save();
		it->inner.type->postsuspend(&it->inner);
		memalloc_noio_restore(memflags);
	}
	/* a task between the gate and DM core must not find the next table */
	if (interpose_last_line(ti)) {
		blk_interposer_sync(&it->dev->ip);
		interpose_hold_off();
	}
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
	unsigned int memflags;
	int r = 0;

	if (READ_ONCE(it->dev->retired))
		return 0;

	memflags = memalloc_noio_save();
	/* by every line: the last one of a mixed table need not be ours */
	if (!it->table->checked)
		r = interpose_check_coverage(it);
	if (!r && it->inner.type->preresume) {
		r = it->inner.type->preresume(&it->inner);
		/* pairs with interpose_may_ask() */
		smp_store_release(&it->resumed, true);
	}
	interpose_sync_target(it);
	if (!r && interpose_last_line(ti))
		r = interpose_preresume_last(it);
	memalloc_noio_restore(memflags);
	return r;
}

static void interpose_resume(struct dm_target *ti)
{
	struct interpose_target *it = to_interpose(ti);
	unsigned int memflags;

	if (READ_ONCE(it->dev->retired))
		return;
	if (it->inner.type->resume) {
		memflags = memalloc_noio_save();
		it->inner.type->resume(&it->inner);
		memalloc_noio_restore(memflags);
	}
	interpose_sync_target(it);
	interpose_direct_resume(it);
	if (interpose_last_line(ti))
		interpose_let_go(it->dev);
}

/* The shape for interpose_shape_type(); only its ctr is called as it is. */
struct target_type interpose_target_type = {
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

	r = interpose_devs_init();
	if (r)
		goto out_job_wq;

	r = dm_register_target(&interpose_target_type);
	if (r)
		goto out_devs;
	return 0;

out_devs:
	interpose_devs_exit();
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
	interpose_devs_exit();
	interpose_direct_leave();
}

module_init(interpose_init);
module_exit(interpose_exit);

MODULE_AUTHOR("The dm-interpose developers");
MODULE_DESCRIPTION(DM_NAME " target that interposes a device in use");
MODULE_LICENSE("GPL");
