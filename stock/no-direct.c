// SPDX-License-Identifier: GPL-2.0-only
/* All bios go through DM core: see direct.c, which this is included in. */
#include "../drivers/md/dm-interpose.h"

#define INTERPOSE_NOT_DIRECT \
	"all bios go through device-mapper, because this kernel's types are not known"

static int interpose_direct_set(const char *value, const struct kernel_param *kp)
{
	bool on;
	int r = kstrtobool(value, &on);

	if (r || !on)
		return r;
	DMERR("direct: " INTERPOSE_NOT_DIRECT);
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
MODULE_PARM_DESC(direct, "Map bios where they are, without DM core: not on this kernel");

int interpose_direct_init(struct interpose_dev *dev)
{
	pr_info_once(DM_MSG_PREFIX ": " INTERPOSE_NOT_DIRECT "\n");
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
