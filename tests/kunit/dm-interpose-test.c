// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the target "interpose". They drive it like dmsetup does, on
 * disks of their own, and look at it from both sides: from the interposed
 * device's driver (blk-kunit-helpers.h), and from an inner target "kunit" that
 * notes what it is asked for (dm-kunit-helpers.h).
 */
#include "dm-core.h"

#include <kunit/resource.h>
#include <linux/blk-crypto-profile.h>
#include <linux/blk-interposer.h>
#include <linux/device-mapper.h>
#include <linux/file.h>
#include <linux/module.h>

#include "dm-kunit-helpers.h"

/* What the inner target is to do, and what it did. */
static struct dm_kunit_inner *const inner = &dm_kunit_inner;

/*
 * Fixtures
 */

/* A device's number, as in a table. */
static const char *devno(struct kunit *test, struct block_device *bdev)
{
	char *name = kunit_kzalloc(test, 16, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, name);
	return format_dev_t(name, bdev->bd_dev);
}

/* Arguments of a line: each %s is the device. */
static const char *args_for(struct kunit *test, const char *format,
			    struct block_device *bdev)
{
	const char *name = devno(test, bdev);
	char *args = kunit_kzalloc(test, 256, GFP_KERNEL);
	const char *pos;

	KUNIT_ASSERT_NOT_NULL(test, args);
	while ((pos = strstr(format, "%s"))) {
		strncat(args, format, pos - format);
		strlcat(args, name, 256);
		format = pos + 2;
	}
	strlcat(args, format, 256);
	return args;
}

static struct kunit_disk *test_disk(struct kunit *test)
{
	struct kunit_disk *kd = kunit_disk(test, .mq = true);

	inner->beneath = kd->bdev;
	return kd;
}

/* The interposer's state once the work after a resume has been done. */
static bool gate_opens(struct block_device *bdev)
{
	unsigned long deadline = jiffies + KUNIT_PATIENCE;
	struct blk_interposer *ip = bdev->bd_interposer;

	while (ip && READ_ONCE(ip->state) != BLK_INTERPOSER_OPEN) {
		if (time_after(jiffies, deadline))
			return false;
		schedule_timeout_uninterruptible(1);
	}
	return ip;
}

/* Mapped device "kunit" that interposes @bdev with the given line. */
static struct dm_kunit *interpose_bdev(struct kunit *test,
				       struct block_device *bdev,
				       const char *format)
{
	struct dm_kunit *m = dm_kunit_create(test, "kunit");
	struct dm_kunit_line line = {
		0, bdev_nr_sectors(bdev), "interpose", args_for(test, format, bdev)
	};

	KUNIT_ASSERT_EQ(test, dm_kunit_load_lines(m, 0, &line, 1), 0);
	KUNIT_ASSERT_EQ(test, dm_kunit_resume(m), 0);
	KUNIT_ASSERT_TRUE(test, gate_opens(bdev));
	return m;
}

static struct dm_kunit *interpose_args(struct kunit *test,
				       struct kunit_disk *dev,
				       const char *format)
{
	return interpose_bdev(test, dev->bdev, format);
}

static struct dm_kunit *interpose(struct kunit *test, struct kunit_disk *dev)
{
	return interpose_args(test, dev, "%s kunit %s");
}

KUNIT_DEFINE_ACTION_WRAPPER(fput_action, __fput_sync, struct file *);

/* The disk beneath the hook, opened; it is what the inner target was given. */
static struct block_device *open_beneath(struct kunit *test)
{
	struct file *file;
	dev_t devt;
	int r;

	KUNIT_ASSERT_EQ(test, dm_devt_from_path(inner->argv[0], &devt), 0);
	file = bdev_file_open_by_dev(devt, BLK_OPEN_READ, NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	r = kunit_add_action_or_reset(test, fput_action, file);
	KUNIT_ASSERT_EQ(test, r, 0);
	return file_bdev(file);
}

/* Nothing of an interposer is left at @dev, which works. */
static void expect_untouched(struct kunit *test, struct kunit_disk *dev)
{
	KUNIT_EXPECT_NULL(test, dev->bdev->bd_interposer);
	KUNIT_EXPECT_EQ(test, atomic_read(&dev->bdev->bd_openers), 0);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, inner->mapped, 0);
}

/*
 * Tables that are refused
 */
static const struct refused_args {
	const char *name;
	const char *args;
	int expected;
} refused_args[] = {
	{ "no argument", "", -EINVAL },
	{ "no inner type", "%s", -EINVAL },
	{ "no such device", "4000:1 kunit", -ENXIO },
	{ "an inner type that does not exist", "%s kunit-none %s", -EINVAL },
	{ "a feature that does not exist", "%s 1 frob kunit %s", -EINVAL },
	{ "more features than there are", "%s 2 pin frob kunit %s", -EINVAL },
	{ "fewer features than it says", "%s 1", -EINVAL },
	{ "an interposer inside an interposer", "%s interpose %s kunit", -EINVAL },
	{ "a request-based inner type", "%s kunit-rq %s", -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(refused_args, refused_args, name);

static void load_refuses_the_arguments(struct kunit *test)
{
	const struct refused_args *refused = test->param_value;
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");

	KUNIT_EXPECT_EQ(test, dm_kunit_load(m, args_for(test, refused->args, dev->bdev)),
			refused->expected);
	expect_untouched(test, dev);
}

static struct kunit_disk *zoned_disk(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_BLK_DEV_ZONED))
		kunit_skip(test, "needs CONFIG_BLK_DEV_ZONED");
	return kunit_disk(test, .mq = true,
			  .limits.features = BLK_FEAT_ZONED,
			  .limits.chunk_sectors = 256,
			  .limits.max_open_zones = 1,
			  .limits.max_active_zones = 1);
}

static struct kunit_disk *dax_disk(struct kunit *test)
{
	return kunit_disk(test, .mq = true, .limits.features = BLK_FEAT_DAX);
}

