// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations on one device, and the model: what must succeed has to, what
 * must be refused has to be with the right errno, and the status must say what
 * the model says.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storm.h"

#define SAMPLE		(16 * 1024)	/* bytes of a snapshot at one place */
#define LIMIT		60		/* seconds to wait for something */

/* What is about to be done; the log's last line tells where it hangs. */
static void __attribute__((format(printf, 2, 3)))
begin(struct storm_device *dev, const char *fmt, ...)
{
	va_list args;

	storm_goes_on();
	va_start(args, fmt);
	vsnprintf(dev->doing, sizeof(dev->doing), fmt, args);
	va_end(args);
	dev->step++;
	storm_log(dev, "%s", dev->doing);
}

static const char *result_name(int r)
{
	return r ? strerror(-r) : "success";
}

static void expect(struct storm_device *dev, int wanted, int r)
{
	if (r != wanted)
		storm_fail(dev, "%s: %s, and it should be: %s", dev->doing,
			   result_name(r), result_name(wanted));
}

static void done(struct storm_device *dev, enum storm_op op)
{
	dev->count[op]++;
	if (op <= OP_LAST_SWITCH)
		atomic_fetch_add(&storm.done, 1);
}

/* Some I/O between two operations; where it must go on, it has to. */
static void let_io_go_on(struct storm_device *dev)
{
	unsigned long until = atomic_load(&dev->writes) +
			      random_below(&dev->rnd, 6);
	double limit = storm_clock() + LIMIT * storm.patience;

	if (dev->state == SUSPENDED)
		return;
	while (atomic_load(&dev->writes) < until) {
		if (storm_clock() > limit)
			storm_fail(dev, "no write has completed for %u s after: %s",
				   LIMIT * storm.patience, dev->doing);
		storm_sleep_ms(1);
	}
}

static unsigned int random_flags(struct storm_device *dev)
{
	unsigned int flags = 0;

	if (random_chance(&dev->rnd, 3))
		flags |= DM_NOFLUSH_FLAG;
	if (random_chance(&dev->rnd, 3))
		flags |= DM_SKIP_LOCKFS_FLAG;
	return flags;
}

static const char *flags_name(unsigned int flags)
{
	switch (flags & (DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG)) {
	case DM_NOFLUSH_FLAG:
		return " noflush";
	case DM_SKIP_LOCKFS_FLAG:
		return " nolockfs";
	case 0:
		return "";
	default:
		return " noflush nolockfs";
	}
}

/*
 * A deferred removal takes the name away first, and then goes on without a
 * caller who could wait for its end: until then the device is interposed.
 */
static void load_table(struct storm_device *dev, const struct storm_table *table)
{
	double limit = storm_clock() + LIMIT * storm.patience;
	int r;

	begin(dev, "load %u lines, first: %s", table->nr, table->params[0]);
	for (;;) {
		r = dm_load(dev->dm, table->line, table->nr);
		if (r != -EBUSY || !dev->leaving || storm_clock() > limit)
			break;
		storm_sleep_ms(1);
	}
	expect(dev, 0, r);
	dev->leaving = false;
}

/* Pointers of a table lead into itself. */
static void now_live(struct storm_device *dev, const struct storm_table *table)
{
	unsigned int i;

	dev->live = *table;
	for (i = 0; i < table->nr; i++)
		dev->live.line[i].params = dev->live.params[i];
	dev->pinned = table->pin;
	dev->state = ATTACHED;
	if (!storm_table_has(table, INNER_ORIGIN))
		dev->snapshot.exact = false;
}

static void now_detached(struct storm_device *dev, enum storm_state state)
{
	dev->state = state;
	dev->pinned = false;
	dev->live.nr = 0;
	dev->snapshot.exact = false;
}

static void resume_device(struct storm_device *dev, unsigned int flags)
{
	begin(dev, "resume%s", flags_name(flags));
	expect(dev, 0, dm_resume(dev->dm, flags));
}

static void suspend_device(struct storm_device *dev, unsigned int flags)
{
	begin(dev, "suspend%s", flags_name(flags));
	expect(dev, 0, dm_suspend(dev->dm, flags));
	dev->state = SUSPENDED;
	done(dev, OP_SUSPEND);
}

static void send_message(struct storm_device *dev, const char *text, int wanted)
{
	begin(dev, "message %s", text);
	expect(dev, wanted, dm_message(dev->dm, 0, text));
	done(dev, OP_MESSAGE);
}

