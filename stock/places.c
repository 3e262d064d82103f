// SPDX-License-Identifier: GPL-2.0
/*
 * The places of a stock kernel at which the hook stands.
 *
 * Each is the beginning of a function, where a kernel with ftrace has a nop. It is
 * changed for a call to a trampoline of ours (a direct call, as BPF's fentry has it),
 * which asks a function of hooks.c. While nothing is interposed, the nop is there.
 *
 * Of the places in the patches, what each is here (6.12; and 7.2 and 7.3, where
 * blk_mq_submit_bio() has another place):
 *
 *  blk_mq_submit_bio()     bio_integrity_prep(), which that calls with q_usage_counter
 *                          held, and from which false means "it has been taken". A bio
 *                          that may have to be split first comes to bio_split_rw() and
 *                          its like, with q_usage_counter held too, from which NULL
 *                          means the same. There it is taken whole: a part of it would
 *                          hold the device's own mempool, which those beneath need.
 *                          Between that and the place in the patches the bio may fail
 *                          for not being in whole blocks, or for being polled, as it
 *                          would without an interposer.
 *  blk_mq_submit_bio()     in 7.x, where bio_integrity_prep() returns nothing: around
 *                          blk_mq_submit_bio(). The hook at its beginning takes
 *                          q_usage_counter itself, and looks. A bio that is not taken
 *                          goes on with that held, as long as an attach may be near;
 *                          then the hook of __bio_queue_enter() sees to it that the
 *                          function's own reference does not have to wait. That hook
 *                          also looks at each bio that has slept at the queue. Why
 *                          nobody gets by: see stock_arm(). The flags of a bio that
 *                          goes on to the driver are cleared when it becomes a part
 *                          of a request: see stock_probe_request().
 *  __submit_bio()          the driver's ->submit_bio(), of the interposed device and of
 *                          the owner. Whoever has called it holds q_usage_counter. A
 *                          part that is bounced meets the gate a second time, and if
 *                          that has been closed meanwhile it waits there.
 *  bio_endio()             the tracepoint block_bio_complete, which is there for the
 *                          last end of each bio that BIO_TRACE_COMPLETION is set of.
 *                          bio_expect_endio() sets it. A processor that is not online
 *                          skips tracepoints, but takes no interrupts then, and runs
 *                          no task. blk-mq clears the flag of bios that are
 *                          parts of requests, and no bio is one while it is at an owner:
 *                          that is bio-based. Of a bio that goes on to the driver past
 *                          the hook the flags are cleared on its way in: see
 *                          stock_hook_prep().
 *  __submit_bio(), of a    the beginning of blk_mq_submit_bio(), which that calls next, for
 *  blk-mq device           bios that may be mapped where they are: see stock_go_direct().
 *  bio_endio(), of these   their own bi_end_io: see ends.c
 *  bio_chain()             its beginning. In bio.c it is also a part of blk_next_bio():
 *                          there the parent is new, and has no flag.
 *  submit_bio_noacct(),    their beginnings; see stock_hook_noacct() and _nocheck().
 *  submit_bio_noacct_nocheck()
 *  blk_cgroup_bio_start(), their beginnings: not called for a bio that is past the hook.
 *  blk_should_throtl()     The latter is __blk_throtl_bio() here: with cgroup v1, what
 *                          is shown in blkio.throttle.io_serviced is counted twice.
 *  blk_mark_disk_dead()    its beginning. It is hooked from when a table is loaded; who
 *                          removes the mapped device before that takes it out of
 *                          device-mapper's hash first, and then no table can be loaded.
 *  bdev_release(),         around them: see stock_hook_release() and stock_hook_link().
 *  bd_link_disk_holder()
 *  __submit_bio_noacct_mq() nothing; see blk_interposer_queue().
 *
 * Exactness: it is that of the patched kernel. The pointer of the interposed device
 * changes while its queue is frozen, and the test for it is made with q_usage_counter
 * held. All that is new is that the test is not there before the hook is turned on. That
 * has been done, on all processors, when stock_places_get() returns, before anything
 * can be published. The queue of a blk-mq device takes more in 7.x: see stock_arm().
 * Otherwise, a task that was in one of these functions then, and past its
 * beginning, either holds q_usage_counter, and the freeze waits for it; or will come to
 * the test yet, since every way into a driver leads through it after q_usage_counter
 * was got: there is no place where it could sleep between that and the test.
 *
 * Turning them off: nobody is interposed by then. It is done some time later and all at
 * once, by a work item, since it takes long, and so that another attach soon after
 * finds them on. The trampolines and the hooks can go only when no task is in them:
 * see stock_places_exit().
 */