static struct kunit_disk *integrity_disk(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_BLK_DEV_INTEGRITY))
		kunit_skip(test, "needs CONFIG_BLK_DEV_INTEGRITY");
	return kunit_disk(test, .mq = true,
			  .limits.integrity.csum_type = BLK_INTEGRITY_CSUM_CRC,
			  .limits.integrity.tuple_size = 8);
}

static struct kunit_disk *read_only_disk(struct kunit *test)
{
	struct kunit_disk *kd = kunit_disk(test, .mq = true);

	set_disk_ro(kd->disk, true);
	return kd;
}

KUNIT_DEFINE_ACTION_WRAPPER(crypto_profile_action, blk_crypto_profile_destroy,
			    struct blk_crypto_profile *);

static struct kunit_disk *crypto_disk(struct kunit *test)
{
	struct kunit_disk *kd = kunit_disk(test, .mq = true);
	struct blk_crypto_profile *profile;
	int r;

	if (!IS_ENABLED(CONFIG_BLK_INLINE_ENCRYPTION))
		kunit_skip(test, "needs CONFIG_BLK_INLINE_ENCRYPTION");
	profile = kunit_kzalloc(test, sizeof(*profile), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, profile);
	KUNIT_ASSERT_EQ(test, blk_crypto_profile_init(profile, 0), 0);
	r = kunit_add_action_or_reset(test, crypto_profile_action, profile);
	KUNIT_ASSERT_EQ(test, r, 0);
	KUNIT_ASSERT_TRUE(test, blk_crypto_register(profile, kd->disk->queue));
	return kd;
}

static const struct refused_device {
	const char *name;
	struct kunit_disk *(*make)(struct kunit *test);
	int expected;
} refused_devices[] = {
	{ "zoned", zoned_disk, -EOPNOTSUPP },
	{ "with DAX", dax_disk, -EOPNOTSUPP },
	{ "with an integrity profile", integrity_disk, -EOPNOTSUPP },
	{ "with inline encryption", crypto_disk, -EOPNOTSUPP },
	{ "read-only", read_only_disk, -EROFS },
};

KUNIT_ARRAY_PARAM_DESC(refused_device, refused_devices, name);

