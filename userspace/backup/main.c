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
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "command.h"
#include "copy.h"
#include "parse.h"
#include "state.h"

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = signal;
}

bool interrupted(void)
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

static enum status backup(int argc, char **argv)
{
	static const struct {
		const char *word;
		enum status (*run)(int argc, char **argv);
	} words[] = {
		{ "list", list_backups },
		{ "verify", verify_command },
		{ "prune", prune_command },
		{ "mount", mount_command },
		{ "umount", umount_command },
		{ "receive", receive_command },
	};

	for (size_t i = 0; argc > 1 && i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(argv[1], words[i].word))
			continue;
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
	umask(077);
	options.dry_run = take_option(&argc, argv, "--dry-run");
	if (argc > 1 && !strcmp(argv[1], "backup"))
		status = backup(argc - 1, argv + 1);
	else if (argc > 1 && !strcmp(argv[1], "restore"))
		status = restore_command(argc - 1, argv + 1);
	else
		status = usage_error("backup");
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write the output");
		status = status == DONE ? FAILED : status;
	}
	return status;
}