#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#include <trace/events/block.h>

#include <linux/blk-interposer.h>
#include "blk-interposer.h"
#include "stock.h"

/* How long the places stay on when nobody needs them. */
#define STOCK_LINGER	(5 * HZ)
/* How many different ->submit_bio() there may be at a time. */
#define STOCK_SUBMITS	16

#define TRAMPOLINES(X) \
	X(prep) X(split) X(mq) X(enter) X(submit) X(nocheck) X(noacct) X(charged) \
	X(chain) X(dead) X(release) X(link)
#define X(name) void stock_trampoline_##name(void);
TRAMPOLINES(X)
#undef X

/**
 * struct stock_point - functions at whose beginning one trampoline is called
 * @names: the functions; who must be seen to call each, or NULL; and the operation of
 *	a bio that must be seen to come there in the self-test, or 0
 * @module: which has them, "vmlinux" if they are built in
 * @unused: not on the kernel that this is compiled for
 * @trampoline: what is called
 * @ops: for ftrace
 * @ips: where the functions are
 * @count: how many there are
 * @seen: to which of them the bio of the self-test has come; a bit for each
 * @held: the same, of those inside the queue to which it came with q_usage_counter held
 * @on: it is called
 */
struct stock_point {
	struct {
		const char *name;
		const char *caller;
		enum req_op op;
	} names[4];
	const char *module;
	bool unused;
	void (*trampoline)(void);
	struct ftrace_ops ops;
	unsigned long ips[4];
	unsigned int count;
	unsigned long seen;
	unsigned long held;
	bool on;
};

#define POINT_IF(condition, tramp, of, ...) \
	{ .trampoline = stock_trampoline_##tramp, .module = of, .unused = !(condition), \
	  .names = { __VA_ARGS__ } }
#define POINT(tramp, of, ...) POINT_IF(true, tramp, of, __VA_ARGS__)

/*
 * In this order they are turned on. What is on in part does no harm: as long as nothing
 * is published, no hook does anything.
 */
static struct stock_point stock_points[] = {
	POINT(dead, "vmlinux", { "blk_mark_disk_dead" }),
	POINT(chain, "vmlinux", { "bio_chain" }),
	POINT(charged, "vmlinux",
	      { "blk_cgroup_bio_start", "submit_bio_noacct_nocheck",
		REQ_OP_WRITE },
	      { "__blk_throtl_bio", "submit_bio_noacct" }),
	POINT_IF(STOCK_AROUND, enter, "vmlinux",
		 { "__bio_queue_enter", "blk_mq_submit_bio" }),
	POINT(mq, "vmlinux", { "blk_mq_submit_bio", NULL, REQ_OP_WRITE }),
	POINT_IF(!STOCK_AROUND, prep, "vmlinux",
		 { "bio_integrity_prep", "blk_mq_submit_bio", REQ_OP_WRITE }),
	POINT_IF(!STOCK_AROUND, split, "vmlinux",
		 { "bio_split_rw", "blk_mq_submit_bio", REQ_OP_WRITE },
		 { "bio_split_discard", "blk_mq_submit_bio", REQ_OP_DISCARD },
		 { "bio_split_write_zeroes", "blk_mq_submit_bio",
		   REQ_OP_WRITE_ZEROES }),
	POINT(submit, "dm_mod", { "dm_submit_bio" }),
	POINT(noacct, "vmlinux", { "submit_bio_noacct", "submit_bio", REQ_OP_WRITE }),
	POINT(nocheck, "vmlinux",
	      { "submit_bio_noacct_nocheck", "submit_bio_noacct",
		REQ_OP_WRITE }),
	POINT(release, "vmlinux", { "bdev_release" }),
	POINT(link, "vmlinux", { "bd_link_disk_holder" }),
};

/**
 * struct stock_submit - the hook at the ->submit_bio() of a driver
 * @point: there
 * @users: how many interposed devices of that driver there are
 */
struct stock_submit {
	struct stock_point point;
	unsigned int users;
};

