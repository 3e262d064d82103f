// SPDX-License-Identifier: GPL-2.0
/*
 * While an origin is suspended, whoever reads or writes it waits. If it is
 * under the root file system that is also who starts a program, loads a page
 * of one, or prints to a file. So between the first suspend and the last resume
 * nothing is read, written or started: all memory is locked, all processes are
 * there before, and udev is waited for afterwards.
 *
 * Each step is an ioctl that may never return, as when a COW store does not
 * answer. So the first process does none of them:
 *
 *     main     waits for the worker's result, for @limit seconds at most
 *     worker   suspends a, b; makes the snapshots; resumes b, a; tells the result.
 *              Under an era lies a snapshot-origin, which is suspended after it and
 *              resumed before it
 *     guard a  waits for the end of "alive", a pipe whose other end main has, or
 *              for the limit and a bit; then it resumes a, if it is suspended
 *     guard b  the same for b
 *
 * There is a guard for each origin because a resume may hang, too, and the others
 * are resumed all the same. A guard is no victim for the OOM killer. Worker and
 * guards are in sessions of their own, so that no terminal stops them.
 *
 * Which of them may run at the same time, and why that is safe: all of them may.
 * - "phase" says who resumes. The worker sets ALL_MADE before it resumes, and
 *   DONE_ALL when all are resumed: from then on nobody else does anything. Before
 *   that main or a guard can set GIVEN_UP. Then the worker begins no further step
 *   and is killed. Guards resume, and once more when the worker is gone: the
 *   suspend in which it was killed may have been completed after they looked.
 * - A resume of what is not suspended does nothing, so two may do it at once.
 * - If main is killed, each guard gives up. If main and the guards are killed,
 *   the worker goes on to its end, and resumes. If main is stopped, the worker
 *   goes on to its end as well.
 * - Main resumes only instead of a guard that was killed or is stopped.
 * - Nothing begins before all are there. Worker and guards hold a lock on the
 *   record as long as they live, so that what they work on is not undone beneath
 *   them: while one hangs in the kernel, the record is left for "recover".
 * A process is never sent a signal by its number, which may be another's by now.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "instant.h"
#include "process.h"
#include "say.h"

#define SLICE		200		/* ms */
#define GUARD_LATER	3000		/* main is to be the first, and says more */
#define GUARD_WAKES	5000		/* else it is dead or stopped */
#define ENDS		10000		/* what does not hang */

enum phase { RUNNING, ALL_MADE, DONE_ALL, GIVEN_UP };
/* A snapshot; only the worker changes it */
enum making { NOT_BEGUN, BEGUN, HAS_MADE, HAS_MADE_NOTHING };
/* What a guard does: wait, resume, wait for the worker's end, nothing any more */
enum rescue { NOT_YET, RESUMING, RESUMED, OVER };

/* In memory that all processes share */
struct shared {
	atomic_int phase;
	atomic_long deadline;		/* ms; 0: not begun */
	atomic_int suspending;		/* the origin, or -1 */
	atomic_int rescue[ORIGINS_MAX];
	atomic_int making[ORIGINS_MAX];
	char at[2 * PATH_MAX];		/* why the worker's step takes so long */
	char said[8192];		/* its messages */
};

enum answer { IN_TIME, TOO_LATE, KILLED };

struct result {
	bool good;
	uint32_t cookie;
};

enum { READ, WRITE };

struct crew {
	struct origin *origins;
	size_t n;
	unsigned int limit;		/* seconds */
	struct record *record;
	struct shared *shared;
	pid_t pid[1 + ORIGINS_MAX];	/* the worker, then the guards */
	size_t n_pids;
	int worker;			/* pidfd */
	int go[2];			/* main to the worker: begin */
	int ready[2];			/* all others to main */
	int alive[2];			/* main to the guards: by its end */
	int result[2];			/* the worker to main */
};

static long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * The steps
 */

static bool goes_on(const struct crew *crew)
{
	return !interrupted() && (!crew->shared ||
				  atomic_load(&crew->shared->phase) == RUNNING);
}

__attribute__((format(printf, 2, 3)))
static void now_at(const struct crew *crew, const char *format, ...)
{
	va_list args;

	if (!crew->shared)
		return;
	va_start(args, format);
	vsnprintf(crew->shared->at, sizeof(crew->shared->at), format, args);
	va_end(args);
}

