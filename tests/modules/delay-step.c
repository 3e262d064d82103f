// SPDX-License-Identifier: GPL-2.0-only
/*
 * delay-step: keep the next call of a function waiting, so that others can run
 *
 *	echo FUNCTION > /sys/module/delay_step/parameters/step
 *	cat /sys/module/delay_step/parameters/step	1 while it waits
 *	echo > /sys/module/delay_step/parameters/step	it goes on
 *
 * It sleeps before the function begins: that has to be one that may sleep, with
 * no more than six arguments, none of them a structure. Where ftrace calls others at
 * its beginning, it sleeps after all of these, such as a hook that may have taken the
 * call: then that call does not count.
 *
 * The probe's handler must not wait. It runs with interrupts off, and whoever
 * waits for that processor, such as for a grace period or for code to be changed,
 * would wait with it. So it sends the task to delay_step_wait(), which waits and
 * then calls the function, past the probe.
 */
#include <linux/atomic.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>
#include <asm/text-patching.h>

typedef long delay_step_fn(long a, long b, long c, long d, long e, long f);

static DEFINE_MUTEX(delay_step_lock); /* arming and disarming */
static DECLARE_WAIT_QUEUE_HEAD(delay_step_queue);
static char function[512];
static delay_step_fn *delayed; /* set before the probe can be hit */
static atomic_t calls, waits;
static bool goes_on, armed;

/* The caller of the function gets what that returns. */
static long delay_step_wait(long a, long b, long c, long d, long e, long f)
{
	delay_step_fn *call = delayed;

	wait_event(delay_step_queue, READ_ONCE(goes_on));
	if (atomic_dec_and_test(&waits))
		wake_up_all(&delay_step_queue);
	return call(a, b, c, d, e, f);
}

static int delay_step_hit(struct kprobe *probe, struct pt_regs *regs)
{
	if (atomic_inc_return(&calls) != 1)
		return 0;
	atomic_inc(&waits);
	regs->ip = (unsigned long)delay_step_wait;
	return 1;
}
NOKPROBE_SYMBOL(delay_step_hit);

/* Where there is one, kprobes make no jump of the probe, which ignores ->ip. */
static void delay_step_hit_not(struct kprobe *probe, struct pt_regs *regs,
			       unsigned long flags)
{
}
NOKPROBE_SYMBOL(delay_step_hit_not);

static struct kprobe delay_step_probe;

/*
 * Where ftrace has a nop at the beginning, that is where the probe gets, and then its
 * handler would come before other calls there. So it moves behind the nop.
 */
static int register_at_the_body(struct kprobe *probe)
{
	kprobe_opcode_t *body;
	int ret = register_kprobe(probe);

	if (ret || !kprobe_ftrace(probe))
		return ret;
	body = probe->addr + CALL_INSN_SIZE;
	unregister_kprobe(probe);
	*probe = (struct kprobe){
		.addr = body,
		.flags = KPROBE_FLAG_DISABLED,
		.pre_handler = delay_step_hit,
		.post_handler = delay_step_hit_not,
	};
	return register_kprobe(probe);
}

/* Concurrency: nobody hits the probe any more, and who has hit it is let go. */
static void disarm(void)
{
	if (armed)
		unregister_kprobe(&delay_step_probe);
	armed = false;
	WRITE_ONCE(goes_on, true);
	wake_up_all(&delay_step_queue);
	wait_event(delay_step_queue, !atomic_read(&waits));
}

static int delay_step_set(const char *text, const struct kernel_param *kp)
{
	int ret = 0;

	mutex_lock(&delay_step_lock);
	disarm();
	if (*skip_spaces(text)) {
		delay_step_probe = (struct kprobe){
			.symbol_name = function,
			.flags = KPROBE_FLAG_DISABLED,
			.pre_handler = delay_step_hit,
			.post_handler = delay_step_hit_not,
		};
		atomic_set(&calls, 0);
		WRITE_ONCE(goes_on, false);
		if (sscanf(text, "%511s", function) != 1)
			ret = -EINVAL;
		else
			ret = register_at_the_body(&delay_step_probe);
		armed = !ret;
		if (armed) {
			delayed = (delay_step_fn *)delay_step_probe.addr;
			ret = enable_kprobe(&delay_step_probe);
		}
	}
	mutex_unlock(&delay_step_lock);
	return ret;
}

static int delay_step_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&waits));
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
	/* whoever waited is still on the way out of delay_step_wait() */
	synchronize_rcu_tasks();
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
