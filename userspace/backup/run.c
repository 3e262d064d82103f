// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "run.h"
#include "state.h"

struct place {
	const struct source *source;
	char at[PATH_MAX];		/* its mount point */
	char root[PATH_MAX];		/* what of it: a subvolume of a btrfs */
	char type[32];
};

/*
 * Where it is mounted
 */

/* A word of mountinfo, where blanks are written as \040 */
static const char *next_word(const char *line, char *word, size_t size)
{
	size_t n = 0;

	while (*line == ' ')
		line++;
	for (; *line && !strchr(" \n", *line); line++) {
		char c = *line;

		if (c == '\\' && strspn(line + 1, "01234567") >= 3) {
			c = (line[1] - '0') << 6 | (line[2] - '0') << 3 |
			    (line[3] - '0');
			line += 3;
		}
		if (n + 1 < size)
			word[n++] = c;
	}
	word[n] = '\0';
	return line;
}

/* A btrfs has a number of its own there, so its source counts as well */
static bool is_of(const char *line, dev_t dev, struct place *place)
{
	char word[PATH_MAX], source[PATH_MAX];
	const char *rest = strstr(line, " - ");
	unsigned int major_of, minor_of;
	struct stat st;

	if (!rest || sscanf(line, "%*u %*u %u:%u", &major_of, &minor_of) != 2)
		return false;
	for (int i = 0; i < 3; i++)
		line = next_word(line, word, sizeof(word));
	line = next_word(line, place->root, sizeof(place->root));
	next_word(line, place->at, sizeof(place->at));
	rest = next_word(rest + 3, place->type, sizeof(place->type));
	next_word(rest, source, sizeof(source));
	return makedev(major_of, minor_of) == dev ||
	       (!stat(source, &st) && S_ISBLK(st.st_mode) && st.st_rdev == dev);
}

/* Where the user said, else all of it, else a subvolume */
static int rank(const struct place *place)
{
	if (strcmp(place->root, "/") && strcmp(place->type, "btrfs"))
		return 0; /* a directory of it that is mounted elsewhere */
	if (!strcmp(place->at, place->source->argument))
		return 3;
	return strcmp(place->root, "/") ? 1 : 2;
}

static bool find_place(struct place *best, const struct source *source)
{
	struct place place = { .source = source };
	char *line = NULL;
	int highest = 0;
	size_t size = 0;
	struct stat st;
	FILE *file;

	file = fopen("/proc/self/mountinfo", "re");
	while (file && !stat(source->shown, &st) && getline(&line, &size, file) > 0)
		if (is_of(line, st.st_rdev, &place) && rank(&place) > highest) {
			highest = rank(&place);
			*best = place;
		}
	free(line);
	if (file)
		fclose(file);
	if (highest)
		return true;
	complain("%s: no file system on it is mounted; backup run is for mounted ones",
		 source->shown);
	return false;
}

static int by_length(const void *a, const void *b)
{
	const struct place *one = a, *two = b;

	return (int)strlen(one->at) - (int)strlen(two->at);
}

/* The one above before those below */
static bool find_places(struct place *places, const struct source *sources, size_t n,
			const char *at)
{
	for (size_t i = 0; i < n; i++) {
		if (!find_place(&places[i], &sources[i]))
			return false;
		if (at || strcmp(places[i].at, "/"))
			continue;
		complain("%s is the root file system, which nothing can be mounted over; use --at DIR",
			 sources[i].shown);
		return false;
	}
	qsort(places, n, sizeof(*places), by_length);
	return true;
}

/*
 * In the namespace
 */

static bool mount_snapshot(const struct place *place, const char *at)
{
	char how[PATH_MAX + 16] = "";

	if (!strcmp(place->type, "xfs"))
		snprintf(how, sizeof(how), "nouuid"); /* its origin has the same */
	else if (!strcmp(place->type, "btrfs") && strcmp(place->root, "/"))
		snprintf(how, sizeof(how), "subvol=%s", place->root);
	if (!mount(place->source->node, at, place->type,
		   MS_RDONLY | MS_NOSUID | MS_NODEV, how))
		return true;
	complain("cannot mount the snapshot of %s on %s: %s", place->source->shown, at,
		 strerror(errno));
	return false;
}

/* Of a file system in memory that is there for this, or of a snapshot, which has it */
static void make_directories(char *path, size_t from)
{
	for (char *slash = strchr(path + from + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	mkdir(path, 0755);
}

static bool mount_below(const struct place *places, size_t n, const char *at)
{
	char path[2 * PATH_MAX];

	if (strcmp(places->at, "/") &&
	    mount("tmpfs", at, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")) {
		complain("cannot mount anything on %s: %s", at, strerror(errno));
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s%s", at,
			 strcmp(places[i].at, "/") ? places[i].at : "");
		if (i || strcmp(places->at, "/"))
			make_directories(path, strlen(at));
		if (!mount_snapshot(&places[i], path))
			return false;
	}
	return true;
}

static bool mount_over(const struct place *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!mount_snapshot(&places[i], places[i].at))
			return false;
	return true;
}

__attribute__((noreturn))
static void become(const struct moment *moment, const struct place *places, size_t n,
		   const char *at, char **command)
{
	char here[PATH_MAX];

	if (at || !getcwd(here, sizeof(here)))
		snprintf(here, sizeof(here), "%s", at ?: "/");
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL)) {
		complain("cannot make a mount namespace: %s", strerror(errno));
		_exit(FAILED);
	}
	if (!(at ? mount_below(places, n, at) : mount_over(places, n)))
		_exit(FAILED);
	/* by its name, as what is there may be another one now */
	if (chdir(here)) {
		complain("%s: %s", here, strerror(errno));
		_exit(FAILED);
	}
	fcntl(moment->guard, F_SETFD, 0);
	umask(users_umask);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execvp(command[0], command);
	complain("cannot run %s: %s", command[0], strerror(errno));
	_exit(127);
}

/*
 * Around it
 */

/* What a terminal sends, it sends to all in it; the rest is passed on, once */
static int wait_for(pid_t pid)
{
	bool passed_on = false;
	int status = 0;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return FAILED;
		if (interrupted() && interrupted_by() != SIGINT && !passed_on)
			kill(pid, SIGTERM);
		passed_on = interrupted();
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_it(const struct moment *moment, const struct place *places, size_t n,
		  const char *at, char **command)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		become(moment, places, n, at, command);
	if (pid > 0)
		return wait_for(pid);
	complain("cannot start a process: %s", strerror(errno));
	return FAILED;
}

enum status run_in_moment(struct moment *moment, struct source *sources, size_t n,
			  const char *at, char **command)
{
	struct place *places = calloc(n, sizeof(*places));
	int status = FAILED;

	if (!places || !find_places(places, sources, n, at)) {
		free(places);
		return FAILED;
	}
	for (size_t i = 0; i < n && options.dry_run; i++)
		printf("# %s would see a snapshot of %s on %s%s\n", command[0],
		       places[i].source->shown, at ?: "", places[i].at);
	if (options.dry_run) {
		free(places);
		return DONE;
	}
	if (moment_begin(moment, sources, n)) {
		if (!interrupted())
			status = run_it(moment, places, n, at, command);
		if (!moment_end(moment) && !status)
			status = FAILED;
	}
	free(places);
	return status;
}