static void now_suspending(const struct crew *crew, int i)
{
	if (crew->shared)
		atomic_store(&crew->shared->suspending, i);
}

static void now_making(const struct crew *crew, size_t i, enum making making)
{
	if (crew->shared)
		atomic_store(&crew->shared->making[i], making);
}

static bool suspend_all(const struct crew *crew, size_t *suspended)
{
	for (; *suspended < crew->n; ++*suspended) {
		struct origin *origin = &crew->origins[*suspended];

		if (!goes_on(crew))
			return false;
		now_at(crew, "%s cannot be suspended: its file system cannot be frozen, or its I/O does not complete",
		       origin->device.shown);
		now_suspending(crew, *suspended);
		if (!map_suspend(origin->interposer))
			return false;
		if (*origin->base && !map_suspend(origin->base)) {
			++*suspended;
			return false;
		}
		now_suspending(crew, -1);
	}
	return true;
}

/*
 * An era that is to lie on a snapshot-origin from now on. It reads its metadata
 * when its table is loaded, which must be what the old one has left there at the
 * end of its suspend, and no earlier.
 */
static bool load_all(const struct crew *crew)
{
	for (size_t i = 0; i < crew->n; i++) {
		struct origin *origin = &crew->origins[i];

		if (!*origin->table)
			continue;
		if (!goes_on(crew))
			return false;
		now_at(crew, "the metadata device of %s does not answer",
		       origin->interposer);
		if (!map_load(origin->interposer, origin->device.sectors,
			      "interpose", origin->table))
			return false;
	}
	return true;
}

static bool make_all(const struct crew *crew, uint32_t *cookie)
{
	char params[PATH_MAX + 256];
	bool good, made;

	for (size_t i = 0; i < crew->n; i++) {
		struct origin *origin = &crew->origins[i];

		if (!goes_on(crew))
			return false;
		now_at(crew, "%s, the COW store of %s, does not answer",
		       *origin->store ? origin->store : origin->cow,
		       origin->snapshot);
		snprintf(params, sizeof(params), "%s %s P %u", origin->beneath,
			 origin->cow, origin->chunk);
		now_making(crew, i, BEGUN);
		good = map_create(origin->snapshot, MAP_SNAPSHOT,
				  origin->device.sectors, "snapshot", params,
				  cookie, &made);
		now_making(crew, i, made ? HAS_MADE : HAS_MADE_NOTHING);
		if (!good)
			return false;
	}
	return true;
}

/* Or else the snapshots are not of one instant */
static bool all_are_suspended(const struct crew *crew)
{
	struct map_info info;

	for (size_t i = 0; i < crew->n && !options.dry_run; i++) {
		const char *name = crew->origins[i].interposer;

		if (map_info(name, &info) && info.suspended)
			continue;
		if (goes_on(crew))
			complain("somebody else resumed %s before all snapshots were created; try again",
				 name);
		return false;
	}
	return true;
}

static bool resume_all(const struct crew *crew, size_t n, uint32_t *cookie)
{
	bool good = true;

	while (n--) {
		now_at(crew, "%s cannot be resumed",
		       crew->origins[n].interposer);
		if (*crew->origins[n].base)
			good &= map_resume(crew->origins[n].base, cookie);
		good &= map_resume(crew->origins[n].interposer, cookie);
	}
	return good;
}

static bool do_it(const struct crew *crew, uint32_t *cookie)
{
	int phase = RUNNING;
	size_t suspended = 0;
	bool good, resumed;

	good = suspend_all(crew, &suspended) && load_all(crew) &&
	       make_all(crew, cookie) && all_are_suspended(crew);
	if (crew->shared &&
	    !atomic_compare_exchange_strong(&crew->shared->phase, &phase,
					    ALL_MADE))
		return false;
	resumed = resume_all(crew, suspended, cookie);
	phase = ALL_MADE;
	/* if it is not, main and the guards try it, too */
	return resumed &&
	       (!crew->shared ||
		atomic_compare_exchange_strong(&crew->shared->phase, &phase,
					       DONE_ALL)) && good;
}

