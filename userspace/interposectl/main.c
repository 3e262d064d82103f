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
#include "settled.h"
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
	  "list the interposed devices",
	  "list [-t] [-J] [-n] [-o COLUMN,...]",
	  "Lists the interposed devices.\n\n"
	  "  -o, --output LIST    the columns to print, separated by commas\n"
	  "  -t, --tree           also show the snapshots, below their devices\n"
	  "  -J, --json           print JSON; without -o with all columns\n"
	  "  -n, --noheadings     omit the header line\n\n"
	  "Columns: NAME DEVICE MAJ:MIN SIZE STATE INNER BENEATH PINNED REDIRECTED HELD\n"
	  "  SNAPSHOTS USED% USE MOUNTPOINT. MAJ:MIN is the number of DEVICE, USED% is how\n"
	  "  full the fullest snapshot is, and USE is what uses the device.\n" },
	{ "status", status_command, false, false,
	  "show everything about one interposed device",
	  "status NAME|DEVICE",
	  "Shows everything about one interposed device.\n" },
	{ "check", check_command, false, false,
	  "check whether a device can be interposed",
	  "check [-J] DEVICE...",
	  "Checks whether devices can be interposed, and what to consider before that. The\n"
	  "exit status is 1 if one of them cannot be interposed.\n\n"
	  "  -J, --json           print JSON\n" },
	{ "attach", attach_command, true, false,
	  "redirect the I/O of a device to a target",
	  "attach [--name NAME] [--pin] [--replace-data] [--timeout SECONDS] DEVICE [INNER [ARGUMENT...]]",
	  "Redirects the I/O of a device to the target INNER. The default is linear, which\n"
	  "changes nothing. Among its arguments, DEVICE means the device itself, below the\n"
	  "interposer.\n\n"
	  "      --name NAME      name of the mapped device; default: interpose-DEVICE\n"
	  "      --pin            refuse to detach it until: interposectl unpin NAME\n"
	  "      --replace-data   attach even if DEVICE is in use and INNER would show other\n"
	  "                       data than it holds, or overwrite data there or elsewhere\n"
	  "      --timeout SECONDS  give up if a device does not answer; default: 30\n" },
	{ "detach", detach_command, true, false,
	  "stop redirecting the I/O of a device",
	  "detach [--force] NAME|DEVICE",
	  "Stops redirecting the I/O of a device, unless that would lose data.\n\n"
	  "  -f, --force          detach even if data that only the inner target has is\n"
	  "                       lost; this undoes a mistaken attach\n" },
	{ "pin", pin_command, true, false,
	  "protect an interposer from being detached",
	  "pin NAME|DEVICE...",
	  "A pinned interposer cannot be detached: not with detach, not with dmsetup remove,\n"
	  "and not at shutdown. Only dmsetup remove --force ignores the pin.\n" },
	{ "unpin", unpin_command, true, false,
	  "allow an interposer to be detached again",
	  "unpin NAME|DEVICE...",
	  "Undoes pin and attach --pin.\n" },
	{ "snapshot", snapshot_command, true, false,
	  "create, list and remove snapshots",
	  "snapshot [--name NAME] [--size SIZE] [--vg VG | --cow DEVICE... | --file PATH | --ram] DEVICE...\n"
	  "  snapshot --list [--json]\n"
	  "  snapshot --extend NAME [--size [+]SIZE]\n"
	  "  snapshot --remove NAME",
	  "Creates snapshots of all these devices at the same instant. The COW store keeps\n"
	  "the old contents of what is overwritten on the origin. Without an option for it, it\n"
	  "is in the volume group with the most free space, else a file on the file system\n"
	  "with the most, else a file on that of the origin itself, or in memory.\n\n"
	  "      --name NAME      name of the snapshot; default: DEVICE-snap\n"
	  "  -s, --size SIZE      size of the COW store: 512M, 2G, or 20% of the device, which\n"
	  "                       is the default\n"
	  "      --vg VG          COW store: a new logical volume in this volume group\n"
	  "      --cow DEVICE     COW store: all of this device, without --size; give it once\n"
	  "                       for each device, in the same order\n"
	  "      --wipe           use the --cow device even if there is data on it\n"
	  "      --file PATH      COW store: a new file on another file system, or on that of\n"
	  "                       the origin itself, if it is an ext4 or XFS\n"
	  "      --ram            COW store: memory\n"
	  "      --timeout SECONDS  give up and resume the devices if attaching one, or creating\n"
	  "                       the snapshots, takes longer; default: 30\n"
	  "  -l, --list           list the snapshots (-J, --json)\n"
	  "      --extend NAME    make the COW store larger, to SIZE or by +SIZE: a logical\n"
	  "                       volume, or files on the origin; default: as monitor does it\n"
	  "      --remove NAME    remove the snapshots and what was created for them\n" },
	{ "monitor", monitor_command, false, false,
	  "keep snapshots from filling up",
	  "monitor [--once] [--SETTING VALUE]... [NAME|DEVICE...]",
	  "Keeps these snapshots, or the snapshots of these devices, from filling up, until\n"
	  "they are gone. Without a NAME it monitors all snapshots until it is killed. The\n"
	  "settings are in /etc/interpose-monitor.conf, or in these options:\n\n"
	  "      --interval SECONDS  time between two checks (5)\n"
	  "      --warn PERCENT   extend a snapshot, or warn about it, at this fill level (80)\n"
	  "      --drop PERCENT   remove a snapshot that cannot be extended, and is not open,\n"
	  "                       at this fill level (95), or never\n"
	  "      --step PERCENT   extend it by at least this part of its size (20)\n"
	  "      --horizon SECONDS  extend a snapshot that will be full by then (20)\n"
	  "      --once           check only once\n" },
	{ "changed", changed_command, true, false,
	  "list what was written to a device",
	  "changed [--since POINT] [--format text|ranges|json] NAME|DEVICE\n"
	  "  changed --mark NAME|DEVICE",
	  "Lists what was written to a device that is tracked, or interposed with the target\n"
	  "era. The exit status is 4 if not all changes since that point are known: then a full\n"
	  "backup is needed.\n\n"
	  "  -s, --since POINT    list what was written since then; default: all that is known\n"
	  "  -f, --format FORMAT  ranges: lines with a start and a length in bytes\n"
	  "  -m, --mark           print the point in time that is now: UUID:ERA, or, if the\n"
	  "                       device was not tracked with track, only the era\n" },
	{ "track", track_command, true, false,
	  "record which blocks of a device change",
	  "track on [--name NAME] [--wipe] [--tab FILE] [--timeout SECONDS]\n"
	  "           {--meta DEVICE | --vg VG | --file PATH} DEVICE\n"
	  "  track off [--keep-file] [--tab FILE] NAME|DEVICE\n"
	  "  track status [--json] [NAME|DEVICE...]\n"
	  "  track refresh",
	  "Records which blocks of a device change, across reboots, for backups that read only\n"
	  "these; changed lists them.\n\n"
	  "  on                   begin, or go on, and add a line to /etc/interposetab\n"
	  "  off                  stop, and remove the line, and the file with --file; what was\n"
	  "                       recorded on a device stays\n"
	  "  status               show since when all changes are known\n"
	  "  refresh              record how the file systems are now, to know after a crash\n"
	  "                       whether somebody else has written to them; done by a timer\n\n"
	  "      --meta DEVICE    where it is recorded: a partition or logical volume\n"
	  "      --vg VG          where it is recorded: a new logical volume in this group\n"
	  "      --file PATH      where it is recorded: a new file on another disk, or on the\n"
	  "                       ext4 or XFS of the device itself; or one that has held the\n"
	  "                       record of this device before\n"
	  "      --wipe           use the --meta device even if there is data on it, or begin a\n"
	  "                       new record in the file\n"
	  "      --keep-file      leave the file, so that it can go on with it later\n"
	  "      --name NAME      name of the mapped device; default: interpose-DEVICE\n"
	  "      --tab FILE       use this file instead of /etc/interposetab\n"
	  "      --timeout SECONDS  give up if the device does not answer; default: 30\n"
	  "  -J, --json           print JSON\n" },
	{ "start", start_command, true, false,
	  "attach devices listed in /etc/interposetab",
	  "start [--tab FILE] [--timeout SECONDS] NAME...\n"
	  "  start [--tab FILE] [--timeout SECONDS] --initramfs [DEVICE]",
	  "Attaches the line of /etc/interposetab with this name, unless it is attached.\n\n"
	  "      --tab FILE       use this file instead\n"
	  "      --initramfs      attach all lines with the option initramfs, and the line of\n"
	  "                       the root DEVICE. The exit status is 1 if a line without the\n"
	  "                       option nofail fails.\n"
	  "      --timeout SECONDS  give up a line if a device does not answer; default: 30\n" },
	{ "stop", stop_command, true, false,
	  "detach devices listed in /etc/interposetab",
	  "stop [--tab FILE] NAME|DEVICE...\n"
	  "  stop --shutdown NAME...",
	  "Like detach, but it is no error if a line of /etc/interposetab is not attached. A\n"
	  "name that neither that file nor the kernel knows is an error.\n\n"
	  "      --tab FILE       use this file instead\n"
	  "      --shutdown       unpin it before, if the device is not in use; for systemd, so\n"
	  "                       that the file system with its file can be unmounted\n" },
	{ "backup", backup_command, false, true,
	  "back up devices, and look after backups",
	  "backup [OPTION...] [--vg VG | --cow DEVICE | --file PATH | --ram | --no-snapshot] {--to DIR | --receiver COMMAND} DEVICE...\n"
	  "  backup list [--json] DIR\n"
	  "  backup verify DIR[@NAME]\n"
	  "  backup prune {--keep N | --days N} DIR\n"
	  "  backup mount [--source SOURCE] DIR[@NAME] MOUNTPOINT\n"
	  "  backup umount MOUNTPOINT\n"
	  "  backup run [OPTION...] [--vg VG | --cow DEVICE | --file PATH | --ram] [--at DIR] DEVICE... -- PROGRAM [ARG...]\n"
	  "  backup receive DIR",
	  "Backs up a snapshot of these devices, all of the same instant, to qcow2 images in\n"
	  "DIR. Of a device whose changes are tracked it reads what has changed since the last\n"
	  "backup in DIR; that is the backing file of the new image.\n\n"
	  "      --to DIR         the directory; it is created; - for all of one device, as it\n"
	  "                       is, on standard output; ssh://[USER@]HOST[:PORT]/DIR for\n"
	  "                       a directory on another machine\n"
	  "      --receiver COMMAND  instead: the command that starts interposectl backup\n"
	  "                       receive DIR, wherever that is\n"
	  "      --name NAME      name of the backup; default: the time\n"
	  "      --full           read all of it\n"
	  "      --keep N         afterwards, remove all backups but the newest N\n"
	  "      --compress       compress the image\n"
	  "      --limit RATE     read at most so many bytes a second: 20M\n"
	  "      --idle           read with idle I/O priority\n"
	  "      --metrics FILE   write a text file for Prometheus\n"
	  "      --skip-free      do not read the free space of an ext4 or XFS\n"
	  "      --exec-before COMMAND  run this before the instant\n"
	  "      --exec-after COMMAND  run this after the instant, in any case\n"
	  "      --hooks DIR      run the programs there, with freeze before and thaw after\n"
	  "                       the instant; default: /etc/interposectl/freeze.d\n"
	  "      --hook-timeout SECONDS  kill what is run if it takes longer; default: 30\n"
	  "      --no-snapshot    read the device itself, or a file, which nobody uses\n"
	  "      --progress KIND  bar (on a terminal), json (lines) or none\n"
	  "  -s, --size SIZE      size of the COW store, as of snapshot\n"
	  "      --vg VG          COW store: a new logical volume in this volume group\n"
	  "      --cow DEVICE     COW store: all of this device\n"
	  "      --file PATH      COW store: a new file\n"
	  "      --ram            COW store: memory\n"
	  "      --at DIR         run: mount the snapshots below this directory\n"
	  "      --days N         prune: remove those that are older\n"
	  "      --source SOURCE  mount: which one, of a backup of several devices\n"
	  "  -J, --json           list: print JSON\n" },
	{ "restore", restore_command, false, true,
	  "restore a backup to a device or a file",
	  "restore [--source SOURCE] [--yes] [--no-verify] --to DEVICE|FILE DIR[@NAME]\n"
	  "  restore [--source SOURCE] [--yes] --file PATH... --to DIRECTORY DIR[@NAME]",
	  "Verifies a backup, the newest one in DIR or the one with this name, and writes it\n"
	  "to a file, or to a device that is not in use and large enough.\n\n"
	  "      --to TARGET      the device or the file\n"
	  "      --file PATH      only this file or directory in its file system; can be given\n"
	  "                       several times\n"
	  "      --source SOURCE  which one, of a backup of several devices\n"
	  "      --yes            overwrite it without asking\n"
	  "      --no-verify      restore it although it is damaged, or untested\n"
	  "      --progress KIND  bar (on a terminal), json (lines) or none\n" },
	{ "recover", recover_command, true, false,
	  "clean up after a command that was killed",
	  "recover",
	  "Cleans up after a command that was killed, and resumes what it left suspended.\n"
	  "Every command that changes something does this first.\n" },
	{ "help", help_command, false, true,
	  "show the help for a command",
	  "help [COMMAND]",
	  "Shows the help for a command, or lists all commands.\n" },
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
	"Options before or after the command:\n"
	"      --dry-run        print the shell commands that do the same, but do nothing\n"
	"  -q, --quiet          print only errors and the requested output\n"
	"  -v, --verbose        print each step\n";

