// SPDX-License-Identifier: GPL-2.0
/*
 * Block device interposer: would I/O loop?
 *
 * bd_link_disk_holder() records which devices a disk consists of:
 * device-mapper, MD and others call it for each device below each of their
 * disks. An interposer adds paths that these links do not show. Here they are,
 * for x, which interposes D with the bypass disk interposeN, and a snapshot of
 * interposeN with a COW store:
 *
 *      D ----------------> x               users of D, or of a part of it
 *      x ----------------> its slaves      the inner target's devices
 *      interposeN -------> D's own slaves  past the hook
 *      x ----------------> store           a write to D copies a chunk there
 *
 * I/O that comes back to where it began would go on forever, or wait for
 * itself: for example, with a store on another partition of D, or on a logical
 * volume on D. Each of these paths needs a link, or the claim of an interposer
 * on its device, and is checked when the last of these is made.
 *
 * Concurrency: everything that is read here changes under blk_holder_mutex, and
 * a link or a claim is made first and checked afterwards. So if two close a
 * loop together, at least the later one sees it.
 */
#include <linux/blk-interposer.h>

#include "blk.h"
#include "blk-interposer.h"

/* More levels of disks than in any stack that works. */
#define BLK_INTERPOSER_DEPTH	16

/* All interposers with a claim or a bypass disk; under blk_holder_mutex. */
static LIST_HEAD(blk_interposers);

/**
 * struct blk_interposer_walk - where I/O to a disk goes
 *
 * @target: the disk that it must not reach
 * @via: the last interposer on the path
 */
struct blk_interposer_walk {
	const struct gendisk *target;
	struct blk_interposer *via;
};

static bool disk_leads_to(struct gendisk *disk,
			  struct blk_interposer_walk *walk, unsigned int depth);

/* A partition overlaps its whole disk. */
static bool bdevs_overlap(struct block_device *a, struct block_device *b)
{
	return a == b || (a->bd_disk == b->bd_disk &&
			  !(bdev_is_partition(a) && bdev_is_partition(b)));
}

/* Follow the path through @ip to @disk. */
static bool interposer_leads_to(struct blk_interposer *ip, struct gendisk *disk,
				struct blk_interposer_walk *walk,
				unsigned int depth)
{
	struct blk_interposer *before = walk->via;

	walk->via = ip;
	if (disk_leads_to(disk, walk, depth))
		return true;
	walk->via = before;
	return false;
}

/*
 * Where does the I/O of @bdev's users go? If @bdev is a disk with an interposed
 * partition, its I/O is not redirected, but may overwrite that partition.
 */
static bool bdev_leads_to(struct block_device *bdev,
			  struct blk_interposer_walk *walk, unsigned int depth)
{
	struct blk_interposer *ip;
	bool redirected = false;

	list_for_each_entry(ip, &blk_interposers, list) {
		if (ip->beneath == bdev->bd_disk)
			return interposer_leads_to(ip, ip->bdev->bd_disk, walk,
						   depth);
		if (!ip->disk || !bdevs_overlap(ip->bdev, bdev))
			continue;
		if (interposer_leads_to(ip, ip->disk, walk, depth))
			return true;
		redirected |= ip->bdev == bdev || bdev_is_partition(bdev);
	}
	return !redirected && disk_leads_to(bdev->bd_disk, walk, depth);
}

/* The device that @holder stands for; NULL when it has been deleted. */
static struct block_device *holder_bdev(struct bd_holder_disk *holder)
{
	struct kobject *parent = holder->holder_dir->parent;

	return parent ? dev_to_bdev(kobj_to_dev(parent)) : NULL;
}

static bool disk_has_slave(struct gendisk *disk, struct gendisk *beneath)
{
	struct bd_holder_disk *holder;

	list_for_each_entry(holder, &disk->slave_bdevs, list) {
		struct block_device *slave = holder_bdev(holder);

		if (slave && slave->bd_disk == beneath)
			return true;
	}
	return false;
}

static bool slaves_lead_to(struct gendisk *disk, const struct gendisk *except,
			   struct blk_interposer_walk *walk, unsigned int depth)
{
	struct bd_holder_disk *holder;

	list_for_each_entry(holder, &disk->slave_bdevs, list) {
		struct block_device *slave = holder_bdev(holder);

		if (slave && slave->bd_disk != except &&
		    bdev_leads_to(slave, walk, depth))
			return true;
	}
	return false;
}

/*
 * A write to the device of @ip may copy a chunk to the store of a snapshot. No
 * link shows that a disk is a snapshot of another one. So every disk that has
 * the bypass disk of @ip and something else is treated as one.
 */
static bool stores_lead_to(struct blk_interposer *ip,
			   struct blk_interposer_walk *walk, unsigned int depth)
{
	struct class_dev_iter iter;
	struct device *dev;
	bool found = false;

	class_dev_iter_init(&iter, &block_class, NULL, &disk_type);
	while (!found && (dev = class_dev_iter_next(&iter))) {
		struct gendisk *disk = dev_to_disk(dev);

		found = disk != ip->disk && disk_has_slave(disk, ip->beneath) &&
			slaves_lead_to(disk, ip->beneath, walk, depth);
	}
	class_dev_iter_exit(&iter);
	return found;
}