static void remove_device(struct storm_device *dev)
{
	begin(dev, "remove");
	expect(dev, 0, dm_remove(dev->dm));
	now_detached(dev, GONE);
}

static void create_device(struct storm_device *dev)
{
	begin(dev, "create");
	expect(dev, 0, dm_create(dev->dm));
	dev->state = EMPTY;
}

/* The operations; each in the states that the list below names. */

static void op_attach(struct storm_device *dev)
{
	struct storm_table table;

	if (dev->state == GONE)
		create_device(dev);
	storm_table_random(dev, &table);
	load_table(dev, &table);
	resume_device(dev, random_flags(dev));
	now_live(dev, &table);
	done(dev, OP_ATTACH);
}

/* A table that is loaded and never comes into force. */
static void op_load_in_vain(struct storm_device *dev)
{
	struct storm_table table;

	storm_table_random(dev, &table);
	load_table(dev, &table);
	begin(dev, "clear");
	expect(dev, 0, dm_clear(dev->dm));
}

static void op_detach(struct storm_device *dev)
{
	if (dev->pinned) {
		begin(dev, "remove of a pinned one");
		expect(dev, -EBUSY, dm_remove(dev->dm));
		done(dev, OP_REFUSED);
		send_message(dev, "interpose unpin", 0);
	}
	remove_device(dev);
	done(dev, OP_DETACH);
}

static int open_device(struct storm_device *dev, const char *name, int flags)
{
	unsigned int minor;
	char path[32];
	int fd;

	expect(dev, 0, dm_minor(name, &minor));
	snprintf(path, sizeof(path), "/dev/dm-%u", minor);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		storm_fail(dev, "open of %s: %s", path, strerror(errno));
	return fd;
}

static void wait_until_gone(struct storm_device *dev)
{
	double limit = storm_clock() + LIMIT * storm.patience;
	unsigned int flags;

	while (dm_flags(dev->dm, &flags) != -ENXIO) {
		if (storm_clock() > limit)
			storm_fail(dev, "not gone after %u s: %s",
				   LIMIT * storm.patience, dev->doing);
		storm_sleep_ms(1);
	}
}

/* It waits for who has it open, and for the pin. */
static void op_deferred_detach(struct storm_device *dev)
{
	int fd = open_device(dev, dev->dm, O_RDONLY);

	begin(dev, "deferred remove");
	expect(dev, 0, dm_remove_deferred(dev->dm));
	let_io_go_on(dev);
	storm_check_status(dev);
	if (random_chance(&dev->rnd, 2)) {
		send_message(dev, "@cancel_deferred_remove", 0);
		close(fd);
		return;
	}
	close(fd);
	if (dev->pinned) {
		storm_check_status(dev);
		send_message(dev, "interpose unpin", 0);
	}
	wait_until_gone(dev);
	now_detached(dev, GONE);
	dev->leaving = true;
	done(dev, OP_DEFERRED_DETACH);
}

static void wipe(struct storm_device *dev, unsigned int flags)
{
	const struct dm_line line = { 0, dev->sectors, "error", "" };

	begin(dev, "load error");
	expect(dev, 0, dm_load(dev->dm, &line, 1));
	resume_device(dev, flags);
	now_detached(dev, WIPED);
}

static void op_forced_detach(struct storm_device *dev)
{
	wipe(dev, DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG);
	remove_device(dev);
	done(dev, OP_FORCED_DETACH);
}

static void op_wipe(struct storm_device *dev)
{
	wipe(dev, random_flags(dev));
	done(dev, OP_WIPE);
}

static void op_remove(struct storm_device *dev)
{
	remove_device(dev);
}

static void op_suspend(struct storm_device *dev)
{
	suspend_device(dev, random_flags(dev));
	/* a second one finds it done */
	if (random_chance(&dev->rnd, 8))
		suspend_device(dev, random_flags(dev));
}

static void op_resume(struct storm_device *dev)
{
	resume_device(dev, 0);
	dev->state = ATTACHED;
	dev->pinned = dev->live.pin;
	done(dev, OP_RESUME);
}

static void reload(struct storm_device *dev, const struct storm_table *table)
{
	load_table(dev, table);
	if (dev->state == ATTACHED && random_chance(&dev->rnd, 2))
		suspend_device(dev, random_flags(dev));
	resume_device(dev, random_flags(dev));
	now_live(dev, table);
	done(dev, OP_RELOAD);
}

static void op_reload(struct storm_device *dev)
{
	struct storm_table table;

	storm_table_random(dev, &table);
	reload(dev, &table);
}

