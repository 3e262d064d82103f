// SPDX-License-Identifier: GPL-2.0
/*
 * A process with a limit: it ends, it fails, it waits for ever, it is killed; and
 * the first one, which waits for it, is interrupted, stopped or killed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "say.h"
#include "tap.h"

struct options options;
static const struct record record;

static struct world {
	_Atomic pid_t worker;
	atomic_bool locked;
	bool undone;			/* then the record cannot be locked */
} *world;

/*
 * What process.c calls
 */

static volatile sig_atomic_t caught;
static char held[1024];

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
	vsnprintf(held, sizeof(held), format, args);
	va_end(args);
}

void hold_messages(bool hold)
{
	(void)hold;
}

void take_messages(char *text, size_t size)
{
	snprintf(text, size, "%s", held);
}

void state_leave(void)
{
}

bool record_lock(const struct record *record)
{
	(void)record;
	atomic_store(&world->locked, true);
	return !world->undone;
}

/*
 * What is run
 */

static bool fine(void *data)
{
	*(int *)data += 1;
	return true;
}

static bool fails(void *data)
{
	(void)data;
	complain("no such device\n");
	return false;
}

/* As an ioctl does in which only a fatal signal is heard */
static bool waits(void *data)
{
	(void)data;
	atomic_store(&world->worker, getpid());
	for (;;)
		pause();
	return true;
}

static bool is_killed(void *data)
{
	(void)data;
	raise(SIGKILL);
	return true;
}

/* Standard input, output and error are nobody's, and the pipe's end is closed */
static bool looks_at_files(void *data)
{
	char to[64] = "";

	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, to, sizeof(to) - 1) < 0 ||
		    strncmp(to, "/dev/null", 9))
			return false;
	}
	return fcntl(*(int *)data, F_GETFD) < 0;
}

/* A device that answers, or does not */
static uint64_t answers(const void *data)
{
	static uint64_t n;

	n += *(const bool *)data;
	return n;
}

static bool takes_three_seconds(void *data)
{
	(void)data;
	usleep(3000000);
	return true;
}

/* And nothing that could be undone: no lock is needed */
static void gets_on(void)
{
	bool does = true;
	struct process process = { .data = &does, .limit = 1,
				   .progress = answers };

	atomic_store(&world->locked, false);
	process.run = takes_three_seconds;
	is("while it gets on, the limit begins anew",
	   process_in_time(&process) == ENDED_WELL);
	process.run = waits;
	does = false;
	is("if it does not, it ends", process_in_time(&process) == ENDED_LATE);
	is("nothing was locked", !process.hangs && !world->locked);
}

static atomic_bool *begun;

static bool begins_after_three_seconds(void *data)
{
	bool more = *(bool *)data;

	usleep(3000000);
	process_limit_begins(begun, 1);
	return !more || waits(NULL);
}

/* Before that it takes as long as it takes; then the alarm is its own */
static void begins_later(void)
{
	struct process process = { .run = begins_after_three_seconds,
				   .limit = 1, .record = &record };
	bool more = false;

	begun = process_share(sizeof(*begun));
	process.begun = begun;
	process.data = &more;
	is("until the limit begins, it takes as long as it takes",
	   begun && process_in_time(&process) == ENDED_WELL && *begun);
	more = true;
	atomic_store(begun, false);
	is("from then on it counts", process_in_time(&process) == ENDED_LATE &&
				     *begun && !process.hangs);
}

static enum ending limited(bool (*what)(void *), void *data,
			   unsigned int limit)
{
	struct process process = { .run = what, .data = data, .limit = limit,
				   .record = &record };
	enum ending ending;

	atomic_store(&world->locked, false);
	ending = process_in_time(&process);
	is("it does not hang, and the record was locked", !process.hangs &&
							  world->locked);
	return ending;
}

/* What it says on standard error, which is a pipe meanwhile */
static void says(const char *wanted)
{
	int ends[2], old = dup(STDERR_FILENO);
	char text[256] = "";

	if (pipe(ends))
		return;
	dup2(ends[1], STDERR_FILENO);
	is("it fails", limited(fails, NULL, 60) == ENDED_BADLY);
	dup2(old, STDERR_FILENO);
	close(old);
	close(ends[1]);
	if (read(ends[0], text, sizeof(text) - 1) < 0)
		perror("read");
	close(ends[0]);
	is("what it says is said by the first process", !strcmp(text, wanted));
}

/* The first process, as a child of this test, gets @signal while it waits */
static pid_t signalled(int signal, bool goes_on, unsigned int limit)
{
	pid_t pid;

	atomic_store(&world->worker, 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct sigaction action = { .sa_handler = note };
		struct process process = { .run = waits, .limit = limit,
					   .record = &record,
					   .goes_on = goes_on };

		sigaction(SIGINT, &action, NULL);
		_exit(process_in_time(&process));
	}
	while (!atomic_load(&world->worker))
		usleep(1000);
	kill(pid, signal);
	return pid;
}

static int status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

/* What was killed has left it to this process */
static bool worker_ends(int signal)
{
	int status = status_of(atomic_load(&world->worker));

	return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

/* Ended, and not waited for, since the first process is stopped */
static bool is_zombie(pid_t pid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(file);
	return state == 'Z';
}

static void first_process(void)
{
	int status;
	pid_t pid;

	status = status_of(signalled(SIGINT, false, 60));
	is("interrupted, it ends both", WEXITSTATUS(status) == ENDED_EARLY);
	status = status_of(signalled(SIGINT, true, 1));
	is("unless it is to go on, until the limit",
	   WEXITSTATUS(status) == ENDED_LATE);
	pid = signalled(SIGSTOP, false, 1);
	while (!is_zombie(world->worker))
		usleep(1000);
	kill(pid, SIGCONT);
	is("stopped, it finds that the limit was kept",
	   WEXITSTATUS(status_of(pid)) == ENDED_LATE);
	status = status_of(signalled(SIGKILL, false, 60));
	is("killed, it leaves nobody behind", WIFSIGNALED(status) &&
					      worker_ends(SIGKILL));
}

int main(void)
{
	int *number = process_share(sizeof(*number)), ends[2];

	world = process_share(sizeof(*world));
	if (!number || !world || prctl(PR_SET_CHILD_SUBREAPER, 1) || pipe(ends))
		return 1;
	is("it ends in time", limited(fine, number, 60) == ENDED_WELL);
	is("what is shared has changed", *number == 1);
	says("no such device\n");
	*number = ends[1];
	is("it has no files of others",
	   limited(looks_at_files, number, 60) == ENDED_WELL);
	is("it waits for ever", limited(waits, NULL, 1) == ENDED_LATE);
	is("it is killed", limited(is_killed, NULL, 60) == ENDED_EARLY);
	signal(SIGCHLD, SIG_IGN);
	is("nobody wanted to know of children",
	   limited(fine, number, 60) == ENDED_WELL);
	world->undone = true;
	is("its record is undone", limited(fine, number, 60) == ENDED_BADLY);
	is("so it has done nothing", *number == ends[1] + 1);
	world->undone = false;
	gets_on();
	begins_later();
	first_process();
	return done();
}