static void load_refuses_the_device(struct kunit *test)
{
	const struct refused_device *refused = test->param_value;
	struct kunit_disk *dev = refused->make(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");
	const char *args = args_for(test, "%s kunit %s", dev->bdev);

	KUNIT_EXPECT_EQ(test, dm_kunit_load(m, args), refused->expected);
	KUNIT_EXPECT_EQ(test, atomic_read(&dev->bdev->bd_openers), 0);
	KUNIT_EXPECT_STREQ(test, inner->calls, "");
}

static void load_accepts_a_read_only_device_for_a_read_only_table(struct kunit *test)
{
	struct kunit_disk *dev = read_only_disk(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");
	const char *args = args_for(test, "%s kunit %s", dev->bdev);
	struct dm_kunit_line line = { 0, KUNIT_DISK_SECTORS, "interpose", args };

	KUNIT_EXPECT_EQ(test, dm_kunit_load_lines(m, DM_READONLY_FLAG, &line, 1), 0);
}

static void load_gives_the_error_of_the_inner_constructor(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");

	inner->ctr_error = -ENOSPC;
	KUNIT_EXPECT_EQ(test, dm_kunit_load(m, args_for(test, "%s kunit %s", dev->bdev)),
			-ENOSPC);
	expect_untouched(test, dev);
}

static void load_refuses_a_line_beyond_the_device(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");
	const char *args = args_for(test, "%s kunit %s", dev->bdev);
	struct dm_kunit_line line = { 0, KUNIT_DISK_SECTORS + 8, "interpose", args };

	KUNIT_EXPECT_EQ(test, dm_kunit_load_lines(m, 0, &line, 1), -EINVAL);
	expect_untouched(test, dev);
}

static void load_refuses_larger_blocks_than_the_device_has(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");

	inner->block_size = 4096;
	KUNIT_EXPECT_EQ(test, dm_kunit_load(m, args_for(test, "%s kunit %s", dev->bdev)),
			-EINVAL);
	expect_untouched(test, dev);
}

static void load_refuses_the_disk_beneath_an_interposer(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit2");
	const char *args;

	interpose(test, dev);
	args = args_for(test, "%s kunit %s", open_beneath(test));
	KUNIT_EXPECT_EQ(test, dm_kunit_load(m, args), -EINVAL);
}

static void load_refuses_a_device_that_is_interposed(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit2");

	interpose(test, dev);
	KUNIT_EXPECT_EQ(test, dm_kunit_load(m, args_for(test, "%s kunit %s", dev->bdev)),
			-EBUSY);
}

/* Mapped device "kunit2", linear on @dev. */
static struct dm_kunit *linear_on(struct kunit *test, struct kunit_disk *dev)
{
	struct dm_kunit *m = dm_kunit_create(test, "kunit2");
	struct dm_kunit_line line = { 0, KUNIT_DISK_SECTORS, "linear" };

	line.args = args_for(test, "%s 0", dev->bdev);
	KUNIT_ASSERT_EQ(test, dm_kunit_load_lines(m, 0, &line, 1), 0);
	KUNIT_ASSERT_EQ(test, dm_kunit_resume(m), 0);
	return m;
}

static void load_refuses_the_mapped_device_itself(struct kunit *test)
{
	struct dm_kunit *m = linear_on(test, test_disk(test));

	KUNIT_EXPECT_EQ(test, dm_kunit_load(m, args_for(test, "%s kunit %s",
							m->bdev)), -EINVAL);
}

static void resume_refuses_an_inner_target_on_the_device_itself(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *upper = linear_on(test, dev);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");
	char args[64];

	snprintf(args, sizeof(args), "%s kunit %s", devno(test, dev->bdev),
		 devno(test, upper->bdev));
	KUNIT_ASSERT_EQ(test, dm_kunit_load(m, args), 0);
	KUNIT_EXPECT_EQ(test, dm_kunit_resume(m), -ELOOP);
	KUNIT_EXPECT_NULL(test, dev->bdev->bd_interposer);
}

static void resume_refuses_lines_that_leave_a_rest(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");
	struct dm_kunit_line line = { 0, KUNIT_DISK_SECTORS - 8, "interpose" };

	line.args = args_for(test, "%s kunit %s", dev->bdev);
	KUNIT_ASSERT_EQ(test, dm_kunit_load_lines(m, 0, &line, 1), 0);
	KUNIT_EXPECT_EQ(test, dm_kunit_resume(m), -EINVAL);
	KUNIT_EXPECT_NULL(test, dev->bdev->bd_interposer);
}

static void resume_refuses_lines_of_other_types_beside(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");
	struct dm_kunit_line lines[] = {
		{ 0, 1024, "error", "" },
		{ 1024, 1024, "interpose" },
	};

	lines[1].args = args_for(test, "%s kunit %s", dev->bdev);
	KUNIT_ASSERT_EQ(test, dm_kunit_load_lines(m, 0, lines, 2), 0);
	KUNIT_EXPECT_EQ(test, dm_kunit_resume(m), -EINVAL);
	KUNIT_EXPECT_NULL(test, dev->bdev->bd_interposer);
}

static void resume_that_the_inner_target_refuses_attaches_nothing(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");

	inner->preresume_error = -ENOSPC;
	KUNIT_ASSERT_EQ(test, dm_kunit_load(m, args_for(test, "%s kunit %s", dev->bdev)),
			0);
	KUNIT_EXPECT_EQ(test, dm_kunit_resume(m), -ENOSPC);
	KUNIT_EXPECT_NULL(test, dev->bdev->bd_interposer);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

/*
 * What the inner target gets
 */
static void inner_target_gets_the_disk_beneath_for_the_device(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);

	interpose_args(test, dev, "%s kunit %s more %s");

	KUNIT_EXPECT_STRNEQ(test, inner->argv[0], devno(test, dev->bdev));
	KUNIT_EXPECT_STREQ(test, inner->argv[2], inner->argv[0]);
}

static void inner_target_gets_other_arguments_as_they_are(struct kunit *test)
{
	interpose_args(test, test_disk(test), "%s kunit %s 17 more");

	KUNIT_EXPECT_EQ(test, inner->argc, 3);
	KUNIT_EXPECT_STREQ(test, inner->argv[1], "17");
	KUNIT_EXPECT_STREQ(test, inner->argv[2], "more");
}

static void inner_target_without_arguments_gets_the_disk_beneath(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);

	interpose_args(test, dev, "%s kunit");

	KUNIT_EXPECT_EQ(test, inner->argc, 1);
	KUNIT_EXPECT_STRNEQ(test, inner->argv[0], devno(test, dev->bdev));
}

static void line_has_the_properties_of_the_inner_target(struct kunit *test)
{
	struct dm_target *ti;

	interpose(test, test_disk(test));

	ti = dm_table_get_target(inner->ti->table, 0);
	KUNIT_EXPECT_EQ(test, ti->num_flush_bios, 1);
	KUNIT_EXPECT_EQ(test, ti->num_discard_bios, 1);
	KUNIT_EXPECT_TRUE(test, dm_target_supports_nowait(ti->type));
	KUNIT_EXPECT_NULL(test, ti->type->end_io);
}

static void line_does_not_pass_encryption(struct kunit *test)
{
	struct dm_target *ti;

	interpose(test, test_disk(test));

	ti = dm_table_get_target(inner->ti->table, 0);
	KUNIT_EXPECT_FALSE(test, dm_target_passes_crypto(ti->type));
}

static void methods_are_called_in_the_order_of_device_mapper(struct kunit *test)
{
	struct dm_kunit *m = interpose(test, test_disk(test));

	KUNIT_EXPECT_STREQ(test, inner->calls, "ctr preresume resume");
	*inner->calls = 0;
	KUNIT_ASSERT_EQ(test, dm_kunit_remove(m), 0);
	KUNIT_EXPECT_STREQ(test, inner->calls, "presuspend postsuspend dtr");
}

static void gate_is_open_while_the_inner_target_lets_go(struct kunit *test)
{
	struct dm_kunit *m = interpose(test, test_disk(test));

	KUNIT_ASSERT_EQ(test, dm_kunit_suspend(m, 0), 0);
	KUNIT_EXPECT_EQ(test, inner->gate_at_presuspend, BLK_INTERPOSER_OPEN);
}

static void memory_is_got_without_io_while_the_gate_is_closed(struct kunit *test)
{
	struct dm_kunit *m = interpose(test, test_disk(test));

	*inner->calls = 0;
	*inner->with_io = 0;
	KUNIT_ASSERT_EQ(test, dm_kunit_suspend(m, 0), 0);
	KUNIT_ASSERT_EQ(test, dm_kunit_resume(m), 0);
	KUNIT_EXPECT_STREQ(test, inner->calls,
			   "presuspend postsuspend preresume resume");
	KUNIT_EXPECT_STREQ(test, inner->with_io, "presuspend");
}

static void message_reaches_the_inner_target(struct kunit *test)
{
	struct dm_kunit *m = interpose(test, test_disk(test));

	*inner->calls = 0;
	KUNIT_EXPECT_EQ(test, dm_kunit_message(m, "hello world"), 0);
	KUNIT_EXPECT_STREQ(test, inner->calls, "hello");
}

static void message_for_the_interposer_does_not_reach_the_inner_target(struct kunit *test)
{
	struct dm_kunit *m = interpose(test, test_disk(test));

	*inner->calls = 0;
	KUNIT_EXPECT_EQ(test, dm_kunit_message(m, "interpose frob"), -EINVAL);
	KUNIT_EXPECT_STREQ(test, inner->calls, "");
}

/*
 * Bios
 */
static void bio_of_the_device_goes_through_the_inner_target(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);

	interpose(test, dev);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 24, 8);

	KUNIT_EXPECT_EQ(test, inner->mapped, 1);
	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, dev->log[0].sector, 24);
}