/* A resume that must fail leaves the I/O waiting, for a table that is good. */
static void op_reload_after_a_bad_one(struct storm_device *dev)
{
	struct storm_table bad;

	storm_table_simple(dev, &bad, INNER_LINEAR);
	bad.line[0].length -= 8;
	load_table(dev, &bad);
	begin(dev, "resume of a table that is too short");
	expect(dev, -EINVAL, dm_resume(dev->dm, random_flags(dev)));
	done(dev, OP_REFUSED);
	/* what the old table had open is not any more */
	dev->live.nr = 0;
	dev->state = SUSPENDED;
	op_reload(dev);
}

/*
 * Suspend, resume or remove by another process, which is killed at some moment:
 * it is done or it is not, and nothing between. It shares the open files: with
 * copies of them it would keep devices open that other operators close.
 */
static bool run_and_kill(struct storm_device *dev, enum storm_op op,
			 unsigned int flags)
{
	pid_t pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	int r, status;

	if (pid < 0)
		storm_fail(dev, "clone: %s", strerror(errno));
	if (!pid) {
		if (op == OP_SUSPEND)
			r = dm_suspend(dev->dm, flags);
		else if (op == OP_RESUME)
			r = dm_resume(dev->dm, 0);
		else
			r = dm_remove(dev->dm);
		_exit(-r);
	}
	storm_sleep_ms(random_below(&dev->rnd, 40));
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		storm_fail(dev, "waitpid: %s", strerror(errno));
	if (WIFEXITED(status))
		expect(dev, 0, -WEXITSTATUS(status));
	return WIFSIGNALED(status);
}

static void op_kill(struct storm_device *dev)
{
	enum storm_op op = dev->state == ATTACHED ? OP_SUSPEND : OP_RESUME;
	enum storm_state before = dev->state;
	bool in_time, gone, removal;
	unsigned int flags;

	removal = !dev->pinned && random_chance(&dev->rnd, 2);
	if (removal)
		op = OP_DETACH;
	flags = random_flags(dev);
	begin(dev, "to be killed: %s", op == OP_SUSPEND ? "suspend" :
	      op == OP_RESUME ? "resume" : "remove");
	in_time = run_and_kill(dev, op, flags);

	if (dm_flags(dev->dm, &flags) == -ENXIO)
		now_detached(dev, GONE);
	else
		dev->state = flags & DM_SUSPEND_FLAG ? SUSPENDED : ATTACHED;
	storm_log(dev, "killed %s, %s", in_time ? "in time" : "too late",
		  dev->state == before ? "not done" : "done");
	gone = dev->state == GONE;
	if (dev->state != before && gone != removal)
		storm_fail(dev, "something else was done: %s", dev->doing);
	if (dev->state == before && !in_time)
		storm_fail(dev, "it was not done: %s", dev->doing);
	done(dev, in_time ? OP_KILLED : OP_KILLED_TOO_LATE);
}

/*
 * In a kernel with CONFIG_IMA device-mapper frees the same memory twice when a mapped
 * device is created, its inactive table cleared, and then renamed and removed: a fault
 * of dm-ima.c in 6.12, also of devices that interpose nothing.
 */
static bool rename_breaks_kernel(void)
{
	static atomic_int known;	/* 0: not yet; else 1 + the answer */
	bool breaks = false;
	char line[512];
	FILE *symbols;

	if (known)
		return known - 1;
	symbols = fopen("/proc/kallsyms", "r");
	while (symbols && !breaks && fgets(line, sizeof(line), symbols))
		breaks = strstr(line, " dm_ima_measure_on_device_rename");
	if (symbols)
		fclose(symbols);
	known = 1 + breaks;
	return breaks;
}

/* Nobody may ask for it by the old name meanwhile. */
static void op_rename(struct storm_device *dev)
{
	char name[sizeof(dev->dm)];

	if (rename_breaks_kernel())
		return;
	begin(dev, "rename to %s", dev->other_name);
	if (!dev->quiet)
		pthread_mutex_lock(&dev->questions);
	expect(dev, 0, dm_rename(dev->dm, dev->other_name));
	memcpy(name, dev->dm, sizeof(name));
	memcpy(dev->dm, dev->other_name, sizeof(name));
	memcpy(dev->other_name, name, sizeof(name));
	if (!dev->quiet)
		pthread_mutex_unlock(&dev->questions);
	done(dev, OP_RENAME);
}