/* False: there is nothing to be given up any more */
static bool give_up(const struct crew *crew)
{
	atomic_int *phase = &crew->shared->phase;
	int running = RUNNING, made = ALL_MADE;

	return atomic_compare_exchange_strong(phase, &running, GIVEN_UP) ||
	       atomic_compare_exchange_strong(phase, &made, GIVEN_UP) ||
	       made == GIVEN_UP;
}

/*
 * The worker and the guards
 */

/* Where that is not allowed, as in a container, it is a victim like others */
static void keep_from_oom_killer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	dprintf(fd, "-1000");
	close(fd);
}

static void become_child(struct crew *crew)
{
	const int keep[] = { crew->go[READ], crew->ready[WRITE],
		crew->alive[READ], crew->result[WRITE], crew->worker };

	if (!process_is_apart(crew->record, keep, sizeof(keep) / sizeof(*keep)))
		_exit(1);
	process_reserve_memory();
}

/* The last of its descriptors tells main, if it is killed */
static void is_ready(struct crew *crew)
{
	if (write(crew->ready[WRITE], "r", 1) != 1)
		_exit(1);
	close(crew->ready[WRITE]);
}

static void worker_main(struct crew *crew)
{
	struct result result = { };
	char word;

	become_child(crew);
	close(crew->alive[READ]);
	is_ready(crew);
	if (read(crew->go[READ], &word, 1) != 1)
		_exit(1);
	result.good = do_it(crew, &result.cookie);
	take_messages(crew->shared->said, sizeof(crew->shared->said));
	if (write(crew->result[WRITE], &result, sizeof(result)) !=
	    sizeof(result))
		_exit(1);
	_exit(0);
}

static void resume_if_suspended(const struct origin *origin)
{
	struct map_info info;
	uint32_t cookie = 0;

	if (*origin->base && map_info(origin->base, &info) && info.suspended)
		map_resume(origin->base, &cookie);
	if (map_info(origin->interposer, &info) && info.suspended)
		map_resume(origin->interposer, &cookie);
}

static void resume_as_guard(const struct crew *crew, int i)
{
	atomic_int *rescue = &crew->shared->rescue[i];

	atomic_store(rescue, RESUMING);
	resume_if_suspended(&crew->origins[i]);
	atomic_store(rescue, RESUMED);
}

static void rescue(const struct crew *crew, int i)
{
	/* first of all: it ends a wait for I/O in a suspend */
	pidfd_send_signal(crew->worker, SIGKILL, NULL, 0);
	resume_as_guard(crew, i);
	while (!process_is_gone(crew->worker, -1))
		;
	/* whoever else suspends it by now is not disturbed */
	if (atomic_load(&crew->shared->suspending) == i)
		resume_as_guard(crew, i);
	atomic_store(&crew->shared->rescue[i], OVER);
}

static void guard_main(struct crew *crew, int i)
{
	struct pollfd alive = { .fd = crew->alive[READ], .events = POLLIN };
	sigset_t all;
	long deadline;
	int n;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	keep_from_oom_killer();
	map_without_udev();
	become_child(crew);
	close(crew->go[READ]);
	close(crew->result[WRITE]);
	is_ready(crew);
	do {
		n = poll(&alive, 1, SLICE);
		deadline = atomic_load(&crew->shared->deadline);
	} while (n != 1 && (!deadline || now() < deadline + GUARD_LATER));
	if (give_up(crew))
		rescue(crew, i);
	_exit(0);
}

/*
 * Main
 */

static bool start(struct crew *crew, int guard)
{
	pid_t pid = fork();

	if (!pid && guard < 0)
		worker_main(crew);
	if (!pid)
		guard_main(crew, guard);
	if (pid > 0)
		crew->pid[crew->n_pids++] = pid;
	return pid > 0;
}

static bool start_all(struct crew *crew)
{
	char word[1 + ORIGINS_MAX];
	size_t ready = 0;
	ssize_t n = 1;

	if (!start(crew, -1))
		return false;
	crew->worker = pidfd_open(crew->pid[0], 0);
	if (crew->worker < 0)
		return false;
	for (size_t i = 0; i < crew->n; i++)
		if (!start(crew, i))
			return false;
	close(crew->ready[WRITE]);
	crew->ready[WRITE] = -1;
	while (ready < crew->n_pids && n > 0) {
		n = read(crew->ready[READ], word, sizeof(word));
		if (n < 0 && errno == EINTR && !interrupted())
			n = 1;
		else if (n > 0)
			ready += n;
	}
	if (!n)
		errno = ESRCH;	/* one of them has ended */
	return ready == crew->n_pids;
}