static void bio_of_each_line_goes_to_its_sector(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");
	const char *args = args_for(test, "%s kunit %s", dev->bdev);
	struct dm_kunit_line lines[] = {
		{ 0, 1024, "interpose", args },
		{ 1024, 1024, "interpose", args },
	};

	KUNIT_ASSERT_EQ(test, dm_kunit_load_lines(m, 0, lines, 2), 0);
	KUNIT_ASSERT_EQ(test, dm_kunit_resume(m), 0);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 1024 + 24, 8);

	KUNIT_EXPECT_EQ(test, inner->mapped, 1);
	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, dev->log[0].sector, 1024 + 24);
}

static void bio_of_the_disk_beneath_reaches_the_driver_only(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);

	interpose(test, dev);
	kunit_bio_do(test, open_beneath(test), REQ_OP_READ, 24, 8);

	KUNIT_EXPECT_EQ(test, inner->mapped, 0);
	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, dev->log[0].sector, 24);
}

static void bio_of_the_mapped_device_fails(struct kunit *test)
{
	struct dm_kunit *m = interpose(test, test_disk(test));
	struct kunit_bio *kb = kunit_bio(test, m->bdev, REQ_OP_READ, 0, 8);

	kunit_bio_submit(kb);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), -EIO);
	KUNIT_EXPECT_EQ(test, inner->mapped, 0);
}

static void flush_of_a_cacheless_device_reaches_the_inner_target(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);

	interpose(test, dev);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE | REQ_PREFLUSH, 0, 8);

	KUNIT_EXPECT_TRUE(test, inner->flags & REQ_PREFLUSH);
}

static void mapped_device_can_be_interposed(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *lower = linear_on(test, dev);
	struct dm_kunit *m = dm_kunit_create(test, "kunit");
	const char *args = args_for(test, "%s kunit %s", lower->bdev);

	KUNIT_ASSERT_EQ(test, dm_kunit_load(m, args), 0);
	KUNIT_ASSERT_EQ(test, dm_kunit_resume(m), 0);
	kunit_bio_do(test, lower->bdev, REQ_OP_WRITE, 24, 8);

	KUNIT_EXPECT_EQ(test, inner->mapped, 1);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

/*
 * What the inner target's map() may do to a bio that is mapped where it is. The
 * same is right with all bios on the way through DM core.
 */

/*
 * The clone of a bio that is still in the driver is used for the next one, unless the
 * module's parameter "direct" is off: then DM core has made it.
 */
static void bio_that_passes_needs_no_clone(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct kunit_bio *a = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_bio *b = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 16, 8);
	struct bio *clone;

	interpose(test, dev);
	dev->hold = true;
	migrate_disable();
	kunit_bio_submit(a);
	clone = inner->clone;
	kunit_bio_submit(b);
	migrate_enable();

	KUNIT_EXPECT_NOT_NULL(test, clone);
	KUNIT_EXPECT_EQ(test, inner->clone == clone,
			kunit_interposed_direct(dev->bdev));
	KUNIT_EXPECT_EQ(test, kunit_disk_held(dev), 2);
	kunit_disk_release(dev);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(a));
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(b));
	KUNIT_EXPECT_PTR_EQ(test, a->ended_bdev, dev->bdev);
	KUNIT_EXPECT_EQ(test, inner->mapped, 2);
	KUNIT_EXPECT_EQ(test, dev->count, 2);
}

static int map_four_sectors(struct bio *bio)
{
	if (bio_sectors(bio) > 4)
		dm_accept_partial_bio(bio, 4);
	return DM_MAPIO_REMAPPED;
}

static void bio_that_is_accepted_in_parts_reaches_the_driver_in_parts(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	unsigned int i;

	interpose(test, dev);
	inner->map = map_four_sectors;
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 24, 8);

	KUNIT_EXPECT_EQ(test, inner->mapped, 2);
	KUNIT_ASSERT_EQ(test, dev->count, 2);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, dev->log[i].sector, 24 + 4 * i);
		KUNIT_EXPECT_EQ(test, dev->log[i].sectors, 4);
	}
}

static int map_elsewhere(struct bio *bio)
{
	bio->bi_iter.bi_sector += 64;
	return DM_MAPIO_REMAPPED;
}

static void bio_that_is_sent_to_other_sectors_gets_there(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);

	interpose(test, dev);
	inner->map = map_elsewhere;
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 24, 8);

	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, dev->log[0].sector, 24 + 64);
}

static bio_end_io_t *hooked_end_io;
static atomic_t hooked;

static void end_io_hook(struct bio *bio)
{
	atomic_inc(&hooked);
	bio->bi_end_io = hooked_end_io;
	bio_endio(bio);
}

static int map_and_hook(struct bio *bio)
{
	hooked_end_io = bio->bi_end_io;
	bio->bi_end_io = end_io_hook;
	return DM_MAPIO_REMAPPED;
}

static void bio_whose_end_is_hooked_ends_there_first(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);

	interpose(test, dev);
	atomic_set(&hooked, 0);
	inner->map = map_and_hook;
	kunit_bio_do(test, dev->bdev, REQ_OP_READ, 24, 8);
	KUNIT_EXPECT_EQ(test, atomic_read(&hooked), 1);
}

static int map_and_mark(struct bio *bio)
{
	bio->bi_private = bio;
	return DM_MAPIO_REMAPPED;
}

static void bio_keeps_what_its_submitter_has_in_it(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_READ, 24, 8);
	void *private = kb->bio->bi_private;

	interpose(test, dev);
	inner->map = map_and_mark;
	kunit_bio_submit(kb);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_PTR_EQ(test, kb->bio->bi_private, private);
	KUNIT_EXPECT_PTR_EQ(test, kb->ended_bdev, dev->bdev);
}

static int map_and_change_flags(struct bio *bio)
{
	bio->bi_opf |= REQ_SYNC | REQ_IDLE;
	return DM_MAPIO_REMAPPED;
}

static void bio_gets_the_flags_that_map_gives_it(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);

	interpose(test, dev);
	inner->map = map_and_change_flags;
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 24, 8);
	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, (__force u32)(~dev->log[0].opf & (REQ_SYNC | REQ_IDLE)), 0);
}

