// SPDX-License-Identifier: GPL-2.0-only
/*
 * On a stock kernel all bios go through DM core: what drivers/md/dm-interpose-direct.c
 * needs of it, struct dm_io above all, is in no header there, and __submit_bio() has
 * no place for the test.
 */
#include <linux/module.h>

#include "private/dm-core.h"
#include "../drivers/md/dm-interpose.h"

static int interpose_direct_set(const char *value, const struct kernel_param *kp)
{
	bool on;
	int r = kstrtobool(value, &on);

	if (r || !on)
		return r;
	DMERR("direct: all bios go through device-mapper on a stock kernel; use a patched one");
	return -EOPNOTSUPP;
}

static int interpose_direct_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "N\n");
}

static const struct kernel_param_ops interpose_direct_ops = {
	.set = interpose_direct_set,
	.get = interpose_direct_get,
};

module_param_cb(direct, &interpose_direct_ops, NULL, 0644);
MODULE_PARM_DESC(direct, "Map bios where they are, without DM core: not on a stock kernel");

int interpose_direct_init(struct interpose_dev *dev)
{
	return 0;
}

void interpose_direct_exit(struct interpose_dev *dev)
{
}

void interpose_direct_publish(struct interpose_dev *dev)
{
}

void interpose_direct_resume(struct interpose_target *it)
{
}

void interpose_direct_open(struct interpose_dev *dev)
{
}

void interpose_direct_leave(void)
{
}

void *interpose_enter(struct blk_interposer *ip, struct bio *bio,
		      sector_t sector)
{
	return NULL;
}

bool interpose_map_direct(struct blk_interposer *ip, struct bio *bio,
			  void *token)
{
	return false;
}
