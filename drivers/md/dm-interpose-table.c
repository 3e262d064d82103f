// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-interpose: a table's "interpose" lines, and their inner targets
 *
 * What a line says, what is checked, and the inner target's methods that DM core
 * calls through ours. Suspend and resume are in dm-interpose.c.
 */
#include "dm-core.h"
#include "dm-interpose.h"

#include <linux/ctype.h>
#include <linux/module.h>

struct interpose_table *interpose_table_find(struct interpose_dev *dev,
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
int interpose_check_coverage(struct interpose_target *it)
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
void interpose_sync_target(struct interpose_target *it)
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

void interpose_mark_pin(struct interpose_target *it, bool pin)
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

int interpose_ctr(struct dm_target *ti, unsigned int argc, char **argv)
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

void interpose_dtr(struct dm_target *ti)
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

int interpose_map(struct dm_target *ti, struct bio *bio)
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

int interpose_end_io(struct dm_target *ti, struct bio *bio,
		     blk_status_t *error)
{
	struct interpose_target *it = to_interpose(ti);

	return it->inner.type->end_io(&it->inner, bio, error);
}

/*
 * What is checked once for a table. Later resumes of it must not fail because
 * the device has grown in the meantime.
 */
int interpose_check_table(struct interpose_target *it)
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

/*
 * What DM core asks about the devices below
 */
int interpose_iterate_devices(struct dm_target *ti,
			      iterate_devices_callout_fn fn, void *data)
{
	struct interpose_target *it = to_interpose(ti);

	return it->inner.type->iterate_devices(&it->inner, fn, data);
}

void interpose_io_hints(struct dm_target *ti,
			struct queue_limits *limits)
{
	struct interpose_target *it = to_interpose(ti);

	it->inner.type->io_hints(&it->inner, limits);
	interpose_sync_target(it);
}