/* The clone ends only when another bio has, which map() submits. */
static int map_and_chain(struct bio *bio)
{
	struct bio *other = bio_alloc_clone(bio->bi_bdev, bio, GFP_NOIO, &fs_bio_set);

	other->bi_iter.bi_sector += 64;
	bio_chain(other, bio);
	submit_bio_noacct(other);
	return DM_MAPIO_REMAPPED;
}

static void bio_waits_for_what_map_chains_to_it(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 24, 8);

	interpose(test, dev);
	inner->map = map_and_chain;
	dev->hold = true;
	kunit_bio_submit(kb);
	KUNIT_EXPECT_EQ(test, kunit_disk_held(dev), 2);
	KUNIT_EXPECT_FALSE(test, completion_done(&kb->done));
	kunit_disk_release(dev);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
	KUNIT_EXPECT_EQ(test, dev->count, 2);
}

static int map_and_fail(struct bio *bio)
{
	bio->bi_status = BLK_STS_MEDIUM;
	bio_endio(bio);
	return DM_MAPIO_SUBMITTED;
}

static void bio_that_map_fails_has_the_status_sector_and_device_it_came_with(struct kunit *test)
{
	struct kunit_disk *dev = kunit_disk(test, .mq = true, .partitions = true);
	struct block_device *part = kunit_disk_part(dev, 2);
	struct kunit_bio *kb;

	KUNIT_ASSERT_NOT_NULL(test, part);
	kb = kunit_bio(test, part, REQ_OP_READ, 24, 8);
	inner->beneath = part;
	interpose_bdev(test, part, "%s kunit %s");
	inner->map = map_and_fail;
	kunit_bio_submit(kb);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status),
			blk_status_to_errno(BLK_STS_MEDIUM));
	KUNIT_EXPECT_EQ(test, atomic_read(&kb->ended), 1);
	KUNIT_EXPECT_PTR_EQ(test, kb->ended_bdev, part);
	KUNIT_EXPECT_EQ(test, kb->bio->bi_iter.bi_sector, KUNIT_PART2_START + 24);
	KUNIT_EXPECT_EQ(test, dev->count, 0);
}

static DECLARE_COMPLETION(map_sleeps);
static DECLARE_COMPLETION(map_goes_on);

static int map_and_sleep(struct bio *bio)
{
	complete(&map_sleeps);
	wait_for_completion(&map_goes_on);
	return DM_MAPIO_REMAPPED;
}

static int call_submit(void *data)
{
	kunit_bio_submit(data);
	return 0;
}

static int call_suspend(void *data)
{
	return dm_kunit_suspend(data, 0);
}

/* Nor does the device's queue stay closed because of it. */
static void suspend_waits_for_a_map_that_sleeps(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 24, 8);
	struct kunit_call *submit, *suspend;

	reinit_completion(&map_sleeps);
	reinit_completion(&map_goes_on);
	inner->map = map_and_sleep;
	submit = kunit_call(test, call_submit, kb);
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&map_sleeps, KUNIT_PATIENCE));
	suspend = kunit_call(test, call_suspend, m);
	KUNIT_EXPECT_FALSE(test, kunit_call_returned(suspend, KUNIT_GRACE));
	blk_mq_freeze_queue(bdev_get_queue(dev->bdev));
	blk_mq_unfreeze_queue(bdev_get_queue(dev->bdev));

	complete(&map_goes_on);
	KUNIT_ASSERT_TRUE(test, kunit_call_returned(submit, KUNIT_PATIENCE));
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_ASSERT_TRUE(test, kunit_call_returned(suspend, KUNIT_PATIENCE));
	KUNIT_EXPECT_EQ(test, suspend->ret, 0);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

/* What io_uring's bios have: the clone is not from a cache, and is not put in one. */
static void clone_of_a_bio_from_a_cache_is_not_from_there(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);

	interpose(test, dev);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE | REQ_ALLOC_CACHE, 24, 8);
	KUNIT_EXPECT_FALSE(test, inner->flags & REQ_ALLOC_CACHE);
	inner->map = map_elsewhere;
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE | REQ_ALLOC_CACHE, 24, 8);
	KUNIT_EXPECT_FALSE(test, inner->flags & REQ_ALLOC_CACHE);
	KUNIT_EXPECT_EQ(test, inner->mapped, 2);
}

/* Its driver cannot poll, and would refuse it otherwise. */
static void polled_bio_completes_by_interrupt(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);

	interpose(test, dev);
	kunit_bio_do(test, dev->bdev, REQ_OP_READ | REQ_POLLED, 24, 8);
	inner->map = map_elsewhere;
	kunit_bio_do(test, dev->bdev, REQ_OP_READ | REQ_POLLED, 24, 8);
	KUNIT_EXPECT_EQ(test, inner->mapped, 2);
	KUNIT_EXPECT_EQ(test, dev->count, 2);
}

static int map_and_end(struct bio *bio)
{
	bio_endio(bio);
	return DM_MAPIO_SUBMITTED;
}

static void bio_that_map_ends_does_not_reach_the_driver(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);

	interpose(test, dev);
	inner->map = map_and_end;
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 24, 8);
	KUNIT_EXPECT_EQ(test, dev->count, 0);
}

static int map_and_kill(struct bio *bio)
{
	return DM_MAPIO_KILL;
}

static int map_and_push_back(struct bio *bio)
{
	return DM_MAPIO_REQUEUE;
}

static void bio_that_map_refuses_fails(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct kunit_bio *kill = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_bio *back = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);

	interpose(test, dev);
	inner->map = map_and_kill;
	kunit_bio_submit(kill);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kill));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kill->status), -EIO);

	/* as in DM core while nobody suspends */
	inner->map = map_and_push_back;
	kunit_bio_submit(back);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(back));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(back->status), -EIO);
	KUNIT_EXPECT_EQ(test, dev->count, 0);
}

