// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-interpose: the devices that are or may be interposed
 *
 * The life of struct interpose_dev, its bypass disk, and how the lines of a table
 * find it, or make it. The lock order is in dm-interpose.c.
 */
#include "dm-core.h"
#include "dm-interpose.h"

#include <linux/blk-crypto-profile.h>
#include <linux/blk-integrity.h>
#include <linux/file.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/sysfs.h>
#include <linux/wait_bit.h>

static int interpose_major;
static DEFINE_IDA(interpose_ida);
static LIST_HEAD(interpose_devs);
/* The list, and who uses the devices in it. */
DEFINE_MUTEX(interpose_devs_lock);
/*
 * Keeps the first line of a device, with its claim, apart from the last line of
 * another mapped device's tables. The claim takes blk_holder_mutex, and whoever
 * has that mutex may wait for memory, and so for I/O that we hold. So suspend
 * and resume, and all that runs between them, take neither.
 */
static DEFINE_MUTEX(interpose_claims_lock);
/* Bypass disks whose memory is not freed yet. */
static atomic_t interpose_disks = ATOMIC_INIT(0);
static LLIST_HEAD(interpose_dead);
static void interpose_reap(struct work_struct *work);
static DECLARE_WORK(interpose_reap_work, interpose_reap);

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

void interpose_dev_put(struct interpose_dev *dev)
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
	interpose_direct_exit(dev);
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
int interpose_learn_holder(struct dm_target *ti, struct interpose_dev *dev)
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
bool interpose_vouched_for(struct mapped_device *md)
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

int interpose_check_bdev(struct dm_target *ti, struct block_device *bdev)
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

	r = interpose_direct_init(dev);
	if (r)
		goto out_free;
	r = blk_interposer_init(&dev->ip, dev->bdev, &interpose_ops);
	if (r)
		goto out_direct;
	r = interpose_bypass_create(dev);
	if (r)
		goto out_exit;
	return dev;

out_exit:
	blk_interposer_exit(&dev->ip);
out_direct:
	interpose_direct_exit(dev);
out_free:
	mutex_destroy(&dev->lock);
	kfree(dev);
	return ERR_PTR(r);
}

/* Undo interpose_dev_alloc(); ->free_disk() is for disks that were added. */
static void interpose_dev_free(struct interpose_dev *dev)
{
	blk_interposer_exit(&dev->ip);
	interpose_direct_exit(dev);
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
void interpose_dev_drop(struct interpose_dev *dev, bool was_line)
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

struct interpose_dev *interpose_dev_get(struct dm_target *ti, dev_t devt,
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

/**
 * interpose_devs_init - get what all bypass disks need
 *
 * Context: Process context, when the module is loaded.
 * Return: 0 or an error.
 */
int interpose_devs_init(void)
{
	int r = register_blkdev(0, "interpose");

	if (r < 0)
		return r;
	interpose_major = r;
	return 0;
}

/**
 * interpose_devs_exit - the counterpart of interpose_devs_init()
 *
 * Context: Process context, when nobody can make a bypass disk any more, and those
 *	that there were have been released. Waits until their memory is freed.
 */
void interpose_devs_exit(void)
{
	wait_var_event(&interpose_disks, !atomic_read(&interpose_disks));
	unregister_blkdev(interpose_major, "interpose");
	ida_destroy(&interpose_ida);
}
