// SPDX-License-Identifier: GPL-2.0
/*
 * While an origin is suspended, whoever reads or writes it waits. If it is
 * under the root file system that is also who starts a program, loads a page
 * of one, or prints to a file. So between the first suspend and the last resume
 * nothing is read, written or started: all memory is locked, and udev is waited
 * for afterwards. Should this process be killed meanwhile, its child resumes.
 *
 *     parent:  suspend a, b   make snapshots   resume b, a   "done"  wait
 *                 |                                            |
 *     child:      +---- waits for "done", or for the parent's end
 */
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "instant.h"
#include "say.h"
#include "state.h"

static bool resume_all(struct origin *origins, size_t n, uint32_t *cookie)
{
	bool good = true;

	while (n--)
		if (!map_resume(origins[n].interposer, cookie))
			good = false;
	return good;
}

/*
 * The guard
 */

struct guard {
	pid_t pid;
	int pipe[2];			/* from it, and to it */
};

static void resume_what_is_suspended(struct origin *origins, size_t n)
{
	struct map_info info;
	uint32_t cookie = 0;

	while (n--)
		if (map_info(origins[n].interposer, &info) && info.suspended)
			map_resume(origins[n].interposer, &cookie);
}

static void guard_main(struct guard *guard, struct origin *origins, size_t n)
{
	sigset_t all;
	char word;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	hold_messages(true);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	if (write(guard->pipe[1], "r", 1) == 1 &&
	    read(guard->pipe[0], &word, 1) != 1)
		resume_what_is_suspended(origins, n);
	_exit(0);
}

/* Each end has its ends of two pipes, and sees when the other one is gone */
static bool guard_begin(struct guard *guard, struct origin *origins, size_t n)
{
	int to[2], from[2];
	char ready;

	if (pipe(to) || pipe(from))
		return false;
	fflush(NULL);
	guard->pid = fork();
	if (!guard->pid) {
		close(to[1]);
		close(from[0]);
		guard->pipe[0] = to[0];
		guard->pipe[1] = from[1];
		guard_main(guard, origins, n);
	}
	close(to[0]);
	close(from[1]);
	guard->pipe[0] = from[0];
	guard->pipe[1] = to[1];
	return guard->pid > 0 && read(from[0], &ready, 1) == 1;
}

static void guard_end(struct guard *guard)
{
	if (write(guard->pipe[1], "d", 1) != 1)
		complain("the guard process has ended early");
	close(guard->pipe[0]);
	close(guard->pipe[1]);
	waitpid(guard->pid, NULL, 0);
}

/*
 * The moment
 */

static bool suspend_all(struct origin *origins, size_t n, size_t *suspended)
{
	for (; *suspended < n; ++*suspended)
		if (interrupted() || !map_suspend(origins[*suspended].interposer))
			return false;
	return true;
}

static bool make_all(struct origin *origins, size_t n, uint32_t *cookie)
{
	char params[PATH_MAX + 256];

	for (size_t i = 0; i < n; i++) {
		snprintf(params, sizeof(params), "%s %s P %u",
			 origins[i].beneath, origins[i].cow, origins[i].chunk);
		if (interrupted() ||
		    !map_create(origins[i].snapshot, MAP_SNAPSHOT,
				origins[i].device.sectors, "snapshot", params,
				cookie))
			return false;
	}
	return true;
}

bool instant(struct origin *origins, size_t n)
{
	size_t suspended = 0;
	uint32_t cookie = 0;
	struct guard guard = { };
	bool good;

	map_warm_up();
	mlockall(MCL_CURRENT | MCL_FUTURE);
	if (!options.dry_run && !guard_begin(&guard, origins, n)) {
		complain("cannot start the guard process that would resume the devices");
		return false;
	}
	hold_messages(true);
	good = suspend_all(origins, n, &suspended) &&
	       make_all(origins, n, &cookie);
	good &= resume_all(origins, suspended, &cookie);
	hold_messages(false);
	munlockall();
	if (!options.dry_run)
		guard_end(&guard);
	map_wait(cookie);
	return good;
}
