// SPDX-License-Identifier: GPL-2.0
/*
 * The processes of an instant, with devices that are two words in shared memory:
 * they are killed or stopped before each step, any two of the three kinds at once,
 * a step hangs, and somebody else resumes. Whatever happens, nothing stays
 * suspended.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "instant.h"
#include "say.h"
#include "tap.h"

#define N 2
#define STEPS 6				/* suspend, suspend, make, make, resume, resume */
#define BASE 2				/* beneath the first one, if that is an era */
#define ERA_STEPS 9			/* its suspend, the era's new table, its resume */

enum event { NOTHING, KILL_WORKER, STOP_WORKER, KILL_MAIN, STOP_MAIN, HANG,
	RESUME, INTERRUPT, INTERRUPT_WORKER, KILL_MAIN_AND_GUARDS,
	KILL_GUARDS_AND_WORKER, KILL_GUARDS_AND_HANG, STOP_GUARDS_AND_HANG,
	STOP_MAIN_AND_HANG, RESUME_HANGS };

static struct world {
	atomic_bool suspended[N + 1], has[N];
	atomic_bool era, loaded, disorder;
	atomic_int made, steps, at;
	_Atomic enum event event;
	_Atomic pid_t main, worker, guards[N];
	atomic_int n_guards;
	atomic_bool stuck;
	char said[1024];
} *world;

struct options options;

/*
 * What instant.c calls
 */

static volatile sig_atomic_t caught;

static void note(int signal)
{
	(void)signal;
	caught = 1;
}

bool interrupted(void)
{
	return caught;
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(world->said, sizeof(world->said), format, args);
	va_end(args);
}

void hold_messages(bool hold)
{
	(void)hold;
}

void take_messages(char *text, size_t size)
{
	snprintf(text, size, "%s", world->said);
}

void state_leave(void)
{
}

bool record_lock(const struct record *record)
{
	sigset_t blocked;
	int i;

	(void)record;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	if (!sigismember(&blocked, SIGTERM)) {
		atomic_store(&world->worker, getpid());
		return true;
	}
	i = atomic_fetch_add(&world->n_guards, 1);
	if (i < N)
		atomic_store(&world->guards[i], getpid());
	return true;
}

void map_warm_up(void)
{
}

void map_without_udev(void)
{
}

void map_wait(uint32_t cookie)
{
	(void)cookie;
}

void map_make_node(const char *name)
{
	(void)name;
}

static void hang(void)
{
	for (;;)
		pause();
}

static void signal_guards(int signal)
{
	for (int i = 0; i < N; i++)
		kill(atomic_load(&world->guards[i]), signal);
}

static void step_of_worker(void)
{
	pid_t main = atomic_load(&world->main);

	if (getpid() != atomic_load(&world->worker) ||
	    atomic_fetch_add(&world->steps, 1) + 1 != atomic_load(&world->at))
		return;
	switch (atomic_load(&world->event)) {
	case KILL_WORKER: raise(SIGKILL); break;
	case STOP_WORKER: raise(SIGSTOP); break;
	case KILL_MAIN:
		kill(main, SIGKILL);
		pause();
		break;
	case STOP_MAIN: kill(main, SIGSTOP); break;
	case INTERRUPT:
		kill(main, SIGINT);
		while (!interrupted())
			usleep(1000);
		break;
	case HANG: hang(); break;
	case INTERRUPT_WORKER: raise(SIGINT); break;
	case KILL_MAIN_AND_GUARDS:
		signal_guards(SIGKILL);
		kill(main, SIGKILL);
		break;
	case KILL_GUARDS_AND_WORKER:
		signal_guards(SIGKILL);
		raise(SIGKILL);
		break;
	case KILL_GUARDS_AND_HANG: signal_guards(SIGKILL); hang(); break;
	case STOP_GUARDS_AND_HANG: signal_guards(SIGSTOP); hang(); break;
	case STOP_MAIN_AND_HANG: kill(main, SIGSTOP); hang(); break;
	case RESUME_HANGS: atomic_store(&world->stuck, true); break;
	case RESUME: atomic_store(&world->suspended[0], false); break;
	case NOTHING: break;
	}
}

/* The names are "0" and "1", and "2" is beneath the first one */
bool map_info(const char *name, struct map_info *info)
{
	memset(info, 0, sizeof(*info));
	info->exists = true;
	info->suspended = atomic_load(&world->suspended[atoi(name)]);
	return true;
}

