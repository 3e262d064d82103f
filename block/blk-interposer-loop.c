// SPDX-License-Identifier: GPL-2.0
/*
 * Block device interposer: would I/O go round in a circle?
 *
 * What a disk is made of, bd_link_disk_holder() knows: device-mapper, MD and others
 * call it for each device beneath each of their disks. An interposer adds ways that
 * these links do not show. Here they are, for x, which interposes D with interposeN
 * beneath, and a snapshot of interposeN with a store for what it copies:
 *
 *      D ----------------> x               users of D, or of a part of it
 *      x ----------------> its slaves      the inner target's devices
 *      interposeN -------> D's own slaves  past the hook
 *      x ----------------> store           by a write to D that is copied there
 *
 * I/O that comes back to where it began would go on for ever, or wait for itself:
 * such is a store on another partition of D, or on a logical volume on D. Each of
 * these ways begins with a link, or with the claim of an interposer on its device,
 * and is looked at when that is made, whichever comes last.
 *
 * Concurrency: all that is read here changes under blk_holder_mutex, and a link or
 * a claim is made first and looked at afterwards. So of two that close a circle
 * together at least the later one sees it.
 */
#include <linux/blk-interposer.h>

#include "blk.h"
#include "blk-interposer.h"

/* More disks one upon the other than in any stack that works. */
#define BLK_INTERPOSER_DEPTH	16

/* All that are claimed, or have a disk beneath; under blk_holder_mutex. */
static LIST_HEAD(blk_interposers);

/**
 * struct blk_interposer_walk - where I/O to a disk goes
 *
 * @target: the disk that it must not come to
 * @via: the last interposer on the way
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

/* By way of @ip, to @disk. */
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
 * Where does I/O of @bdev's users go? That of a disk of which a partition is
 * interposed is not redirected, but overwrites what is.
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
 * What is written to the device of @ip may be copied to the store of a snapshot.
 * That one disk is the snapshot of another, no link tells: so every disk that has
 * something besides the disk beneath @ip is taken for one.
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

/* Where does I/O go that @disk's driver makes for what it gets? */
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

/* A way on which there is no interposer is nobody's business here. */
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

/* The device of the snapshot @disk that what is written to the device of @ip leads to. */
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
 * The interposer by way of which I/O to @disk comes back to it, or NULL. @lower is
 * the device that has been linked, and will be the one that is not where it should.
 */
static struct blk_interposer *disk_loops(struct gendisk *disk,
					 struct block_device **lower)
{
	struct blk_interposer_walk walk = { .target = disk };
	struct blk_interposer *ip;

	/* it may be a snapshot, to whose store something else is copied */
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
 * __blk_interposer_check_link - does a new link close a circle?
 * @bdev: the lower device
 * @disk: the upper disk, which has been linked to it
 *
 * If it does, the link is taken back.
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
 * blk_interposer_claim - say where the I/O of a device goes, or is to go
 * @ip: the interposer
 * @disk: the owner's disk, to which it will be attached, or NULL if that is no
 *	longer so; stays until the next call, or blk_interposer_exit()
 * @beneath: the disk by way of which others get past the hook, or NULL
 *
 * Nothing is redirected yet; see blk_interposer_loops().
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

/* Called when @ip goes. */
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
 * Also by way of other interposers, and of what snapshots copy. The caller asks
 * before it attaches. A link that is made later and closes a circle is refused.
 *
 * Context: Process context. Sleeps.
 * Return: true if it would.
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