/* @parts: how many clones the inner target has of a bio of eight sectors */
static void push_back(struct kunit *test, unsigned int parts)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 24, 8);
	unsigned int i;

	inner->hold = true;
	inner->push_back = true;
	kunit_bio_submit(kb);
	KUNIT_ASSERT_EQ(test, inner->mapped, parts);
	KUNIT_ASSERT_EQ(test, dm_kunit_suspend(m, DM_NOFLUSH_FLAG), 0);
	KUNIT_EXPECT_FALSE(test, completion_done(&kb->done));
	KUNIT_EXPECT_EQ(test, dev->count, 0);

	KUNIT_ASSERT_EQ(test, dm_kunit_resume(m), 0);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&kb->ended), 1);
	KUNIT_EXPECT_EQ(test, inner->mapped, 2 * parts);
	KUNIT_ASSERT_EQ(test, dev->count, parts);
	for (i = 0; i < parts; i++)
		KUNIT_EXPECT_EQ(test, dev->log[i].sectors, 8 / parts);
}

static void bio_that_is_pushed_back_is_mapped_again(struct kunit *test)
{
	push_back(test, 1);
}

static void parts_that_are_pushed_back_are_mapped_again(struct kunit *test)
{
	inner->map = map_four_sectors;
	push_back(test, 2);
}

static void suspend_waits_for_a_bio_that_has_passed(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 24, 8);
	struct kunit_call *call;

	dev->hold = true;
	kunit_bio_submit(kb);
	KUNIT_ASSERT_EQ(test, kunit_disk_held(dev), 1);
	call = kunit_call(test, call_suspend, m);
	KUNIT_EXPECT_FALSE(test, kunit_call_returned(call, KUNIT_GRACE));

	kunit_disk_release(dev);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_ASSERT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
	KUNIT_EXPECT_EQ(test, call->ret, 0);
}

/* The other one may be held by this very suspend. */
static void suspend_does_not_wait_for_what_is_chained_to_a_bio(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 24, 8);
	struct bio *other = bio_alloc_clone(dev->bdev, kb->bio, GFP_KERNEL, &fs_bio_set);
	struct kunit_call *call;

	other->bi_iter.bi_sector += 64;
	bio_chain(other, kb->bio);
	kunit_bio_submit(kb);
	call = kunit_call(test, call_suspend, m);
	if (!kunit_call_returned(call, KUNIT_PATIENCE)) {
		KUNIT_FAIL(test, "the suspend waits for both");
		bio_endio(other);
		kunit_bio_wait(kb);
		return;
	}
	KUNIT_EXPECT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_FALSE(test, completion_done(&kb->done));

	submit_bio_noacct(other);
	KUNIT_EXPECT_EQ(test, dm_kunit_resume(m), 0);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&kb->ended), 1);
	KUNIT_EXPECT_EQ(test, dev->count, 2);
}

/* submit_bio_noacct() keeps the flag for the inner target. */
static void driver_whose_cache_is_off_gets_no_fua(struct kunit *test)
{
	struct kunit_disk *dev =
		kunit_disk(test, .mq = true,
			   .limits.features = BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA,
			   .limits.flags = BLK_FLAG_WRITE_CACHE_DISABLED);

	inner->beneath = dev->bdev;
	interpose(test, dev);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE | REQ_FUA, 24, 8);
	KUNIT_EXPECT_TRUE(test, inner->flags & REQ_FUA);
	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, (__force u32)(dev->log[0].opf & REQ_FUA), 0);
}

/* As dm-snapshot and dm-stats suspend a device: no method of a target is called. */
static void bio_waits_during_a_suspend_that_no_target_is_told_of(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 24, 8);
	struct mapped_device *md = m->bdev->bd_disk->private_data;
	unsigned int mapped;

	dm_internal_suspend_fast(md);
	kunit_bio_submit(kb);
	mapped = inner->mapped;
	dm_internal_resume_fast(md);

	KUNIT_EXPECT_EQ(test, mapped, 0);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
	KUNIT_EXPECT_EQ(test, inner->mapped, 1);
}

/*
 * Suspend, reload and remove
 */
static void bio_waits_while_the_mapped_device_is_suspended(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);

	KUNIT_ASSERT_EQ(test, dm_kunit_suspend(m, 0), 0);
	kunit_bio_submit(kb);
	KUNIT_EXPECT_EQ(test, blk_interposer_held(dev->bdev->bd_interposer), 1);
	KUNIT_EXPECT_EQ(test, dev->count, 0);

	KUNIT_ASSERT_EQ(test, dm_kunit_resume(m), 0);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, inner->mapped, 1);
}

static void bio_that_waits_reaches_the_driver_when_removed(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);

	KUNIT_ASSERT_EQ(test, dm_kunit_suspend(m, 0), 0);
	kunit_bio_submit(kb);
	KUNIT_ASSERT_EQ(test, dm_kunit_remove(m), 0);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
	KUNIT_EXPECT_EQ(test, inner->mapped, 0);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

static int call_remove(void *m)
{
	return dm_kunit_remove(m);
}

static void remove_does_not_wait_for_what_presuspend_lets_go(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	struct kunit_call *call;

	inner->hold = true;
	kunit_bio_submit(kb);
	KUNIT_ASSERT_EQ(test, inner->mapped, 1);
	call = kunit_call(test, call_remove, m);

	KUNIT_ASSERT_TRUE(test, kunit_call_returned(call, KUNIT_PATIENCE));
	KUNIT_EXPECT_EQ(test, call->ret, 0);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
}

/* DM core parks the data of a flush that completes while it is suspended. */
static void parked_data_of_a_flush_reaches_the_driver_when_removed(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE |
					 REQ_PREFLUSH, 24, 8);

	inner->hold = true;
	kunit_bio_submit(kb);
	KUNIT_ASSERT_EQ(test, dm_kunit_suspend(m, DM_NOFLUSH_FLAG), 0);
	KUNIT_EXPECT_FALSE(test, completion_done(&kb->done));
	KUNIT_ASSERT_EQ(test, dm_kunit_remove(m), 0);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
	KUNIT_ASSERT_EQ(test, dev->count, 1);
	KUNIT_EXPECT_EQ(test, dev->log[0].sector, 24);
}