bool map_suspend(const char *name)
{
	step_of_worker();
	if (atoi(name) == BASE && !atomic_load(&world->suspended[0]))
		atomic_store(&world->disorder, true);
	atomic_store(&world->suspended[atoi(name)], true);
	return true;
}

bool map_load(const char *name, uint64_t sectors, const char *type,
	      const char *params)
{
	(void)sectors;
	(void)type;
	step_of_worker();
	if (strcmp(name, "0") || strcmp(params, "era") ||
	    !atomic_load(&world->suspended[0]))
		atomic_store(&world->disorder, true);
	atomic_store(&world->loaded, true);
	return true;
}

bool map_resume(const char *name, uint32_t *cookie)
{
	(void)cookie;
	step_of_worker();
	while (atoi(name) == 1 && atomic_load(&world->stuck))
		usleep(1000);
	if (!atoi(name) && atomic_load(&world->suspended[BASE]))
		atomic_store(&world->disorder, true);
	atomic_store(&world->suspended[atoi(name)], false);
	return true;
}

bool map_create(const char *name, enum map_kind kind, uint64_t sectors,
		const char *type, const char *params, uint32_t *cookie,
		bool *made)
{
	(void)kind;
	(void)sectors;
	(void)type;
	(void)params;
	(void)cookie;
	step_of_worker();
	atomic_store(&world->has[atoi(name + strlen("snap"))], true);
	atomic_fetch_add(&world->made, 1);
	*made = true;
	return true;
}

/*
 * Cases
 */

static void begin(enum event event, int at)
{
	bool era = atomic_load(&world->era);

	memset(world, 0, sizeof(*world));
	atomic_store(&world->era, era);
	atomic_store(&world->event, event);
	atomic_store(&world->at, at);
}

/* What it says of the snapshots is so: unknown is only one that is in the making */
static int told(enum outcome outcome, const struct origin *origins)
{
	for (int i = 0; i < N; i++)
		if (origins[i].made == MADE_UNKNOWN ?
		    outcome == INSTANT_DONE || atomic_load(&world->has[i]) :
		    (origins[i].made == MADE) != atomic_load(&world->has[i]))
			return 100 + i;
	return outcome;
}

/* Main, as a child of this test, which is its subreaper: the exit status is the outcome */
static pid_t start(unsigned int limit)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct origin origins[N] = { };
		struct record record = { };
		struct sigaction action = { .sa_handler = note };

		atomic_store(&world->main, getpid());
		sigaction(SIGINT, &action, NULL);
		for (int i = 0; i < N; i++) {
			snprintf(origins[i].interposer, 8, "%d", i);
			snprintf(origins[i].snapshot, 8, "snap%d", i);
			snprintf(origins[i].cow, 8, "cow%d", i);
		}
		if (atomic_load(&world->era)) {
			snprintf(origins[0].base, 8, "%d", BASE);
			strcpy(origins[0].table, "era");
		}
		_exit(told(instant(origins, N, limit, &record), origins));
	}
	return pid;
}

static bool all_are_thawed(void)
{
	return !atomic_load(&world->suspended[0]) &&
	       !atomic_load(&world->suspended[1]) &&
	       !atomic_load(&world->suspended[BASE]);
}

/* What was killed leaves its children to this process: until there is none */
static bool ends_thawed(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
	return all_are_thawed();
}

static void one(const char *what, enum event event, int at, unsigned int limit,
		int wanted, const char *said)
{
	char claim[128];
	int status;
	pid_t pid;

	begin(event, at);
	pid = start(limit);
	if (event == STOP_MAIN) {
		waitpid(pid, &status, WUNTRACED);
		while (atomic_load(&world->steps) < STEPS)
			usleep(1000);
		kill(pid, SIGCONT);
	}
	if (event == STOP_MAIN_AND_HANG) {
		waitpid(pid, &status, WUNTRACED);
		while (!all_are_thawed())
			usleep(1000);
		kill(pid, SIGCONT);
	}
	waitpid(pid, &status, 0);
	snprintf(claim, sizeof(claim), "%s before step %d: %d, %s", what, at,
		 status, world->said);
	is(claim, wanted < 0 ? WIFSIGNALED(status) :
	   WIFEXITED(status) && WEXITSTATUS(status) == wanted);
	snprintf(claim, sizeof(claim), "%s before step %d: all is thawed", what,
		 at);
	is(claim, ends_thawed() && (!said || strstr(world->said, said)));
}