static void print_help(void)
{
	fputs("usage: interposectl [OPTION...] COMMAND [ARGUMENT...]\n\n"
	      "Attaches device-mapper targets to block devices in use, and takes snapshots.\n\n",
	      stdout);
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	printf("\n%s"
	       "  -V, --version        print the version\n"
	       "  -h, --help           print help, also for a COMMAND\n\n"
	       "The options of a COMMAND can be given before or after it, too.\n\n"
	       "A DEVICE is vda1, /dev/..., 8:1, UUID=..., LABEL=..., PARTUUID=..., PARTLABEL=...,\n"
	       "or the mount point of its file system.\n\n"
	       "See interposectl(8) and: interposectl help COMMAND\n",
	       for_all);
}

static enum status short_usage(void)
{
	fputs("usage: interposectl [OPTION...] COMMAND [ARGUMENT...]\n"
	      "See: interposectl help\n", stderr);
	return USAGE;
}

static bool is_command(const char *word)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, word))
			return true;
	return false;
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
	complain("unknown command '%s'%s", name,
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
	fprintf(stderr, "usage: interposectl %s\nSee: interposectl help %s\n",
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
	complain("%s: unexpected argument '%s'", name, word);
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

static enum status print_version(void)
{
	puts(PROGRAM " " VERSION);
	return DONE;
}

enum status version_command(int argc, char **argv)
{
	int done = no_options("version", argc, argv);

	if (done >= 0)
		return done;
	if (optind < argc)
		return too_many("version", argv[optind]);
	return print_version();
}

/* The work was done before any command that changes something */
enum status recover_command(int argc, char **argv)
{
	int done = no_options("recover", argc, argv);

	if (done >= 0)
		return done;
	if (optind < argc)
		return too_many("recover", argv[optind]);
	if (!settled_clean_all() && !state_left)
		say("nothing to clean up");
	if (state_left)
		return FAILED;
	return DONE;
}

/*
 * The command line
 */

/* There is nothing else; returns the exit status */
static enum status only_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};

	switch (next_option(argc, argv, "V", longs, NULL)) {
	case 'V':
		return print_version();
	case 'h':
		print_help();
		return DONE;
	case -1:
		complain("the command is missing");
		break;
	}
	return short_usage();
}

