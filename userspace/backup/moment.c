// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook.h"
#include "manifest.h"
#include "moment.h"
#include "say.h"
#include "state.h"

struct message {
	enum news news;
	pid_t pid;
};

static bool remove_snapshot(const struct moment *moment, char *why, size_t size)
{
	const char *argv[] = { interposectl(), "snapshot", "--remove",
		moment->name, NULL };

	return !ask(argv, NULL, why, size, -1);
}

/*
 * The guard. It hears the end of the pipe when nobody has it open any more: this
 * program, and interposectl snapshot, which may go on a while when this is killed.
 */

struct seen {
	bool frozen;
	bool taken;
	pid_t hook;
};

/* Until there is nobody who could tell more; a message is written as a whole */
static void listen_to(int pipe, struct seen *seen)
{
	struct message message;
	ssize_t n;

	while ((n = read(pipe, &message, sizeof(message))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(message))
			break;
		switch (message.news) {
		case NEWS_FREEZES: seen->frozen = true; break;
		case NEWS_THAWED: seen->frozen = false; break;
		case NEWS_TAKES: seen->taken = true; break;
		case NEWS_REMOVED: seen->taken = false; break;
		case NEWS_HOOK_BEGINS: seen->hook = message.pid; break;
		case NEWS_HOOK_ENDED: seen->hook = 0; break;
		}
	}
}

__attribute__((noreturn))
static void guard(struct moment *moment, int pipe)
{
	struct seen seen = { };
	char why[512];

	setsid();
	for (int i = SIGHUP; i <= SIGTERM; i++)
		signal(i, SIG_IGN);
	prctl(PR_SET_NAME, "backup-guard");
	listen_to(pipe, &seen);
	moment->guard = -1; /* its hooks have nobody to tell */
	for (int i = SIGHUP; i <= SIGTERM; i++)
		signal(i, SIG_DFL);
	if (seen.hook)
		kill(-seen.hook, SIGKILL);
	if (seen.frozen)
		hooks_thaw(moment);
	/* a process that mounts it closes its pipe before it unmounts, in its end */
	for (int i = 0; seen.taken && i < 100; i++) {
		if (remove_snapshot(moment, why, sizeof(why)))
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	}
	_exit(0);
}

/* Nobody need wait for it at the end of a pipe, or for a lock */
static bool start_guard(struct moment *moment)
{
	int ends[2], null;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	fflush(NULL);
	moment->guard_pid = fork();
	if (!moment->guard_pid) {
		dup2(ends[0], STDIN_FILENO);
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close_range(STDERR_FILENO + 1, ~0U, 0);
		if (chdir("/"))
			_exit(1);
		guard(moment, STDIN_FILENO);
	}
	close(ends[0]);
	moment->guard = ends[1];
	return moment->guard_pid > 0;
}

bool moment_tell(const struct moment *moment, enum news news)
{
	const struct message message = { news, getpid() };
	ssize_t n;

	if (moment->guard < 0)
		return true;
	do
		n = write(moment->guard, &message, sizeof(message));
	while (n < 0 && errno == EINTR);
	return n == sizeof(message);
}

static bool tell(const struct moment *moment, enum news news)
{
	if (moment_tell(moment, news))
		return true;
	complain("the guard of the snapshot has ended");
	return false;
}

static void end_guard(struct moment *moment)
{
	if (moment->guard >= 0)
		close(moment->guard);
	moment->guard = -1;
	while (moment->guard_pid > 0 &&
	       waitpid(moment->guard_pid, NULL, 0) < 0 && errno == EINTR)
		;
	moment->guard_pid = 0;
}

/*
 * The snapshot
 */