static void remove_leaves_nothing_behind(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);

	KUNIT_ASSERT_EQ(test, dm_kunit_remove(m), 0);
	expect_untouched(test, dev);
}

static void disk_beneath_works_for_its_openers_after_remove(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct block_device *bdev = open_beneath(test);

	KUNIT_ASSERT_EQ(test, dm_kunit_remove(m), 0);
	kunit_bio_do(test, bdev, REQ_OP_READ, 24, 8);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

static void reload_keeps_the_attachment(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct blk_interposer *ip = dev->bdev->bd_interposer;

	KUNIT_ASSERT_EQ(test, dm_kunit_load(m, args_for(test, "%s kunit", dev->bdev)),
			0);
	KUNIT_ASSERT_EQ(test, dm_kunit_suspend(m, 0), 0);
	KUNIT_EXPECT_PTR_EQ(test, dev->bdev->bd_interposer, ip);
	KUNIT_ASSERT_EQ(test, dm_kunit_resume(m), 0);
	KUNIT_EXPECT_PTR_EQ(test, dev->bdev->bd_interposer, ip);
	KUNIT_EXPECT_STREQ(test, inner->calls,
			   "ctr preresume resume ctr presuspend postsuspend preresume resume dtr");
}

static void reload_that_fails_loses_no_bio(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);

	KUNIT_ASSERT_EQ(test, dm_kunit_load(m, args_for(test, "%s kunit", dev->bdev)),
			0);
	inner->preresume_error = -ENOSPC;
	KUNIT_ASSERT_EQ(test, dm_kunit_resume(m), -ENOSPC);
	kunit_bio_submit(kb);
	KUNIT_ASSERT_EQ(test, dm_kunit_remove(m), 0);

	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(kb->status), 0);
	KUNIT_EXPECT_EQ(test, dev->count, 1);
}

static void reload_to_another_type_detaches(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct dm_kunit_line line = { 0, KUNIT_DISK_SECTORS, "error", "" };

	KUNIT_ASSERT_EQ(test, dm_kunit_load_lines(m, 0, &line, 1), 0);
	KUNIT_ASSERT_EQ(test, dm_kunit_resume(m), 0);
	expect_untouched(test, dev);
}

/*
 * Pin, table and status
 */
static void pinned_device_is_not_removed(struct kunit *test)
{
	struct dm_kunit *m = interpose_args(test, test_disk(test),
					  "%s 1 pin kunit %s");

	KUNIT_EXPECT_EQ(test, dm_kunit_remove(m), -EBUSY);
	KUNIT_EXPECT_EQ(test, dm_kunit_message(m, "interpose unpin"), 0);
	KUNIT_EXPECT_EQ(test, dm_kunit_remove(m), 0);
}

static void device_can_be_pinned_by_a_message(struct kunit *test)
{
	struct dm_kunit *m = interpose(test, test_disk(test));

	KUNIT_EXPECT_EQ(test, dm_kunit_message(m, "interpose pin"), 0);
	KUNIT_EXPECT_EQ(test, dm_kunit_remove(m), -EBUSY);
}

static void table_can_be_loaded_again(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	const char *args = args_for(test, "%s 1 pin kunit %s more", dev->bdev);
	struct dm_kunit *m = interpose_args(test, dev, "%s 1 pin kunit %s more");

	KUNIT_EXPECT_STREQ(test, dm_kunit_status(m, DM_STATUS_TABLE_FLAG), args);
}

/* DM core takes a full buffer for one that was too small. */
static void table_that_does_not_fit_fills_the_buffer(struct kunit *test)
{
	char whole[128], part[128];
	struct dm_target *ti;
	unsigned int size;

	interpose(test, test_disk(test));
	ti = dm_table_get_target(inner->ti->table, 0);
	ti->type->status(ti, STATUSTYPE_TABLE, 0, whole, sizeof(whole));
	KUNIT_ASSERT_LT(test, strlen(whole), sizeof(whole) - 8);

	for (size = 1; size < strlen(whole) + 8; size++) {
		ti->type->status(ti, STATUSTYPE_TABLE, 0, part, size);
		if (strlen(part) + 1 != size)
			KUNIT_EXPECT_STREQ_MSG(test, part, whole,
					       "in %u bytes", size);
	}
}

/* Also of an inner target that has nothing to say. */
static void measured_text_names_the_inner_target(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	char text[128], expected[128];
	struct dm_target *ti;

	interpose(test, dev);
	ti = dm_table_get_target(inner->ti->table, 0);
	ti->type->status(ti, STATUSTYPE_IMA, 0, text, sizeof(text));
	snprintf(expected, sizeof(expected),
		 "target_name=interpose,target_version=%u.%u.%u,device=%s,inner_type=kunit,inner=;",
		 ti->type->version[0], ti->type->version[1],
		 ti->type->version[2], devno(test, dev->bdev));
	KUNIT_EXPECT_STREQ(test, text, expected);
}

static void status_tells_how_many_bios_were_redirected(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	char expected[80];

	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	kunit_bio_do(test, dev->bdev, REQ_OP_WRITE, 8, 8);

	snprintf(expected, sizeof(expected),
		 "attached %s %pg 2 0 - kunit 2 mapped", devno(test, dev->bdev),
		 open_beneath(test));
	KUNIT_EXPECT_STREQ(test, dm_kunit_status(m, 0), expected);
}

static void status_tells_how_many_bios_wait(struct kunit *test)
{
	struct kunit_disk *dev = test_disk(test);
	struct dm_kunit *m = interpose(test, dev);
	struct kunit_bio *kb = kunit_bio(test, dev->bdev, REQ_OP_WRITE, 0, 8);
	char expected[80];

	KUNIT_ASSERT_EQ(test, dm_kunit_suspend(m, 0), 0);
	kunit_bio_submit(kb);

	snprintf(expected, sizeof(expected),
		 "held %s %pg 1 1 - kunit 0 mapped", devno(test, dev->bdev),
		 open_beneath(test));
	KUNIT_EXPECT_STREQ(test, dm_kunit_status(m, DM_NOFLUSH_FLAG), expected);
}