/* The device's own I/O does not complete: the other one is resumed all the same */
static void resume_hangs(int at)
{
	int status;
	pid_t pid;

	begin(RESUME_HANGS, at);
	pid = start(1);
	waitpid(pid, &status, 0);
	is("a resume hangs, in whatever process: it ends, and says so",
	   WIFEXITED(status) && WEXITSTATUS(status) == INSTANT_HANGS &&
	   strstr(world->said, "1 is still suspended"));
	is("the other one is resumed", !atomic_load(&world->suspended[0]) &&
				       atomic_load(&world->suspended[1]));
	atomic_store(&world->stuck, false);
	is("when the device answers, all is thawed", ends_thawed());
}

/* An era, with what is beneath it: never suspended alone, nor longer */
static void with_an_era(void)
{
	atomic_store(&world->era, true);
	one("an era: nothing happens", NOTHING, 0, 60, INSTANT_DONE, NULL);
	is("its table is loaded", atomic_load(&world->loaded) &&
	   !atomic_load(&world->disorder));
	is("in nine steps", atomic_load(&world->steps) == ERA_STEPS);
	for (int at = 1; at <= ERA_STEPS; at++) {
		one("an era: the worker is killed", KILL_WORKER, at, 60,
		    INSTANT_FAILED, "was killed");
		is("all in its order", !atomic_load(&world->disorder));
		one("an era: the first process is killed", KILL_MAIN, at, 60, -1,
		    NULL);
		is("all in its order", !atomic_load(&world->disorder));
	}
	one("an era: its metadata hang", HANG, 4, 1, INSTANT_FAILED,
	    "the metadata device of 0 does not answer");
	atomic_store(&world->era, false);
}

int main(void)
{
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (world == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1))
		return 1;
	one("nothing happens", NOTHING, 0, 60, INSTANT_DONE, NULL);
	is("two snapshots are made", atomic_load(&world->made) == N);
	is("in six steps", atomic_load(&world->steps) == STEPS);
	for (int at = 1; at <= STEPS; at++) {
		one("the worker is killed", KILL_WORKER, at, 60, INSTANT_FAILED,
		    "was killed");
		one("the worker is stopped", STOP_WORKER, at, 1, INSTANT_FAILED,
		    "given up after 1 seconds");
		one("the first process is killed", KILL_MAIN, at, 60, -1, NULL);
		one("the first process is stopped", STOP_MAIN, at, 60,
		    INSTANT_DONE, NULL);
		one("the guards and the worker are killed",
		    KILL_GUARDS_AND_WORKER, at, 60, INSTANT_FAILED,
		    "was killed");
		one("all but the worker are killed", KILL_MAIN_AND_GUARDS, at,
		    60, -1, NULL);
		is("which makes the snapshots", atomic_load(&world->made) == N);
		one("the worker is interrupted", INTERRUPT_WORKER, at, 60,
		    at < 4 ? INSTANT_FAILED : INSTANT_DONE, NULL);
	}
	for (int at = 2; at <= STEPS; at += 3) {
		one("the guards are killed, and it hangs", KILL_GUARDS_AND_HANG,
		    at, 1, INSTANT_FAILED, "given up after 1 seconds");
		one("the guards are stopped, and it hangs",
		    STOP_GUARDS_AND_HANG, at, 1, INSTANT_FAILED,
		    "given up after 1 seconds");
		one("the first process is stopped, and it hangs",
		    STOP_MAIN_AND_HANG, at, 1, INSTANT_FAILED,
		    "given up after 1 seconds");
	}
	resume_hangs(4);
	resume_hangs(5);
	one("a suspend hangs", HANG, 1, 1, INSTANT_FAILED, "cannot be suspended");
	one("a COW store hangs", HANG, 3, 1, INSTANT_FAILED,
	    "cow0, the COW store of snap0, does not answer");
	one("the other COW store hangs", HANG, 4, 1, INSTANT_FAILED,
	    "cow1, the COW store of snap1, does not answer");
	one("a resume hangs", HANG, 6, 1, INSTANT_FAILED, "cannot be resumed");
	one("somebody else resumes", RESUME, 4, 60, INSTANT_FAILED,
	    "somebody else resumed 0");
	for (int at = 1; at <= 4; at++)
		/* at the last one it is for the caller to see */
		one("it is interrupted", INTERRUPT, at, 60,
		    at < 4 ? INSTANT_FAILED : INSTANT_DONE, NULL);
	with_an_era();
	return done();
}