/* Which one it has chosen */
static void tell_space(char *output)
{
	char *save = NULL, *line;

	for (line = strtok_r(output ?: "", "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (strstr(line, "the COW store"))
			say("%s", line);
}

static bool take(const struct moment *moment, const struct source *sources,
		 size_t n)
{
	const char *argv[16 + SOURCES_MAX] = { interposectl(), "snapshot",
		"--name", moment->name };
	char why[512], *output = NULL;
	size_t argc = 4;
	bool good;

	if (moment->n_space)
		argv[argc++] = "--quiet";
	for (size_t i = 0; i < moment->n_space; i++)
		argv[argc++] = moment->space[i];
	for (size_t i = 0; i < n; i++)
		argv[argc++] = sources[i].argument;
	if (!step("interposectl snapshot --name %s", moment->name))
		return true;
	good = !ask(argv, &output, why, sizeof(why), moment->guard);
	if (good && !moment->n_space)
		tell_space(output);
	free(output);
	if (!good)
		complain("%s", *why ? why : "interposectl snapshot has failed");
	return good;
}

/* "sda1" and "vg0-home", as the list has it */
static bool is_device(const char *shown, const char *column)
{
	const char *name = shown;

	if (!strncmp(name, "/dev/mapper/", 12))
		name += 12;
	else if (!strncmp(name, "/dev/", 5))
		name += 5;
	return !strcmp(name, column);
}

/* Which snapshot is that of which source; DM_DEV_DIR is as for libdevmapper */
static bool find_nodes(const struct moment *moment, struct source *sources,
		       size_t n)
{
	const char *argv[] = { interposectl(), "snapshot", "--list", "--json",
		NULL };
	struct json_object *object, *list = NULL;
	size_t length = strlen(moment->name), found = 0;
	char *output, why[512];

	ask(argv, &output, why, sizeof(why), -1);
	object = output ? json_tokener_parse(output) : NULL;
	free(output);
	json_object_object_get_ex(object, "snapshots", &list);
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *name = text_of(one, "name");

		if (strncmp(name, moment->name, length) ||
		    (name[length] && name[length] != '-'))
			continue;
		for (size_t j = 0; j < n; j++) {
			if (!is_device(sources[j].shown, text_of(one, "device")))
				continue;
			snprintf(sources[j].node, sizeof(sources[j].node),
				 "%s/mapper/%s", getenv("DM_DEV_DIR") ?: "/dev",
				 name);
			found++;
		}
	}
	json_object_put(object);
	if (found == n)
		return true;
	complain("the snapshot %s is not found; %s", moment->name, why);
	return false;
}

/*
 * All of it
 */

bool moment_begin(struct moment *moment, struct source *sources, size_t n)
{
	bool good;

	snprintf(moment->name, sizeof(moment->name), "backup-%d", getpid());
	moment->guard = -1;
	if (!start_guard(moment)) {
		complain("cannot start a process: %s", strerror(errno));
		return false;
	}
	good = tell(moment, NEWS_FREEZES) && hooks_freeze(moment);
	if (!good) {
		tell(moment, NEWS_THAWED);
		end_guard(moment);
		return false;
	}
	good = !interrupted() && tell(moment, NEWS_TAKES) && take(moment, sources, n);
	moment->thaw_failed = !hooks_thaw(moment);
	if (!tell(moment, NEWS_THAWED))
		good = false;
	if (!good)
		tell(moment, NEWS_REMOVED); /* interposectl has left nothing */
	if (good && !moment->thaw_failed && !interrupted() &&
	    (step_begins(), find_nodes(moment, sources, n)))
		return true;
	if (good)
		moment_end(moment);
	else
		end_guard(moment);
	return false;
}

bool moment_end(struct moment *moment)
{
	char why[512];
	bool good = true;

	if (moment->guard < 0)
		return true;
	if (step("interposectl snapshot --remove %s", moment->name))
		good = remove_snapshot(moment, why, sizeof(why));
	if (good)
		tell(moment, NEWS_REMOVED);
	else
		complain("%s; later: interposectl snapshot --remove %s", why,
			 moment->name);
	end_guard(moment);
	return good;
}