/* Protects all of the following. */
static DEFINE_MUTEX(stock_places_lock);
static struct stock_submit stock_submits[STOCK_SUBMITS];
static unsigned int stock_users;

/**
 * struct stock_probe - what a tracepoint calls
 * @name: of the tracepoint
 * @probe: what is called
 * @around: only where STOCK_AROUND is
 * @tp: the tracepoint; NULL where there is no probe
 * @on: it is called
 */
struct stock_probe {
	const char *name;
	void *probe;
	bool around;
	struct tracepoint *tp;
	bool on;
};

static struct stock_probe stock_probes[] = {
	{ "block_bio_complete", stock_probe_complete },
	{ "block_getrq", stock_probe_request, true },
	{ "block_bio_backmerge", stock_probe_request, true },
	{ "block_bio_frontmerge", stock_probe_request, true },
};

/* Others may share a place: our way on is the return address on the stack. */
static int STOCK_OPS_FUNC(stock_share)
{
	return 0;
}

static void stock_guard_called(unsigned long ip, unsigned long parent_ip,
			       struct ftrace_ops *ops,
			       struct ftrace_regs *fregs)
{
}

/*
 * While kernel.ftrace_enabled is 0, ftrace takes calls and does not make them, and when
 * they are given back it finds its own records wrong, and turns itself off for good. So
 * this comes before all else, and goes after it: with this flag ftrace refuses to
 * register it then, and refuses the setting while it is registered. The function is
 * hardly ever called, and not one of the places.
 */
static struct ftrace_ops stock_guard = {
	.func = stock_guard_called,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

static bool stock_guarded;	/* with stock_places_lock held */

static int stock_guard_on(void)
{
	int ret;

	if (stock_guarded)
		return 0;
	ret = ftrace_set_filter_ip(&stock_guard, (unsigned long)set_disk_ro, 0, 1);
	if (!ret)
		ret = register_ftrace_function(&stock_guard);
	if (ret)
		pr_err("interpose: cannot hook any function: error %d%s\n", ret,
		       ret == -EBUSY ? " (kernel.ftrace_enabled is 0)" : "");
	stock_guarded = !ret;
	return ret;
}

static void stock_guard_off(void)
{
	if (stock_guarded)
		unregister_ftrace_function(&stock_guard);
	stock_guarded = false;
}

static void stock_point_off(struct stock_point *point)
{
	if (!point->on)
		return;
	unregister_ftrace_direct(&point->ops,
				 (unsigned long)point->trampoline, true);
	point->on = false;
}

static int stock_point_failed(struct stock_point *point, int error)
{
	char names[128];
	unsigned int i, length = 0;

	for (i = 0; i < point->count; i++)
		length += scnprintf(names + length, sizeof(names) - length,
				    "%s%ps", i ? " or " : "",
				    (void *)point->ips[i]);
	pr_err("interpose: cannot hook %s: error %d%s\n",
	       names, error, error == -EBUSY ?
	       " (a BPF program or another module has it)" : "");
	return error;
}

static int stock_point_on(struct stock_point *point)
{
	int ret;

	if (point->on || point->unused)
		return 0;
	memset(&point->ops, 0, sizeof(point->ops));
	point->ops.ops_func = stock_share;
	ret = ftrace_set_filter_ips(&point->ops, point->ips, point->count, 0, 1);
	if (ret)
		return stock_point_failed(point, ret);
	ret = register_ftrace_direct(&point->ops,
				     (unsigned long)point->trampoline);
	if (ret) {
		ftrace_free_filter(&point->ops);
		return stock_point_failed(point, ret);
	}
	point->on = true;
	return 0;
}

static void stock_probes_off(void)
{
	struct stock_probe *probe;

	for (probe = stock_probes;
	     probe < stock_probes + ARRAY_SIZE(stock_probes); probe++)
		if (probe->on) {
			tracepoint_probe_unregister(probe->tp, probe->probe,
						    NULL);
			probe->on = false;
		}
}

static int stock_probes_on(void)
{
	struct stock_probe *probe;
	int ret;

	for (probe = stock_probes;
	     probe < stock_probes + ARRAY_SIZE(stock_probes); probe++) {
		if (!probe->tp || probe->on)
			continue;
		ret = tracepoint_probe_register(probe->tp, probe->probe, NULL);
		if (ret)
			return ret;
		probe->on = true;
	}
	return 0;
}

/* Those who hold a queue around need "enter" until they have come in: see there. */
static void stock_around_off(void)
{
	struct stock_point *point;

	for (point = stock_points; STOCK_AROUND &&
	     point < stock_points + ARRAY_SIZE(stock_points); point++)
		if (point->trampoline == stock_trampoline_mq && point->on) {
			stock_point_off(point);
			synchronize_rcu_tasks();
		}
}

static void stock_places_off(void)
{
	struct stock_point *point;

	lockdep_assert_held(&stock_places_lock);
	stock_around_off();
	for (point = stock_points;
	     point < stock_points + ARRAY_SIZE(stock_points); point++)
		stock_point_off(point);
	stock_probes_off();
	stock_guard_off();
}

static int stock_places_on(void)
{
	struct stock_point *point;
	int ret;

	lockdep_assert_held(&stock_places_lock);
	ret = stock_guard_on();
	if (!ret)
		ret = stock_probes_on();
	for (point = stock_points; !ret &&
	     point < stock_points + ARRAY_SIZE(stock_points); point++)
		ret = stock_point_on(point);
	return ret;
}

static void stock_linger(struct work_struct *work)
{
	mutex_lock(&stock_places_lock);
	if (!stock_users)
		stock_places_off();
	mutex_unlock(&stock_places_lock);
}

static DECLARE_DELAYED_WORK(stock_linger_work, stock_linger);

static unsigned long bdev_submit_bio(struct block_device *bdev)
{
	return (unsigned long)bdev->bd_disk->fops->submit_bio;
}

static bool stock_point_is_at(const struct stock_point *point, unsigned long ip)
{
	return point->on && point->ips[0] == ip;
}

/* The one that is always on with the others: the owner's. */
static bool stock_at_owner(unsigned long ip)
{
	struct stock_point *point;

	for (point = stock_points;
	     point < stock_points + ARRAY_SIZE(stock_points); point++)
		if (point->trampoline == stock_trampoline_submit)
			return stock_point_is_at(point, ip);
	return false;
}

static struct stock_submit *stock_submit_find(unsigned long ip)
{
	struct stock_submit *submit, *unused = NULL;

