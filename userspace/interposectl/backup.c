// SPDX-License-Identifier: GPL-2.0
/*
 * backup and restore are a program of their own, ../backup, which may be missing: it
 * needs libraries that nothing else here does. This one becomes it, so that whoever
 * waits for the one waits for the other.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"

#define BACKUP_PROGRAM	"interpose-backup"

/* As they are installed, and as they are built: from where this one is */
static const char *const places[] = {
	"%s/../libexec/interposectl/" BACKUP_PROGRAM,
	"%s/backup.d/" BACKUP_PROGRAM,
};

static enum status become(int argc, char **argv)
{
	char self[PATH_MAX], directory[PATH_MAX], path[PATH_MAX + 64], *slash;
	char **words = calloc(argc + 3, sizeof(*words));
	int before = 0; /* "--", as what is behind it is for others */
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (!words || n < 0)
		return refuse("cannot find " BACKUP_PROGRAM);
	self[n] = '\0';
	snprintf(directory, sizeof(directory), "%s", self);
	slash = strrchr(directory, '/');
	if (slash)
		*slash = '\0';
	/* it asks this one, and not another one that is in the PATH */
	setenv("INTERPOSECTL", self, 0);
	words[0] = path;
	while (before < argc && strcmp(argv[before], "--"))
		before++;
	memcpy(words + 1, argv, before * sizeof(*words));
	if (options.dry_run)
		words[1 + before] = "--dry-run";
	memcpy(words + 1 + before + options.dry_run, argv + before,
	       (argc - before) * sizeof(*words));
	fflush(NULL);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, sizeof(path), places[i], directory);
		execv(path, words);
	}
	free(words);
	return refuse("%s: %s: %s; install the package interposectl-backup",
		      argv[0], BACKUP_PROGRAM, strerror(errno));
}

enum status backup_command(int argc, char **argv)
{
	return become(argc, argv);
}

enum status restore_command(int argc, char **argv)
{
	return become(argc, argv);
}