static int dm_interpose_init(struct kunit *test)
{
	memset(inner, 0, sizeof(*inner));
	return 0;
}

static int dm_interpose_suite_init(struct kunit_suite *suite)
{
	return dm_kunit_init();
}

static void dm_interpose_suite_exit(struct kunit_suite *suite)
{
	dm_kunit_exit();
}

static struct kunit_case dm_interpose_cases[] = {
	KUNIT_CASE_PARAM(load_refuses_the_arguments, refused_args_gen_params),
	KUNIT_CASE_PARAM(load_refuses_the_device, refused_device_gen_params),
	KUNIT_CASE(load_accepts_a_read_only_device_for_a_read_only_table),
	KUNIT_CASE(load_gives_the_error_of_the_inner_constructor),
	KUNIT_CASE(load_refuses_a_line_beyond_the_device),
	KUNIT_CASE(load_refuses_larger_blocks_than_the_device_has),
	KUNIT_CASE(load_refuses_the_mapped_device_itself),
	KUNIT_CASE(load_refuses_the_disk_beneath_an_interposer),
	KUNIT_CASE(load_refuses_a_device_that_is_interposed),
	KUNIT_CASE(resume_refuses_an_inner_target_on_the_device_itself),
	KUNIT_CASE(resume_refuses_lines_that_leave_a_rest),
	KUNIT_CASE(resume_refuses_lines_of_other_types_beside),
	KUNIT_CASE(resume_that_the_inner_target_refuses_attaches_nothing),
	KUNIT_CASE(inner_target_gets_the_disk_beneath_for_the_device),
	KUNIT_CASE(inner_target_gets_other_arguments_as_they_are),
	KUNIT_CASE(inner_target_without_arguments_gets_the_disk_beneath),
	KUNIT_CASE(line_has_the_properties_of_the_inner_target),
	KUNIT_CASE(line_does_not_pass_encryption),
	KUNIT_CASE(methods_are_called_in_the_order_of_device_mapper),
	KUNIT_CASE(gate_is_open_while_the_inner_target_lets_go),
	KUNIT_CASE(memory_is_got_without_io_while_the_gate_is_closed),
	KUNIT_CASE(message_reaches_the_inner_target),
	KUNIT_CASE(message_for_the_interposer_does_not_reach_the_inner_target),
	KUNIT_CASE(bio_of_the_device_goes_through_the_inner_target),
	KUNIT_CASE(bio_of_each_line_goes_to_its_sector),
	KUNIT_CASE(bio_of_the_disk_beneath_reaches_the_driver_only),
	KUNIT_CASE(bio_of_the_mapped_device_fails),
	KUNIT_CASE(flush_of_a_cacheless_device_reaches_the_inner_target),
	KUNIT_CASE(mapped_device_can_be_interposed),
	KUNIT_CASE(bio_that_passes_needs_no_clone),
	KUNIT_CASE(bio_that_is_accepted_in_parts_reaches_the_driver_in_parts),
	KUNIT_CASE(bio_that_is_sent_to_other_sectors_gets_there),
	KUNIT_CASE(bio_whose_end_is_hooked_ends_there_first),
	KUNIT_CASE(bio_keeps_what_its_submitter_has_in_it),
	KUNIT_CASE(bio_gets_the_flags_that_map_gives_it),
	KUNIT_CASE(bio_waits_for_what_map_chains_to_it),
	KUNIT_CASE(bio_that_map_fails_has_the_status_sector_and_device_it_came_with),
	KUNIT_CASE(suspend_waits_for_a_map_that_sleeps),
	KUNIT_CASE(clone_of_a_bio_from_a_cache_is_not_from_there),
	KUNIT_CASE(polled_bio_completes_by_interrupt),
	KUNIT_CASE(bio_that_map_ends_does_not_reach_the_driver),
	KUNIT_CASE(bio_that_map_refuses_fails),
	KUNIT_CASE(bio_that_is_pushed_back_is_mapped_again),
	KUNIT_CASE(parts_that_are_pushed_back_are_mapped_again),
	KUNIT_CASE(suspend_waits_for_a_bio_that_has_passed),
	KUNIT_CASE(suspend_does_not_wait_for_what_is_chained_to_a_bio),
	KUNIT_CASE(driver_whose_cache_is_off_gets_no_fua),
	KUNIT_CASE(bio_waits_during_a_suspend_that_no_target_is_told_of),
	KUNIT_CASE(bio_waits_while_the_mapped_device_is_suspended),
	KUNIT_CASE(bio_that_waits_reaches_the_driver_when_removed),
	KUNIT_CASE(remove_does_not_wait_for_what_presuspend_lets_go),
	KUNIT_CASE(parked_data_of_a_flush_reaches_the_driver_when_removed),
	KUNIT_CASE(remove_leaves_nothing_behind),
	KUNIT_CASE(disk_beneath_works_for_its_openers_after_remove),
	KUNIT_CASE(reload_keeps_the_attachment),
	KUNIT_CASE(reload_that_fails_loses_no_bio),
	KUNIT_CASE(reload_to_another_type_detaches),
	KUNIT_CASE(pinned_device_is_not_removed),
	KUNIT_CASE(device_can_be_pinned_by_a_message),
	KUNIT_CASE(table_can_be_loaded_again),
	KUNIT_CASE(table_that_does_not_fit_fills_the_buffer),
	KUNIT_CASE(measured_text_names_the_inner_target),
	KUNIT_CASE(status_tells_how_many_bios_were_redirected),
	KUNIT_CASE(status_tells_how_many_bios_wait),
	{}
};

static struct kunit_suite dm_interpose_suite = {
	.name = "dm_interpose",
	.suite_init = dm_interpose_suite_init,
	.suite_exit = dm_interpose_suite_exit,
	.init = dm_interpose_init,
	.test_cases = dm_interpose_cases,
};

kunit_test_suite(dm_interpose_suite);

MODULE_DESCRIPTION("KUnit tests of the device-mapper target interpose");
MODULE_LICENSE("GPL");