/* Where does the I/O go that @disk's driver submits for its bios? */
static bool driver_leads_to(struct gendisk *disk,
			    struct blk_interposer_walk *walk, unsigned int depth)
{
	struct blk_interposer *ip;

	if (slaves_lead_to(disk, NULL, walk, depth))
		return true;

	list_for_each_entry(ip, &blk_interposers, list)
		if (ip->disk == disk && ip->beneath &&
		    stores_lead_to(ip, walk, depth))
			return true;
	return false;
}

/* A path without an interposer is of no interest here. */
static bool disk_leads_to(struct gendisk *disk,
			  struct blk_interposer_walk *walk, unsigned int depth)
{
	if (disk == walk->target || !depth)
		return walk->via;
	return driver_leads_to(disk, walk, depth - 1);
}

static bool interposer_loops(struct blk_interposer *ip)
{
	struct blk_interposer_walk walk = { .target = ip->disk, .via = ip };

	lockdep_assert_held(&blk_holder_mutex);
	return ip->disk && driver_leads_to(ip->disk, &walk, BLK_INTERPOSER_DEPTH);
}

/* The COW store of the snapshot @disk that writes to the device of @ip reach. */
static struct block_device *store_of(struct gendisk *disk,
				     struct blk_interposer *ip)
{
	struct blk_interposer_walk walk = { .target = ip->disk, .via = ip };
	struct bd_holder_disk *holder;

	list_for_each_entry(holder, &disk->slave_bdevs, list) {
		struct block_device *slave = holder_bdev(holder);

		if (slave && slave->bd_disk != ip->beneath &&
		    bdev_leads_to(slave, &walk, BLK_INTERPOSER_DEPTH))
			return slave;
	}
	return NULL;
}

/*
 * The interposer through which I/O to @disk comes back to it, or NULL. @lower
 * is the device that has been linked; it is set to the device that closes the
 * loop.
 */
static struct blk_interposer *disk_loops(struct gendisk *disk,
					 struct block_device **lower)
{
	struct blk_interposer_walk walk = { .target = disk };
	struct blk_interposer *ip;

	/* it may be a snapshot, to the store of which chunks are copied */
	list_for_each_entry(ip, &blk_interposers, list)
		if (ip->beneath && disk_has_slave(disk, ip->beneath) &&
		    interposer_loops(ip)) {
			*lower = store_of(disk, ip) ?: *lower;
			return ip;
		}

	return driver_leads_to(disk, &walk, BLK_INTERPOSER_DEPTH) ?
		walk.via : NULL;
}

static bool disk_checks_links(struct gendisk *disk)
{
	struct blk_interposer *ip;

	list_for_each_entry(ip, &blk_interposers, list)
		if (ip->disk == disk && ip->ops->checks_links &&
		    ip->ops->checks_links(ip))
			return true;
	return false;
}

/**
 * __blk_interposer_check_link - does a new link close a loop?
 * @bdev: the lower device
 * @disk: the upper disk, which has been linked to it
 *
 * If it does, the link is removed.
 *
 * Context: Process context. Sleeps.
 * Return: 0, or the error with which bd_link_disk_holder() is to fail.
 */
int __blk_interposer_check_link(struct block_device *bdev, struct gendisk *disk)
{
	struct block_device *lower = bdev;
	struct blk_interposer *via;
	int ret = 0;

	mutex_lock(&blk_holder_mutex);
	via = disk_checks_links(disk) ? NULL : disk_loops(disk, &lower);
	if (via)
		ret = via->ops->link_loops ?
			via->ops->link_loops(via, lower, disk) : -ELOOP;
	mutex_unlock(&blk_holder_mutex);

	if (ret)
		bd_unlink_disk_holder(bdev, disk);
	return ret;
}

/**
 * blk_interposer_claim - record where the I/O of a device goes, or will go
 * @ip: the interposer
 * @disk: the owner's disk, to which it will be attached, or NULL if it no
 *	longer will be; stays until the next call, or blk_interposer_exit()
 * @beneath: the disk through which others get past the hook, or NULL
 *
 * This redirects nothing; see blk_interposer_loops().
 *
 * Context: Process context. Sleeps.
 */
void blk_interposer_claim(struct blk_interposer *ip, struct gendisk *disk,
			  struct gendisk *beneath)
{
	mutex_lock(&blk_holder_mutex);
	ip->disk = disk;
	ip->beneath = beneath;
	if (list_empty(&ip->list))
		list_add(&ip->list, &blk_interposers);
	mutex_unlock(&blk_holder_mutex);
}
EXPORT_SYMBOL_GPL(blk_interposer_claim);

/* Called when @ip goes away. */
void blk_interposer_forget(struct blk_interposer *ip)
{
	mutex_lock(&blk_holder_mutex);
	list_del_init(&ip->list);
	mutex_unlock(&blk_holder_mutex);
}

/**
 * blk_interposer_loops - would the I/O of an interposed device come back to it?
 * @ip: the interposer, claimed
 *
 * Also follows other interposers, and the copies of snapshots. The caller calls
 * this before it attaches. A link that is made later and closes a loop is
 * refused.
 *
 * Context: Process context. Sleeps.
 * Return: true if it would come back.
 */
bool blk_interposer_loops(struct blk_interposer *ip)
{
	bool ret;

	mutex_lock(&blk_holder_mutex);
	ret = interposer_loops(ip);
	mutex_unlock(&blk_holder_mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(blk_interposer_loops);