static void op_pin(struct storm_device *dev)
{
	bool pin = random_chance(&dev->rnd, 2);

	send_message(dev, pin ? "interpose pin" : "interpose unpin", 0);
	dev->live.pin = pin;
	dev->pinned = pin;
}

static void op_message(struct storm_device *dev)
{
	static const char * const unknown[] = {
		"interpose", "interpose pinned", "interpose pin pin",
		"no_such_message", "@", "interpose  ",
	};

	/* era answers from its own thread, which runs while it is not suspended */
	if (dev->state == ATTACHED && storm_table_has(&dev->live, INNER_ERA)) {
		send_message(dev, "checkpoint", 0);
		if (random_chance(&dev->rnd, 4)) {
			send_message(dev, "take_metadata_snap", 0);
			send_message(dev, "take_metadata_snap", -EINVAL);
			send_message(dev, "drop_metadata_snap", 0);
		}
		return;
	}
	send_message(dev, unknown[random_below(&dev->rnd, 6)], -EINVAL);
}

static void op_status(struct storm_device *dev)
{
	begin(dev, "status and table");
	storm_check_table(dev);
	done(dev, OP_STATUS);
}

/* Snapshots, whose content must stay as long as the interposer sees all writes. */

static uint64_t snapshot_sum(struct storm_device *dev)
{
	struct storm_snapshot *snap = &dev->snapshot;
	uint64_t sum = 0, *data;
	unsigned int i, n;
	int fd;

	if (posix_memalign((void **)&data, BLOCK, SAMPLE))
		storm_fail(dev, "no memory");
	fd = open_device(dev, dev->snap, O_RDONLY | O_DIRECT);
	for (i = 0; i < NR_SAMPLES; i++) {
		if (pread(fd, data, SAMPLE, snap->at[i]) != SAMPLE)
			storm_fail(dev, "read of the snapshot: %s",
				   strerror(errno));
		for (n = 0; n < SAMPLE / sizeof(*data); n++)
			sum = (sum + data[n]) * 0x9e3779b97f4a7c15ull + 1;
	}
	close(fd);
	free(data);
	return sum;
}

static void clear_cow(struct storm_device *dev)
{
	void *zeroes;
	int fd = open(dev->cow, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);

	if (fd < 0 || posix_memalign(&zeroes, BLOCK, BLOCK))
		storm_fail(dev, "open of %s: %s", dev->cow, strerror(errno));
	memset(zeroes, 0, BLOCK);
	if (pwrite(fd, zeroes, BLOCK, 0) != BLOCK)
		storm_fail(dev, "write to %s: %s", dev->cow, strerror(errno));
	free(zeroes);
	close(fd);
}

static void op_snapshot(struct storm_device *dev)
{
	struct storm_snapshot *snap = &dev->snapshot;
	char params[192];
	struct dm_line line = { 0, dev->sectors, "snapshot", params };
	struct storm_table origin;
	unsigned int i;

	if (snap->exists || storm.drop)
		return;
	if (!storm_table_has(&dev->live, INNER_ORIGIN)) {
		storm_table_simple(dev, &origin, INNER_ORIGIN);
		reload(dev, &origin);
	}
	clear_cow(dev);
	snprintf(params, sizeof(params), "%s %s %s %u", dev->beneath, dev->cow,
		 random_chance(&dev->rnd, 2) ? "P" : "N",
		 8u << random_below(&dev->rnd, 4));
	suspend_device(dev, 0);
	begin(dev, "create snapshot %s", params);
	expect(dev, 0, dm_create(dev->snap));
	snap->exists = true;
	expect(dev, 0, dm_load(dev->snap, &line, 1));
	expect(dev, 0, dm_resume(dev->snap, 0));
	op_resume(dev);
	snap->exact = true;
	for (i = 0; i < NR_SAMPLES; i++)
		snap->at[i] = random_below(&dev->rnd,
					   dev->sectors * SECTOR / SAMPLE) *
			      SAMPLE;
	begin(dev, "read the snapshot");
	snap->sum = snapshot_sum(dev);
	done(dev, OP_SNAPSHOT);
}

/* Full is no error, but nothing can be compared then. */
static bool snapshot_is_valid(struct storm_device *dev)
{
	unsigned long long used, size;
	char text[512];

	expect(dev, 0, dm_status(dev->snap, DM_NOFLUSH_FLAG, text, sizeof(text)));
	if (sscanf(text, "%*u %*u snapshot %llu/%llu", &used, &size) == 2)
		return true;
	storm_log(dev, "the snapshot: %s", text);
	return false;
}

