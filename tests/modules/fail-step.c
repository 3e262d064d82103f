// SPDX-License-Identifier: GPL-2.0-only
/*
 * fail-step: make the nth call of a function fail, without running it
 *
 *	echo "FUNCTION CALLER NTH RESULT" > /sys/module/fail_step/parameters/step
 *	echo "FUNCTION CALLER NTH RESULT every" > ...	each NTH call
 *	echo "FUNCTION CALLER NTH RESULT patient" > ...	the same, of those that
 *		have not __GFP_HIGH in their second argument: who allocates and must
 *		not wait gets memory
 *	cat /sys/module/fail_step/parameters/step	how many calls there were
 *	echo > /sys/module/fail_step/parameters/step	no more
 *
 * Only calls from a function whose name begins with CALLER, or with one of several
 * that are separated by commas, count, of any task; "*" stands for any caller.
 * Kernels with fail_function do the same for those functions only that have been
 * marked in the source.
 */
#include <linux/gfp.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/objtool.h>

static DEFINE_MUTEX(fail_step_lock); /* arming and disarming */
static char function[512], caller[512];
static unsigned int nth;
static long result;
static atomic_t calls;
static bool armed, every, patient;

/* Where the probe sends the task: back to the caller. */
void fail_step_return(void);
asm(".pushsection .text\n"
    ".type fail_step_return, @function\n"
    "fail_step_return:\n"
    ANNOTATE_NOENDBR "\n"
    ASM_RET
    ".size fail_step_return, . - fail_step_return\n"
    ".popsection\n");

static bool called_by_the_caller(struct pt_regs *regs)
{
	const char *begin = caller;
	char name[KSYM_NAME_LEN];
	size_t length;

	if (!strcmp(caller, "*"))
		return true;
	/* at its entry, the return address is on top of the stack */
	sprint_symbol_no_offset(name, *(unsigned long *)regs->sp - 1);
	for (; *begin; begin += length + (begin[length] == ',')) {
		length = strcspn(begin, ",");
		if (!strncmp(name, begin, length))
			return true;
	}
	return false;
}

static int fail_step_hit(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned int call;

	if (!called_by_the_caller(regs))
		return 0;
	if (patient && regs->si & (__force unsigned long)__GFP_HIGH)
		return 0;
	call = atomic_inc_return(&calls);
	if (every ? call % nth : call != nth)
		return 0;
	regs->ax = result;
	regs->ip = (unsigned long)fail_step_return;
	return 1;
}
NOKPROBE_SYMBOL(fail_step_hit);

/* Where there is one, kprobes make no jump of the probe, which ignores ->ip. */
static void fail_step_hit_not(struct kprobe *probe, struct pt_regs *regs,
			      unsigned long flags)
{
}
NOKPROBE_SYMBOL(fail_step_hit_not);

static struct kprobe fail_step_probe;

static void disarm(void)
{
	if (armed)
		unregister_kprobe(&fail_step_probe);
	armed = false;
}

static int fail_step_set(const char *text, const struct kernel_param *kp)
{
	char mode[8] = "";
	int ret = 0;

	mutex_lock(&fail_step_lock);
	disarm();
	if (*skip_spaces(text)) {
		fail_step_probe = (struct kprobe){
			.symbol_name = function,
			.pre_handler = fail_step_hit,
			.post_handler = fail_step_hit_not,
		};
		atomic_set(&calls, 0);
		if (sscanf(text, "%511s %511s %u %ld %7s", function, caller,
			   &nth, &result, mode) < 4)
			ret = -EINVAL;
		patient = !strcmp(mode, "patient");
		every = nth && (patient || !strcmp(mode, "every"));
		if (!ret)
			ret = register_kprobe(&fail_step_probe);
		armed = !ret;
	}
	mutex_unlock(&fail_step_lock);
	return ret;
}

static int fail_step_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&calls));
}

static const struct kernel_param_ops fail_step_ops = {
	.set = fail_step_set,
	.get = fail_step_get,
};

module_param_cb(step, &fail_step_ops, NULL, 0600);
MODULE_PARM_DESC(step, "FUNCTION CALLER NTH RESULT; reads as the number of calls");

static void __exit fail_step_exit(void)
{
	disarm();
}
module_exit(fail_step_exit);

static int __init fail_step_init(void)
{
	return 0;
}
module_init(fail_step_init);

MODULE_DESCRIPTION("Make a call of a kernel function fail");
MODULE_LICENSE("GPL");
/* built outside of the tree, which is no reason to taint the kernel here */
MODULE_INFO(intree, "Y");
