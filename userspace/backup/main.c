// SPDX-License-Identifier: GPL-2.0
/*
 * interposectl backup and restore. A program of its own, which interposectl starts:
 * it needs libraries and programs that interposectl can do without, it runs for
 * hours without being alone, and what it does to devices is done by interposectl, as
 * by anybody who types that.
 *
 *     backup.c --> source.c   what has changed?       interposectl changed
 *         |------> moment.c   the snapshot            interposectl snapshot
 *         |------> copy.c --> image.c                 qemu-nbd
 *         |------> write.c, manifest.c, store.c       the directory
 *         +------> remote.c --> ssh --> receive.c     the same on another machine
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "command.h"
#include "copy.h"
#include "parse.h"
#include "remote.h"
#include "state.h"

mode_t users_umask;

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = signal;
}

bool interrupted(void)
{
	return stopped;
}

int interrupted_by(void)
{
	return stopped;
}

enum status outcome(bool good)
{
	if (stopped && !good)
		complain("interrupted; what was begun is undone");
	return good ? DONE : stopped ? UNDONE : FAILED;
}

enum status usage_error(const char *command)
{
	fprintf(stderr, "See: interposectl help %s\n", command);
	return USAGE;
}

bool choose_progress(const char *word)
{
	static const char *const words[] = { "bar", "json", "none" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(word, words[i]))
			continue;
		progress_kind = i;
		return true;
	}
	complain("unknown progress '%s'; use bar, json or none", word);
	return false;
}

bool choose_count(const char *word, const char *option, unsigned int *count)
{
	uint64_t number;

	if (parse_number(word, &number) && number && number <= 100000) {
		*count = number;
		return true;
	}
	complain("%s: '%s' is not a number from 1 on", option, word);
	return false;
}

static void catch_signals(void)
{
	const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = stop };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* it is an error of write() then */
}

/* list, verify and prune read much of what is there, and so they run there */
static enum status run_there(const char *where, int argc, char **argv)
{
	char command[PATH_MAX] = "interposectl backup", word[PATH_MAX];
	const char *ssh[REMOTE_ARGS];
	size_t n = strlen(command);

	for (int i = 1; i < argc; i++)
		if (argv[i] != where && n < sizeof(command))
			n += snprintf(command + n, sizeof(command) - n, " %s",
				      quote(argv[i], word, sizeof(word)));
	if (options.dry_run && n < sizeof(command))
		n += snprintf(command + n, sizeof(command) - n, " --dry-run");
	if (n >= sizeof(command)) {
		complain("backup: too many words");
		return FAILED;
	}
	if (!remote_command(where, command, ssh))
		return FAILED;
	execvp(ssh[0], (char **)ssh);
	complain("cannot run %s: %s", ssh[0], strerror(errno));
	return FAILED;
}

static enum status not_there(const char *command, const char *where)
{
	complain("%s takes a directory, and not %s; run it on that machine, or mount the directory with sshfs",
		 command, where);
	return FAILED;
}

/* The word that is ssh://…, or NULL; what is behind -- is not for us */
static const char *remote_word(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (remote_is(argv[i]))
			return argv[i];
	return NULL;
}

static enum status backup(int argc, char **argv)
{
	static const struct {
		const char *word;
		enum status (*run)(int argc, char **argv);
		bool there;
	} words[] = {
		{ "list", list_backups, true },
		{ "verify", verify_command, true },
		{ "prune", prune_command, true },
		{ "mount", mount_command, false },
		{ "umount", umount_command, false },
		{ "receive", receive_command, false },
		{ "run", run_command, false },
	};
	const char *where = remote_word(argc, argv);

	for (size_t i = 0; argc > 1 && i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(argv[1], words[i].word))
			continue;
		if (where)
			return words[i].there ? run_there(where, argc, argv) :
				not_there("backup mount", where);
		argv[1] = argv[0];
		return words[i].run(argc - 1, argv + 1);
	}
	return backup_command(argc, argv);
}

int main(int argc, char **argv)
{
	enum status status;

	open_standard_files();
	catch_signals();
	users_umask = umask(077);
	options.dry_run = take_option(&argc, argv, "--dry-run");
	if (argc > 1 && !strcmp(argv[1], "backup"))
		status = backup(argc - 1, argv + 1);
	else if (argc > 1 && !strcmp(argv[1], "restore"))
		status = remote_word(argc - 1, argv + 1) ?
			not_there("restore", remote_word(argc - 1, argv + 1)) :
			restore_command(argc - 1, argv + 1);
	else
		status = usage_error("backup");
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write the output");
		status = status == DONE ? FAILED : status;
	}
	return status;
}