static void op_snapshot_check(struct storm_device *dev)
{
	struct storm_snapshot *snap = &dev->snapshot;
	uint64_t sum;

	if (!snap->exists || !snap->exact)
		return;
	begin(dev, "compare the snapshot");
	if (!snapshot_is_valid(dev)) {
		snap->exact = false;
		return;
	}
	sum = snapshot_sum(dev);
	if (sum != snap->sum && snapshot_is_valid(dev))
		storm_fail(dev, "VERIFY ERROR: the snapshot has changed");
	done(dev, OP_SNAPSHOT_CHECK);
}

static void op_snapshot_remove(struct storm_device *dev)
{
	if (!dev->snapshot.exists)
		return;
	if (dev->state == ATTACHED)
		op_snapshot_check(dev);
	begin(dev, "remove the snapshot");
	expect(dev, 0, dm_remove(dev->snap));
	dev->snapshot.exists = false;
}

/* What must be refused, and must change nothing. */

static void refused_load(struct storm_device *dev, const char *name, int wanted,
			 uint64_t length, const char *params)
{
	const struct dm_line line = { 0, length, "interpose", params };

	begin(dev, "load of what must be refused: %llu %s",
	      (unsigned long long)length, params);
	expect(dev, wanted, dm_load(name, &line, 1));
	done(dev, OP_REFUSED);
}

static void refused_second(struct storm_device *dev)
{
	bool whole = dev->whole && random_chance(&dev->rnd, 2);
	char params[160];

	snprintf(params, sizeof(params), "%s linear %s 0",
		 whole ? dev->whole : dev->path, dev->cow);
	begin(dev, "create a second one");
	expect(dev, 0, dm_create(dev->other));
	refused_load(dev, dev->other, -EBUSY, dev->sectors, params);
	begin(dev, "remove the second one");
	expect(dev, 0, dm_remove(dev->other));
}

static void refused_params(struct storm_device *dev)
{
	char params[160], self[32];
	unsigned int minor;

	expect(dev, 0, dm_minor(dev->dm, &minor));
	snprintf(self, sizeof(self), "/dev/dm-%u", minor);

#define REFUSED(wanted, more, fmt, ...) do {				\
	snprintf(params, sizeof(params), fmt, __VA_ARGS__);		\
	refused_load(dev, dev->dm, wanted, dev->sectors + (more), params); \
} while (0)
	switch (random_below(&dev->rnd, 10)) {
	case 0:
		REFUSED(-EINVAL, 0, "%s no_such_type", dev->path);
		break;
	case 1:
		REFUSED(-EINVAL, 8, "%s linear %s 0", dev->path, dev->path);
		break;
	case 2:
		REFUSED(-EINVAL, 0, "%s 1 nothing linear %s 0", dev->path,
			dev->path);
		break;
	case 3:
		REFUSED(-EINVAL, 0, "%s 2 pin pin linear %s 0", dev->path,
			dev->path);
		break;
	case 4:
		REFUSED(-EBUSY, -dev->sectors + 8, "%s linear %s 0", dev->cow,
			dev->path);
		break;
	case 5:
		REFUSED(-EINVAL, 0, "%s linear %s 0", self, dev->path);
		break;
	case 6:
		REFUSED(-EINVAL, 0, "%s linear %s 0", dev->beneath, dev->path);
		break;
	case 7:
		REFUSED(-ENOENT, 0, "%s/none linear %s 0", "/dev", dev->path);
		break;
	case 8:
		REFUSED(-EINVAL, 0, "%s interpose %s linear", dev->path,
			dev->cow);
		break;
	default:
		REFUSED(-EINVAL, 0, "%s", dev->path);
		break;
	}
#undef REFUSED
}

/* The mapped device is for control only. */
static void refused_read(struct storm_device *dev)
{
	void *data;
	int fd;
	long n;

	begin(dev, "read the mapped device");
	fd = open_device(dev, dev->dm, O_RDONLY | O_DIRECT);
	if (posix_memalign(&data, BLOCK, BLOCK))
		storm_fail(dev, "no memory");
	n = pread(fd, data, BLOCK, random_below(&dev->rnd, 100) * BLOCK);
	expect(dev, -EIO, n < 0 ? -errno : 0);
	close(fd);
	free(data);
	done(dev, OP_REFUSED);
}

