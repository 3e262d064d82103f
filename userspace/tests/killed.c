// SPDX-License-Identifier: GPL-2.0
/*
 * For tests: KILL_AT=N in the environment kills the program before its Nth
 * step, as SIGKILL does at any moment, and INTERRUPT_AT=N interrupts it there.
 * Steps are counted over all of its processes; with COUNT=worker those of the
 * process alone that is started for the instant. WHO=worker: the signal is for
 * that process, else for the first one, as from outside; SIGNAL=N is another one
 * than SIGKILL. RUN is a command for a shell, run before each step.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../interposectl/say.h"

static atomic_int *count;
static pid_t first;

__attribute__((constructor))
static void begin(void)
{
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (count == MAP_FAILED)
		abort();
	first = getpid();
}

static bool is(const char *name, const char *value)
{
	const char *is = getenv(name);

	return is && !strcmp(is, value);
}

static bool is_at(const char *name, int step)
{
	const char *at = getenv(name);

	return at && atoi(at) == step;
}

void step_begins(void)
{
	const char *run = getenv("RUN"), *number = getenv("SIGNAL");
	int step = atomic_fetch_add(count, 1) + 1;
	int signal = number ? atoi(number) : SIGKILL;
	static int own;

	own += getpid() != first;
	if (is("COUNT", "worker"))
		step = own;
	if (run && system(run))
		abort();
	if (is_at("KILL_AT", step)) {
		kill(is("WHO", "worker") ? getpid() : first, signal);
		if (getpid() != first && signal == SIGKILL)
			pause(); /* until it is gone, too */
	}
	if (is_at("INTERRUPT_AT", step)) {
		kill(first, SIGINT);
		if (getpid() != first)
			raise(SIGINT);
	}
}