/* Names are UTF-8, whatever the language is that somebody reads */
static void choose_characters(void)
{
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8"))
		setlocale(LC_CTYPE, "C.UTF-8");
}

/* The letter only first: it may be an argument of an inner target */
static bool asks_for(int *argc, char **argv, const char *option,
		     const char *letter)
{
	return take_option(argc, argv, option) ||
	       (*argc > 1 && !strcmp(argv[1], letter));
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
	if (!state_enter(command->changes,
			 command->run != recover_command))
		return FAILED;
	status = command->run(argc, argv);
	state_leave();
	return status;
}

int main(int argc, char **argv)
{
	const struct command *command;
	static char name[] = PROGRAM;
	enum status status;
	int before;

	open_standard_files();
	argv[0] = name; /* for messages */
	choose_characters();
	before = command_first(argc, argv, is_command);
	if (before < 0)
		return only_options(argc, argv);
	argc -= before;
	argv += before;
	command = find_command(argv[0]);
	if (!command)
		return short_usage();
	if (asks_for(&argc, argv, "--version", "-V"))
		status = print_version();
	else if (asks_for(&argc, argv, "--help", "-h"))
		status = help(command->name);
	else
		status = run_command(command, argc, argv);
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write the output");
		status = status == DONE ? FAILED : status;
	}
	return status;
}
