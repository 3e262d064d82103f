// SPDX-License-Identifier: GPL-2.0
/*
 * interposectl: puts device-mapper targets into the path of the I/O of block
 * devices in use, with the target "interpose", and takes snapshots that way.
 *
 *     main --> subcommand --> check, stack, sysfs, device   looks
 *                   |
 *                   +-------> map, cow, journal             acts, step by step
 */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "backing.h"
#include "commands.h"
#include "device.h"
#include "map.h"
#include "state.h"

#define VERSION "0.1"

struct command {
	const char *name;
	enum status (*run)(int argc, char **argv);
	bool changes;			/* so that it must be alone */
	bool asks;			/* nobody but itself: it needs no device-mapper */
	const char *summary;
	const char *usage;
	const char *options;
};

static const struct command commands[] = {
	{ "list", list_command, false, false,
	  "list what is interposed",
	  "list [-t] [-J] [-n] [-o COLUMN,...]",
	  "Lists the devices that are interposed.\n\n"
	  "  -o, --output LIST    columns, separated by commas\n"
	  "  -t, --tree           show snapshots as well, below their device\n"
	  "  -J, --json           print JSON; without -o with all columns\n"
	  "  -n, --noheadings     print no first line\n\n"
	  "Columns: NAME DEVICE MAJ:MIN SIZE STATE INNER BENEATH PINNED REDIRECTED HELD\n"
	  "  SNAPSHOTS USED% USE MOUNTPOINT. MAJ:MIN is the number of DEVICE, USED% how\n"
	  "  full the fullest snapshot is, USE what uses the device.\n" },
	{ "status", status_command, false, false,
	  "show all about one device that is interposed",
	  "status NAME|DEVICE",
	  "Shows all about one device that is interposed.\n" },
	{ "check", check_command, false, false,
	  "say whether a device can be interposed",
	  "check [-J] DEVICE...",
	  "Says whether devices can be interposed, and what to think of. The exit status is\n"
	  "1 if one of them cannot.\n\n"
	  "  -J, --json           print JSON\n" },
	{ "attach", attach_command, true, false,
	  "put a target into the path of a device's I/O",
	  "attach [--name NAME] [--pin] [--replace-data] DEVICE [INNER [ARGUMENT...]]",
	  "Puts the target INNER (default: linear, which changes nothing) into the path of\n"
	  "the device's I/O. Among the arguments, DEVICE means the device beneath.\n\n"
	  "      --name NAME      of the mapped device; default: interpose-DEVICE\n"
	  "      --pin            it cannot be detached before: interposectl unpin NAME\n"
	  "      --replace-data   although the device is in use and INNER would show other data\n"
	  "                       than it holds, or write over data, there or elsewhere\n" },
	{ "detach", detach_command, true, false,
	  "take it away again",
	  "detach [--force] NAME|DEVICE",
	  "Takes the target out of the path of the I/O, unless data would be lost by that.\n\n"
	  "  -f, --force          although data that only the inner target has are lost: takes\n"
	  "                       back what was attached by mistake\n" },
	{ "pin", pin_command, true, false,
	  "make sure that nobody detaches it",
	  "pin NAME|DEVICE...",
	  "From then on, neither detach nor dmsetup remove takes it away, nor does anybody\n"
	  "at shutdown. Only dmsetup remove --force does not heed it.\n" },
	{ "unpin", unpin_command, true, false,
	  "let it be detached again",
	  "unpin NAME|DEVICE...",
	  "Undoes pin, and attach --pin.\n" },
	{ "snapshot", snapshot_command, true, false,
	  "make, list and remove snapshots",
	  "snapshot [--name NAME] [--size SIZE] {--vg VG | --cow DEVICE... | --file PATH | --ram} DEVICE...\n"
	  "  snapshot --list [--json]\n"
	  "  snapshot --remove NAME",
	  "Makes snapshots of all the devices at one instant.\n\n"
	  "      --name NAME      default: DEVICE-snap\n"
	  "  -s, --size SIZE      of the space for the old content: 512M, 2G or 20% of the\n"
	  "                       device, which is the default\n"
	  "      --vg VG          it is a new logical volume of this volume group\n"
	  "      --cow DEVICE     it is this device; once for each device, in their order,\n"
	  "                       and without --size\n"
	  "      --wipe           also if there is a file system on it\n"
	  "      --file PATH      it is a new file on another file system\n"
	  "      --ram            it is in memory\n"
	  "  -l, --list           what snapshots there are (-J, --json)\n"
	  "      --remove NAME    removes the snapshots and what was made for them\n" },
	{ "monitor", monitor_command, false, false,
	  "keep snapshots from filling up",
	  "monitor [--once] [--SETTING VALUE]... [NAME|DEVICE...]",
	  "Keeps snapshots from filling up, until those named, or those of the devices, are\n"
	  "gone; without a NAME all of them, until it is killed. What it does when, is in /etc/interpose-monitor.conf\n"
	  "or in these options:\n\n"
	  "      --interval SECONDS  from one look to the next (5)\n"
	  "      --warn PERCENT   full: extend it, or warn (80)\n"
	  "      --drop PERCENT   full, it cannot be extended and is not in use: remove it\n"
	  "                       (95), or never\n"
	  "      --step PERCENT   of its size, to extend it by at least (20)\n"
	  "      --horizon SECONDS  extend what is going to be full by then (20)\n"
	  "      --once           look once\n" },
	{ "changed", changed_command, true, false,
	  "list what was written to a device",
	  "changed [--since ERA] [--format text|ranges|json] NAME|DEVICE\n"
	  "  changed --mark NAME|DEVICE",
	  "Lists what was written to a device that is interposed with the target era.\n\n"
	  "  -s, --since ERA      since that era began; default: since era 1, the first\n"
	  "  -f, --format FORMAT  ranges: a line for each, with start and length in bytes\n"
	  "  -m, --mark           begin an era, and print its number\n" },
	{ "start", start_command, true, false,
	  "attach what /etc/interposetab names",
	  "start [--tab FILE] NAME...\n"
	  "  start [--tab FILE] --initramfs [DEVICE]",
	  "Attaches what /etc/interposetab has under that name, if it is not attached yet.\n\n"
	  "      --tab FILE       another file\n"
	  "      --initramfs      all with the option initramfs, and that of DEVICE, which\n"
	  "                       is the root. If one fails that lacks nofail, the exit\n"
	  "                       status is 1.\n" },
	{ "stop", stop_command, true, false,
	  "detach what /etc/interposetab names",
	  "stop [--tab FILE] NAME|DEVICE...",
	  "Detaches it, as detach does, if it is attached. A name of which neither\n"
	  "/etc/interposetab nor the kernel knows is an error.\n\n"
	  "      --tab FILE       another file\n" },
	{ "recover", recover_command, true, false,
	  "clean up after a command that was killed",
	  "recover",
	  "Cleans up after a command that was killed, and resumes what it has left\n"
	  "suspended. All other commands that change something begin with that, too.\n" },
	{ "help", help_command, false, true,
	  "explain a command",
	  "help [COMMAND]",
	  "Explains a command, or lists all commands.\n" },
	{ "version", version_command, false, true,
	  "print the version",
	  "version",
	  "Prints the version of interposectl.\n" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

/*
 * Help
 */

static const char for_all[] =
	"Before or after the command:\n"
	"      --dry-run        print the commands that do the same, and do nothing\n"
	"  -q, --quiet          print nothing but errors, and what was asked for\n"
	"  -v, --verbose        print each step\n";

static void print_help(void)
{
	fputs("usage: interposectl [OPTION...] COMMAND [ARGUMENT...]\n\n"
	      "Puts device-mapper targets, and snapshots, onto block devices in use.\n\n",
	      stdout);
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	printf("\n%s"
	       "  -V, --version\n"
	       "  -h, --help           also of a COMMAND\n\n"
	       "A DEVICE is vda1, /dev/..., 8:1, UUID=..., LABEL=..., PARTUUID=..., PARTLABEL=...,\n"
	       "or where its file system is mounted.\n\n"
	       "See interposectl(8), and for a command: interposectl help COMMAND\n",
	       for_all);
}

static enum status short_usage(void)
{
	fputs("usage: interposectl [OPTION...] COMMAND [ARGUMENT...]\n"
	      "See interposectl help\n", stderr);
	return USAGE;
}

/* NULL: there is none, and it has been said */
static const struct command *find_command(const char *name)
{
	const char *names[N_COMMANDS];

	for (size_t i = 0; i < N_COMMANDS; i++) {
		names[i] = commands[i].name;
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	complain("there is no command '%s'%s", name,
		 did_you_mean(name, names, N_COMMANDS));
	return NULL;
}

enum status help(const char *name)
{
	const struct command *command = find_command(name);

	if (!command)
		return short_usage();
	printf("usage: interposectl %s\n\n%s", command->usage,
	       command->options);
	return DONE;
}

enum status usage_error(const char *name)
{
	fprintf(stderr, "usage: interposectl %s\nSee interposectl help %s\n",
		find_command(name)->usage, name);
	return USAGE;
}

enum status missing(const char *name, const char *what)
{
	complain("%s: %s is missing", name, what);
	return usage_error(name);
}

enum status too_many(const char *name, const char *word)
{
	complain("%s: '%s' is one argument too many", name, word);
	return usage_error(name);
}

/* Returns -1 to go on, or the exit status */
static int no_options(const char *name, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int option;

	while ((option = next_option(argc, argv, "", longs, NULL)) != -1)
		return option == 'h' ? help(name) : usage_error(name);
	return -1;
}

enum status help_command(int argc, char **argv)
{
	int done = no_options("help", argc, argv);

	if (done >= 0)
		return done;
	if (argc - optind > 1)
		return too_many("help", argv[optind + 1]);
	if (optind < argc)
		return help(argv[optind]);
	print_help();
	return DONE;
}

enum status version_command(int argc, char **argv)
{
	int done = no_options("version", argc, argv);

	if (done >= 0)
		return done;
	if (optind < argc)
		return too_many("version", argv[optind]);
	puts("interposectl " VERSION);
	return DONE;
}

/* The work was done before any command that changes something */
enum status recover_command(int argc, char **argv)
{
	int done = no_options("recover", argc, argv);

	if (done >= 0)
		return done;
	if (optind < argc)
		return too_many("recover", argv[optind]);
	if (state_left)
		return FAILED;
	say("nothing is left to be cleaned up");
	return DONE;
}

/*
 * The command line
 */

/* Returns -1 to go on, or the exit status */
static int global_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int option;

	while ((option = next_option(argc, argv, "+V", longs, NULL)) != -1) {
		switch (option) {
		case 'V': puts("interposectl " VERSION); return DONE;
		case 'h':
			if (optind < argc)
				return help(argv[optind]);
			print_help();
			return DONE;
		default: return short_usage();
		}
	}
	return -1;
}

/* Names are UTF-8, whatever the language is that somebody reads */
static void choose_characters(void)
{
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8"))
		setlocale(LC_CTYPE, "C.UTF-8");
}

static bool asks_for_help(int *argc, char **argv)
{
	return take_option(argc, argv, "--help") ||
	       (*argc > 1 && !strcmp(argv[1], "-h"));
}

/* With the world prepared, which for "help" may be as it is */
static enum status run_command(const struct command *command, int argc,
			       char **argv)
{
	enum status status;

	options.dry_run |= take_option(&argc, argv, "--dry-run");
	optind = 0; /* getopt begins anew */
	if (command->asks)
		return command->run(argc, argv);
	map_setup();
	sysfs_backing = backing_of_disk;
	if (!state_enter(command->changes))
		return FAILED;
	status = command->run(argc, argv);
	state_leave();
	return status;
}

int main(int argc, char **argv)
{
	const struct command *command;
	static char name[] = "interposectl";
	enum status status;
	int done;

	open_standard_files();
	argv[0] = name; /* for messages */
	choose_characters();
	done = global_options(argc, argv);
	if (done >= 0)
		return done;
	argc -= optind;
	argv += optind;
	if (!argc) {
		complain("say what to do: a command is missing");
		return short_usage();
	}
	command = find_command(argv[0]);
	if (!command)
		return short_usage();
	if (asks_for_help(&argc, argv))
		status = help(command->name);
	else
		status = run_command(command, argc, argv);
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write what was to be printed");
		status = status == DONE ? FAILED : status;
	}
	return status;
}