static bool begin(struct crew *crew)
{
	crew->shared = mmap(NULL, sizeof(*crew->shared),
			    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	if (crew->shared == MAP_FAILED || crew->n > ORIGINS_MAX ||
	    pipe2(crew->go, O_CLOEXEC) || pipe2(crew->ready, O_CLOEXEC) ||
	    pipe2(crew->alive, O_CLOEXEC) || pipe2(crew->result, O_CLOEXEC))
		return false;
	atomic_store(&crew->shared->suspending, -1);
	fflush(NULL);
	if (!start_all(crew))
		return false;
	close(crew->result[WRITE]);
	crew->result[WRITE] = -1;
	atomic_store(&crew->shared->deadline, now() + crew->limit * 1000L);
	return write(crew->go[WRITE], "g", 1) == 1;
}

static enum answer await_result(const struct crew *crew, struct result *result)
{
	struct pollfd from = { .fd = crew->result[READ], .events = POLLIN };
	long end = atomic_load(&crew->shared->deadline), left;
	bool told = false;
	int n;

	/* even if it is late: this process may have been stopped itself */
	do {
		left = end - now();
		if (left > SLICE)
			left = SLICE;
		n = poll(&from, 1, left > 0 ? left : 0);
		if (interrupted() && !told) {
			pidfd_send_signal(crew->worker, SIGINT, NULL, 0);
			told = true;
		}
		if (n == 1)
			return read(from.fd, result, sizeof(*result)) ==
			       sizeof(*result) ? IN_TIME : KILLED;
	} while (n || left > 0);
	return TOO_LATE;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { };

	return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
	       info.si_pid;
}

static void resume_instead(const struct crew *crew, size_t i, enum rescue state)
{
	resume_if_suspended(&crew->origins[i]);
	atomic_store(&crew->shared->rescue[i], state);
}

/*
 * Resumes instead of guards that are dead, or stopped. That one is only slow does
 * no harm. False: a resume hangs.
 */
static bool await_guards(const struct crew *crew, enum rescue wanted)
{
	atomic_int *rescue = crew->shared->rescue;
	long start = now();
	size_t missing, busy;

	do {
		missing = busy = 0;
		for (size_t i = 0; i < crew->n; i++) {
			if (atomic_load(&rescue[i]) >= (int)wanted)
				continue;
			missing++;
			busy += atomic_load(&rescue[i]) == RESUMING;
			if (has_ended(crew->pid[1 + i]))
				resume_instead(crew, i, wanted);
		}
		if (!missing)
			return true;
		usleep(20000);
	} while (now() < start + (busy ? ENDS : GUARD_WAKES));
	for (size_t i = 0; i < crew->n; i++)
		if (atomic_load(&rescue[i]) < (int)wanted &&
		    atomic_load(&rescue[i]) != RESUMING)
			resume_instead(crew, i, wanted);
	return !busy;
}

/* True: all are resumed, and nobody is left who could suspend one */
static bool all_is_over(const struct crew *crew)
{
	bool good = await_guards(crew, RESUMED);

	return process_is_gone(crew->worker, ENDS) && good && await_guards(crew, OVER);
}

static void tell_why(const struct crew *crew, enum answer ending,
		     const char *at)
{
	struct map_info info;

	if (ending == KILLED)
		complain("the process that creates the snapshots was killed");
	else if (ending == TOO_LATE)
		complain("given up after %u seconds: %s", crew->limit, *at ? at :
			 "the process that creates the snapshots does not continue");
	for (size_t i = 0; i < crew->n; i++)
		if (map_info(crew->origins[i].interposer, &info) &&
		    info.suspended)
			complain("%s is still suspended, because it cannot be resumed",
				 crew->origins[i].interposer);
}

/* None of them does anything that may hang */
static void end_all(const struct crew *crew)
{
	for (size_t i = 0; i < crew->n_pids; i++) {
		kill(crew->pid[i], SIGKILL); /* not reaped yet: it is that one */
		while (waitpid(crew->pid[i], NULL, 0) < 0 && errno == EINTR)
			;
	}
}

/* Afterwards, whatever has happened */
static enum outcome end(struct crew *crew, enum answer ending,
			const struct result *result)
{
	struct shared *shared = crew->shared;
	static char at[sizeof(shared->at)];
	bool over = true;

	memcpy(at, shared->at, sizeof(at));
	if (atomic_load(&shared->phase) == GIVEN_UP)
		ending = TOO_LATE; /* by a guard, while this was stopped */
	if (give_up(crew)) {
		pidfd_send_signal(crew->worker, SIGKILL, NULL, 0);
		close(crew->alive[WRITE]);
		crew->alive[WRITE] = -1;
		over = all_is_over(crew);
	}
	hold_messages(false);
	fputs(shared->said, stderr);
	if (over)
		end_all(crew);
	tell_why(crew, ending, at);
	if (ending == IN_TIME && !result->good && !*shared->said &&
	    !interrupted())
		complain("the process that creates the snapshots was interrupted");
	if (!over)
		return INSTANT_HANGS;
	return ending == IN_TIME && result->good ? INSTANT_DONE : INSTANT_FAILED;
}

static void close_all(struct crew *crew)
{
	int *pipes[] = { crew->go, crew->ready, crew->alive, crew->result };

	for (size_t i = 0; i < sizeof(pipes) / sizeof(*pipes); i++)
		for (int j = READ; j <= WRITE; j++)
			if (pipes[i][j] >= 0)
				close(pipes[i][j]);
	if (crew->worker >= 0)
		close(crew->worker);
	if (crew->shared != MAP_FAILED)
		munmap(crew->shared, sizeof(*crew->shared));
}

/* While it hangs, its worker may not have ended, and may begin another one */
static enum made made_by(const struct crew *crew, size_t i, bool hangs)
{
	if (crew->shared == MAP_FAILED)
		return MADE_NOTHING;
	switch ((enum making)atomic_load(&crew->shared->making[i])) {
	case HAS_MADE:
		return MADE;
	case HAS_MADE_NOTHING:
		return MADE_NOTHING;
	case NOT_BEGUN:
		return hangs ? MADE_UNKNOWN : MADE_NOTHING;
	case BEGUN:
		break;
	}
	return MADE_UNKNOWN;
}

static enum outcome with_crew(struct crew *crew)
{
	struct result result = { };
	enum outcome outcome = INSTANT_FAILED;

	if (begin(crew)) {
		hold_messages(true);
		outcome = end(crew, await_result(crew, &result), &result);
	} else {
		if (!interrupted())
			complain("cannot start the processes that create the snapshots and watch the suspended devices: %s",
				 strerror(errno));
		end_all(crew); /* nothing has begun */
	}
	for (size_t i = 0; i < crew->n && i < ORIGINS_MAX; i++)
		crew->origins[i].made = made_by(crew, i,
						outcome == INSTANT_HANGS);
	close_all(crew);
	munlockall();
	map_wait(result.cookie);
	for (size_t i = 0; i < crew->n && outcome == INSTANT_DONE; i++)
		map_make_node(crew->origins[i].snapshot);
	return outcome;
}

enum outcome instant(struct origin *origins, size_t n, unsigned int limit,
		     struct record *record)
{
	struct crew crew = { .origins = origins, .n = n, .limit = limit,
			     .record = record, .shared = MAP_FAILED,
			     .worker = -1, .go = { -1, -1 },
			     .ready = { -1, -1 }, .alive = { -1, -1 },
			     .result = { -1, -1 } };
	uint32_t cookie = 0;

	if (options.dry_run) {
		crew.shared = NULL;
		return do_it(&crew, &cookie) ? INSTANT_DONE : INSTANT_FAILED;
	}
	signal(SIGPIPE, SIG_IGN); /* each of the others may be gone */
	signal(SIGCHLD, SIG_DFL); /* but its number stays until it is waited for */
	map_warm_up();
	mlockall(MCL_CURRENT | MCL_FUTURE);
	return with_crew(&crew);
}
