// SPDX-License-Identifier: GPL-2.0-only
/*
 * live-patch: replace a function that is asked something of a bio
 *
 *	modprobe live-patch function=bio_integrity_prep answer=1
 *	cat /sys/module/live_patch/parameters/calls		how often it was asked
 *	echo 0 > /sys/kernel/livepatch/live_patch/enabled	before it is unloaded
 *
 * In place of the function, one runs that always gives the same answer: right for
 * bio_integrity_prep() where no disk has integrity. With ends=1 it ends the bio first, as
 * a kernel might in which bios take another way.
 */
#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

static char function[KSYM_NAME_LEN];
module_param_string(function, function, sizeof(function), 0400);
MODULE_PARM_DESC(function, "which is replaced: bool FUNCTION(struct bio *)");

static bool answer;
module_param(answer, bool, 0400);
MODULE_PARM_DESC(answer, "what it returns");

static bool ends;
module_param(ends, bool, 0400);
MODULE_PARM_DESC(ends, "whether it ends the bio, without any error");

static atomic_t calls;

static int live_patch_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&calls));
}

static const struct kernel_param_ops live_patch_ops = {
	.get = live_patch_get,
};

module_param_cb(calls, &live_patch_ops, NULL, 0400);
MODULE_PARM_DESC(calls, "how often it was called");

static bool live_patch_answer(struct bio *bio)
{
	atomic_inc(&calls);
	if (ends)
		bio_endio(bio);
	return answer;
}

static struct klp_func functions[] = {
	{ .old_name = function, .new_func = live_patch_answer },
	{ }
};

static struct klp_object objects[] = {
	{ .funcs = functions },
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init live_patch_init(void)
{
	return klp_enable_patch(&patch);
}
module_init(live_patch_init);

/* The kernel lets it go only when the patch is disabled, and no task is in it. */
static void __exit live_patch_exit(void)
{
}
module_exit(live_patch_exit);

MODULE_DESCRIPTION("Replace a function of the kernel by a live patch");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
/* built outside of the tree, which is no reason to taint the kernel here */
MODULE_INFO(intree, "Y");