static void op_refused(struct storm_device *dev)
{
	switch (random_below(&dev->rnd, 4)) {
	case 0:
		refused_second(dev);
		break;
	case 1:
		refused_read(dev);
		break;
	case 2:
		refused_params(dev);
		break;
	default:
		begin(dev, "create what exists");
		expect(dev, -EBUSY, dm_create(dev->dm));
		done(dev, OP_REFUSED);
	}
}

static void op_refused_gone(struct storm_device *dev)
{
	const struct dm_line line = { 0, 8, "error", "" };

	begin(dev, "operations on what does not exist");
	expect(dev, -ENXIO, dm_suspend(dev->dm, 0));
	expect(dev, -ENXIO, dm_resume(dev->dm, 0));
	expect(dev, -ENXIO, dm_remove(dev->dm));
	expect(dev, -ENXIO, dm_load(dev->dm, &line, 1));
	expect(dev, -ENXIO, dm_message(dev->dm, 0, "interpose pin"));
	done(dev, OP_REFUSED);
}

#define IN(state)	(1u << (state))

static const struct {
	unsigned int weight;
	unsigned int states;
	void (*run)(struct storm_device *dev);
} operations[] = {
	{ 60, IN(GONE) | IN(WIPED) | IN(EMPTY), op_attach },
	{ 5, IN(EMPTY) | IN(WIPED) | IN(ATTACHED) | IN(SUSPENDED),
	  op_load_in_vain },
	{ 5, IN(GONE), create_device },
	{ 5, IN(GONE), op_refused_gone },
	{ 10, IN(EMPTY) | IN(WIPED), op_remove },
	{ 15, IN(ATTACHED) | IN(SUSPENDED), op_detach },
	{ 4, IN(ATTACHED) | IN(SUSPENDED), op_forced_detach },
	{ 5, IN(ATTACHED) | IN(SUSPENDED), op_deferred_detach },
	{ 8, IN(ATTACHED) | IN(SUSPENDED), op_kill },
	{ 4, IN(EMPTY) | IN(WIPED) | IN(ATTACHED) | IN(SUSPENDED), op_rename },
	{ 4, IN(ATTACHED) | IN(SUSPENDED), op_wipe },
	{ 20, IN(ATTACHED), op_suspend },
	{ 40, IN(SUSPENDED), op_resume },
	{ 20, IN(ATTACHED) | IN(SUSPENDED), op_reload },
	{ 3, IN(ATTACHED) | IN(SUSPENDED), op_reload_after_a_bad_one },
	{ 5, IN(ATTACHED) | IN(SUSPENDED), op_pin },
	{ 5, IN(ATTACHED) | IN(SUSPENDED), op_message },
	{ 5, IN(ATTACHED) | IN(SUSPENDED), op_status },
	{ 10, IN(ATTACHED), op_snapshot },
	{ 12, IN(ATTACHED), op_snapshot_check },
	{ 5, IN(GONE) | IN(ATTACHED) | IN(SUSPENDED), op_snapshot_remove },
	{ 8, IN(ATTACHED) | IN(SUSPENDED), op_refused },
};

#define NR_OPERATIONS	(sizeof(operations) / sizeof(operations[0]))

static void ask_no_questions(struct storm_device *dev, bool quiet)
{
	if (quiet && !dev->quiet)
		pthread_mutex_lock(&dev->questions);
	else if (!quiet && dev->quiet)
		pthread_mutex_unlock(&dev->questions);
	dev->quiet = quiet;
}

static void operate_once(struct storm_device *dev)
{
	unsigned int sum = 0, i, n;

	for (i = 0; i < NR_OPERATIONS; i++)
		if (operations[i].states & IN(dev->state))
			sum += operations[i].weight;
	n = random_below(&dev->rnd, sum);
	for (i = 0; i < NR_OPERATIONS; i++) {
		if (!(operations[i].states & IN(dev->state)))
			continue;
		if (n < operations[i].weight)
			break;
		n -= operations[i].weight;
	}
	ask_no_questions(dev, storm_table_has(&dev->live, INNER_ERA));
	operations[i].run(dev);
	storm_check_status(dev);
	ask_no_questions(dev, storm_is_mute(dev));
	let_io_go_on(dev);
}

void *storm_operate(void *device)
{
	struct storm_device *dev = device;

	while (!atomic_load(&storm.operators_stop))
		operate_once(dev);

	ask_no_questions(dev, true);
	op_snapshot_remove(dev);
	if (dev->state == ATTACHED || dev->state == SUSPENDED)
		op_detach(dev);
	else if (dev->state != GONE)
		op_remove(dev);
	storm_check_status(dev);
	ask_no_questions(dev, false);
	return NULL;
}