	for (submit = stock_submits;
	     submit < stock_submits + ARRAY_SIZE(stock_submits); submit++) {
		if (submit->users && submit->point.ips[0] == ip)
			return submit;
		if (!submit->users)
			unused = submit;
	}
	return unused;
}

/*
 * The driver cannot go while the device is open, as it is until stock_submit_put(),
 * and that does not leave its text changed.
 */
static int stock_submit_get(struct block_device *bdev)
{
	unsigned long ip = bdev_submit_bio(bdev);
	struct stock_submit *submit;
	int ret;

	if (!ip || stock_at_owner(ip))
		return 0;
	submit = stock_submit_find(ip);
	if (!submit) {
		pr_err("%pg: interpose: too many different drivers are interposed\n",
		       bdev);
		return -ENOSPC;
	}
	if (!submit->users) {
		submit->point.trampoline = stock_trampoline_submit;
		submit->point.ips[0] = ip;
		submit->point.count = 1;
		ret = stock_point_on(&submit->point);
		if (ret)
			return ret;
	}
	submit->users++;
	return 0;
}

static void stock_submit_put(struct block_device *bdev)
{
	unsigned long ip = bdev_submit_bio(bdev);
	struct stock_submit *submit;

	if (!ip || stock_at_owner(ip))
		return;
	submit = stock_submit_find(ip);
	if (!WARN_ON_ONCE(!submit || !submit->users) && !--submit->users)
		stock_point_off(&submit->point);
}

/**
 * stock_places_get - turn the hook on
 * @bdev: a device that is to be interposed; NULL for none
 *
 * Context: Process context. Sleeps. What the device's I/O meets changes, but none waits.
 * Return: 0, or why not; then a message has named the function.
 */
int stock_places_get(struct block_device *bdev)
{
	int ret;

	mutex_lock(&stock_places_lock);
	ret = stock_places_on();
	if (!ret && bdev)
		ret = stock_submit_get(bdev);
	if (!ret)
		stock_users++;
	else if (!stock_users)
		stock_places_off();
	mutex_unlock(&stock_places_lock);
	return ret;
}

/* The counterpart; @bdev is still open. */
void stock_places_put(struct block_device *bdev)
{
	mutex_lock(&stock_places_lock);
	if (bdev)
		stock_submit_put(bdev);
	if (!--stock_users)
		mod_delayed_work(system_long_wq, &stock_linger_work,
				 STOCK_LINGER);
	mutex_unlock(&stock_places_lock);
}

/**
 * stock_place_held - does a bio meet the gate on its way into a device?
 * @owner: the device
 *
 * Without the lock: whoever has it may wait for memory, and so for the device that the
 * caller is about to interpose, whose file system may be frozen. While an interposer is
 * initialised, as the caller's is, the owner's place stays on.
 *
 * Context: Any, between stock_places_get() and _put().
 * Return: true if it does.
 */
bool stock_place_held(struct block_device *owner)
{
	return stock_at_owner(bdev_submit_bio(owner));
}

static int stock_point_find(struct stock_point *point)
{
	unsigned long ip;
	unsigned int i;

	if (point->unused)
		return 0;
	for (i = 0; i < ARRAY_SIZE(point->names) && point->names[i].name; i++) {
		ip = stock_lookup(point->module, point->names[i].name);
		if (!ip || (point->names[i].caller &&
			    stock_check_call(point->names[i].caller, ip)))
			return -ENOENT;
		point->ips[i] = ip;
		point->count++;
	}
	return 0;
}

static void stock_probe_find(struct tracepoint *tp, void *data)
{
	struct stock_probe *probe;

	for (probe = stock_probes;
	     probe < stock_probes + ARRAY_SIZE(stock_probes); probe++)
		if ((STOCK_AROUND || !probe->around) &&
		    !strcmp(tp->name, probe->name))
			probe->tp = tp;
}

static int stock_probes_find(void)
{
	struct stock_probe *probe;

	for_each_kernel_tracepoint(stock_probe_find, NULL);
	for (probe = stock_probes;
	     probe < stock_probes + ARRAY_SIZE(stock_probes); probe++)
		if ((STOCK_AROUND || !probe->around) && !probe->tp) {
			pr_err("interpose: this kernel has no tracepoint %s\n",
			       probe->name);
			return -ENOENT;
		}
	return 0;
}

/* Set while it is on its way */
static struct bio *stock_probed_bio;

/*
 * Does anybody hold q_usage_counter? The queue is the self-test's, and only its bio is on
 * its way. It has not been registered, so the counter is in one place, and killing it
 * has its effect at once. With PREEMPT_RT the lock for that may not be taken here.
 *
 * Concurrency: ftrace calls this in the task that has submitted the bio, with preemption
 * off. Nobody else has the queue.
 */
static bool stock_probed_is_held(struct bio *bio)
{
	struct percpu_ref *ref = &bdev_get_queue(bio->bi_bdev)->q_usage_counter;
	bool held;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return true;
	percpu_ref_kill(ref);
	held = !percpu_ref_is_zero(ref);
	percpu_ref_resurrect(ref);
	return held;
}

/* Is it called by somebody who has entered the queue? */
static bool stock_called_in_queue(const char *caller)
{
	return caller && !strcmp(caller, "blk_mq_submit_bio");
}

/* At all the places at once: the bio of the self-test, and no other one. */
static void stock_probe_seen(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct bio *bio = (struct bio *)ftrace_regs_get_argument(fregs, 0);
	struct stock_point *point;
	unsigned int i;

	if (!bio || bio != READ_ONCE(stock_probed_bio))
		return;
	for (point = stock_points;
	     point < stock_points + ARRAY_SIZE(stock_points); point++)
		for (i = 0; i < point->count; i++) {
			if (ip - point->ips[i] > FTRACE_MCOUNT_MAX_OFFSET ||
			    point->names[i].op != bio_op(bio))
				continue;
			point->seen |= BIT(i);
			if (stock_called_in_queue(point->names[i].caller) &&
			    stock_probed_is_held(bio))
				point->held |= BIT(i);
		}
}

static struct ftrace_ops stock_probe_ops = {
	.func = stock_probe_seen,
};

static int stock_probe_submit(struct bio *bio)
{
	int ret;

	WRITE_ONCE(stock_probed_bio, bio);
	ret = submit_bio_wait(bio);
	WRITE_ONCE(stock_probed_bio, NULL);
	return ret;
}

/* Has the bio of the self-test come to all of @point's functions for which there is one? */
static int stock_point_probed(const struct stock_point *point)
{
	unsigned int i;
	bool in_queue;

	for (i = 0; i < point->count; i++) {
		if (!point->names[i].op)
			continue;
		in_queue = stock_called_in_queue(point->names[i].caller);
		if (point->seen & BIT(i) && (!in_queue || point->held & BIT(i)))
			continue;
		pr_err("interpose: in this kernel a bio does not come to %s()%s\n",
		       point->names[i].name, point->seen & BIT(i) ?
		       " with q_usage_counter held" : "");
		return -ENOENT;
	}
	return 0;
}

static int stock_probe_filter(void)
{
	struct stock_point *point;
	unsigned int i;
	int ret = 0;

	for (point = stock_points; !ret &&
	     point < stock_points + ARRAY_SIZE(stock_points); point++)
		for (i = 0; !ret && i < point->count; i++)
			if (point->names[i].op)
				ret = ftrace_set_filter_ip(&stock_probe_ops,
							   point->ips[i], 0, 0);
	return ret;
}

/*
 * That a function is there, and is called, does not say that the bios pass it: it may be
 * called for some only. So a few are sent to a disk of our own, which must be seen at
 * the places that are on their way: not by the trampolines, which are not there yet, but
 * by ftrace, where these would stand.
 */
static int stock_places_probe(void)
{
	struct stock_point *point;
	int ret = stock_probe_filter();

	if (!ret)
		ret = register_ftrace_function(&stock_probe_ops);
	if (!ret) {
		ret = stock_probe(stock_probe_submit);
		unregister_ftrace_function(&stock_probe_ops);
	}
	ftrace_free_filter(&stock_probe_ops);
	if (ret)
		pr_err("interpose: no bio could be sent to see where it passes: error %d\n",
		       ret);
	for (point = stock_points; !ret &&
	     point < stock_points + ARRAY_SIZE(stock_points); point++)
		ret = stock_point_probed(point);
	return ret;
}

/**
 * stock_places_begin - before anything of the kernel is hooked, and be it for a moment
 *
 * Context: Process context. Sleeps.
 * Return: 0, or why not; then a message has said so.
 */
int stock_places_begin(void)
{
	int ret;

	mutex_lock(&stock_places_lock);
	ret = stock_guard_on();
	mutex_unlock(&stock_places_lock);
	return ret;
}

/**
 * stock_places_find - find the places, and see whether each can be had
 *
 * Context: Process context. Sleeps.
 * Return: 0, or why not; then a message has named what is missing.
 */
int stock_places_find(void)
{
	struct stock_point *point;
	int ret = stock_probes_find();

	if (ret)
		return ret;
	for (point = stock_points;
	     point < stock_points + ARRAY_SIZE(stock_points); point++) {
		ret = stock_point_find(point);
		if (ret)
			return ret;
	}
	ret = stock_places_probe();
	if (!ret)
		ret = stock_places_get(NULL);
	if (!ret)
		stock_places_put(NULL);
	return ret;
}

/**
 * stock_places_exit - turn all off, and wait until nobody is there any more
 *
 * Concurrency: a task in a trampoline has been preempted there, or sleeps in a hook, for
 * example since it met the frozen queue of the last detach. Once the places are off
 * nobody comes in. synchronize_rcu_tasks() waits for each task that does not sleep of
 * its own will: so those who are on the way into a hook have been counted by it, or are
 * out. Then nobody is counted any more when all have left the hooks. The second one
 * waits for those on the way from there to the trampoline's end. bio_chain() is also
 * called in interrupts; that and the tracepoint tracepoint_synchronize_unregister() waits
 * for, with synchronize_rcu().
 *
 * Context: Process context. Sleeps until those who sleep in a hook have gone on.
 */
void stock_places_exit(void)
{
	cancel_delayed_work_sync(&stock_linger_work);
	mutex_lock(&stock_places_lock);
	WARN_ON_ONCE(stock_users);
	stock_places_off();
	mutex_unlock(&stock_places_lock);
	tracepoint_synchronize_unregister();
	synchronize_rcu_tasks();
	while (stock_hooks_busy())
		schedule_timeout_uninterruptible(1);
	synchronize_rcu_tasks();
}
