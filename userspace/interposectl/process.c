// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "say.h"

#define SLICE		100		/* ms */
#define ALARM_FIRST	1000		/* the alarm is to be the first */
#define ENDS		10000		/* what does not hang */
#define RESERVE		(1024 * 1024)

/*
 * Apart
 */

/* Whoever reads what we print need not wait for a process that hangs */
static void close_output(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
}

static bool is_one_of(int fd, const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] == fd)
			return true;
	return false;
}

/*
 * Nor need anybody wait for a lock, or for the end of a pipe, whose descriptor
 * was inherited. What libdevmapper and reason.c have opened is theirs.
 */
static void close_others(const int *keep, size_t n_keep)
{
	DIR *dir = opendir("/proc/self/fd");
	char path[64], to[64];
	struct dirent *entry;
	ssize_t n;
	int fd;

	while (dir && (entry = readdir(dir))) {
		fd = atoi(entry->d_name);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof(to) - 1);
		to[n > 0 ? n : 0] = '\0';
		if (fd > STDERR_FILENO && fd != dirfd(dir) &&
		    !is_one_of(fd, keep, n_keep) && strcmp(to, "/dev/kmsg") &&
		    strcmp(to, "/dev/mapper/control"))
			close(fd);
	}
	if (dir)
		closedir(dir);
}

bool process_is_apart(const struct record *record, const int *keep,
		      size_t n_keep)
{
	setsid();
	hold_messages(true);
	state_leave(); /* the lock is main's alone, and ends with it */
	close_output();
	close_others(keep, n_keep);
	return !chdir("/") && (!record || record_lock(record));
}

void process_reserve_memory(void)
{
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, 2 * RESERVE);
	free(malloc(RESERVE));
	mlockall(MCL_CURRENT | MCL_FUTURE);
}

bool process_is_gone(int pidfd, int milliseconds)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	int n;

	do
		n = poll(&end, 1, milliseconds);
	while (n < 0 && errno == EINTR);
	return n != 0;
}

void *process_share(size_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (data != MAP_FAILED)
		return data;
	complain("out of memory");
	return NULL;
}

void process_unshare(void *data, size_t size)
{
	munmap(data, size);
}

/*
 * With a limit
 *
 * The child waits in the kernel, where a signal is heard if it is fatal: the
 * alarm is, as its action is the default one. Then the kernel undoes what the
 * ioctl has done so far. Whoever is first of the alarm, main, and the end of
 * main, the others find a process that is being killed already.
 */

static void wish_to_die_of_signals(pid_t main)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };
	sigset_t none;

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != main)
		raise(SIGKILL); /* it was gone before that */
}

__attribute__((noreturn))
static void child(const struct process *process, pid_t main, char *said,
		  size_t size)
{
	bool good;

	wish_to_die_of_signals(main);
	if (!process->progress && !process->begun)
		alarm(process->limit);
	if (!process_is_apart(process->record, NULL, 0))
		_exit(1);
	process_reserve_memory();
	good = process->run(process->data);
	alarm(0);
	take_messages(said, size);
	_exit(!good);
}

void process_limit_begins(atomic_bool *begun, unsigned int limit)
{
	alarm(limit);
	atomic_store(begun, true);
}

static long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What it has ended by, or is to end by; it is still to be waited for */
static enum ending await(int pidfd, const struct process *process)
{
	long limit = process->limit * 1000L + ALARM_FIRST, end = now() + limit;
	uint64_t at = 0, was = 0;

	while (!process_is_gone(pidfd, SLICE)) {
		bool early = interrupted() && !process->goes_on;

		if (process->progress)
			at = process->progress(process->data);
		if (at != was ||
		    (process->begun && !atomic_load(process->begun)))
			end = now() + limit;
		was = at;
		if (!early && now() < end)
			continue;
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		return early ? ENDED_EARLY : ENDED_LATE;
	}
	return ENDED_WELL;
}

static enum ending ending_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ENDED_EARLY;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) ? ENDED_BADLY : ENDED_WELL;
	return WTERMSIG(status) == SIGALRM ? ENDED_LATE : ENDED_EARLY;
}

/* It is not reaped yet: the number is its own */
static enum ending end(struct process *process, pid_t pid)
{
	int pidfd = pidfd_open(pid, 0);
	enum ending ending, own;

	if (pidfd < 0) {
		complain("cannot watch a process: %s", strerror(errno));
		kill(pid, SIGKILL);
		ending_of(pid);
		return ENDED_EARLY;
	}
	ending = await(pidfd, process);
	process->hangs = !process_is_gone(pidfd, process->record ? ENDS : SLICE);
	close(pidfd);
	if (process->hangs)
		return ending;
	own = ending_of(pid);
	/* it was told to end, but had ended already, or by its alarm */
	return ending == ENDED_WELL || own != ENDED_EARLY ? own : ending;
}

enum ending process_in_time(struct process *process)
{
	const size_t size = 8192;
	enum ending ending = ENDED_BADLY;
	char *said = process_share(size);
	pid_t main = getpid(), pid;

	process->hangs = false;
	if (!said)
		return ENDED_BADLY;
	signal(SIGCHLD, SIG_DFL); /* its number stays until it is waited for */
	mlockall(MCL_CURRENT | MCL_FUTURE); /* this is to wake in any case */
	fflush(NULL);
	pid = fork();
	if (!pid)
		child(process, main, said, size);
	if (pid > 0)
		ending = end(process, pid);
	else
		complain("cannot start a process: %s", strerror(errno));
	munlockall();
	fputs(said, stderr);
	process_unshare(said, size);
	return ending;
}
