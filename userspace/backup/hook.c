// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook.h"
#include "say.h"

#define TICK_NS		10000000L

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* In a session of its own, so that all that it starts can be killed */
static pid_t start(const struct moment *moment, const char *const argv[])
{
	pid_t pid;
	int null;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	setsid();
	moment_tell(moment, NEWS_HOOK_BEGINS);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	null = open("/dev/null", O_RDONLY);
	dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	execv(argv[0], (char **)argv);
	_exit(127);
}

/* At the limit it is killed. 0: done, 1: failed, 2: took too long */
static int await(pid_t pid, double until)
{
	static const struct timespec tick = { .tv_nsec = TICK_NS };
	bool late = false;
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (now() > until) {
			late = true;
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		nanosleep(&tick, NULL);
	}
	if (late)
		return 2;
	return !WIFEXITED(status) || WEXITSTATUS(status);
}

static bool call(const struct moment *moment, const char *const argv[],
		 const char *shown, double until)
{
	pid_t pid;
	int ended;

	if (!step("%s", shown))
		return true;
	pid = start(moment, argv);
	ended = pid > 0 ? await(pid, until) : 1;
	moment_tell(moment, NEWS_HOOK_ENDED);
	if (ended == 2)
		complain("%s took longer than %u seconds, and was killed", shown,
			 moment->hook_limit);
	else if (ended)
		complain("%s has failed", shown);
	return !ended;
}

static bool call_command(const struct moment *moment, const char *command,
			 double until)
{
	const char *argv[] = { "/bin/sh", "-c", command, NULL };

	return !command || call(moment, argv, command, until);
}

/*
 * The directory
 */

/* What editors and dpkg leave is none, as with qemu-ga */
static int is_hook(const struct dirent *entry)
{
	static const char *const ends[] = { "~", ".bak", ".orig", ".rpmnew",
		".rpmorig", ".rpmsave", ".sample", ".dpkg-old", ".dpkg-new",
		".dpkg-dist" };
	size_t length = strlen(entry->d_name);

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (length >= strlen(ends[i]) &&
		    !strcmp(entry->d_name + length - strlen(ends[i]), ends[i]))
			return false;
	return *entry->d_name != '.';
}

static bool call_all(const struct moment *moment, const char *word,
		     double until, bool stop)
{
	char path[PATH_MAX], shown[PATH_MAX + 8];
	struct dirent **entries;
	bool good = true;
	struct stat st;
	int n = scandir(moment->hooks, &entries, is_hook, alphasort);

	for (int i = 0; i < n; i++) {
		const char *argv[] = { path, word, NULL };

		snprintf(path, sizeof(path), "%s/%s", moment->hooks,
			 entries[i]->d_name);
		snprintf(shown, sizeof(shown), "%s %s", path, word);
		free(entries[i]);
		if ((good || !stop) && !stat(path, &st) &&
		    S_ISREG(st.st_mode) && !access(path, X_OK))
			good &= call(moment, argv, shown, until);
	}
	if (n >= 0)
		free(entries);
	return good;
}

bool hooks_freeze(const struct moment *moment)
{
	double until = now() + moment->hook_limit;

	if (call_command(moment, moment->before, until) &&
	    call_all(moment, "freeze", until, true))
		return true;
	hooks_thaw(moment);
	return false;
}

bool hooks_thaw(const struct moment *moment)
{
	double until = now() + moment->hook_limit;
	bool good = call_all(moment, "thaw", until, false);

	return call_command(moment, moment->after, until) && good;
}
