// SPDX-License-Identifier: GPL-2.0
/*
 * interposectl: puts device-mapper targets into the path of the I/O of block
 * devices in use, with the target "interpose", and takes snapshots that way.
 *
 *     main --> subcommand --> check, stack, sysfs, device   looks
 *                   |
 *                   +-------> map, cow, journal             acts, step by step
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

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
	const char *usage;
	const char *options;
};

static const struct command commands[] = {
	{ "list", list_command, false,
	  "list [-t] [-J] [-n] [-o COLUMN,...]",
	  "Lists what is interposed.\n\n"
	  "  -o, --output LIST    columns, with commas between\n"
	  "  -t, --tree           the snapshots too, below their interposer\n"
	  "  -J, --json\n"
	  "  -n, --noheadings\n\n"
	  "Columns: NAME DEVICE MAJ:MIN STATE INNER BENEATH PINNED REDIRECTED HELD\n"
	  "  SNAPSHOTS USED% MOUNTPOINT\n" },
	{ "status", status_command, false,
	  "status NAME|DEVICE",
	  "Says all about one interposer.\n" },
	{ "check", check_command, false,
	  "check [-J] DEVICE|MOUNTPOINT...",
	  "Looks whether devices can be interposed, and what has to be thought of. The exit\n"
	  "status is 1 if one of them cannot.\n\n"
	  "  -J, --json\n" },
	{ "attach", attach_command, true,
	  "attach [--name NAME] [--pin] [--replace-data] DEVICE|MOUNTPOINT [INNER [ARGUMENT...]]",
	  "Puts the target INNER (linear) into the path of the device's I/O. Among the\n"
	  "arguments the device stands for what is beneath the hook.\n\n"
	  "      --name NAME      of the mapped device; default: interpose-DEVICE\n"
	  "      --pin            it cannot be detached before dmsetup message NAME 0\n"
	  "                       interpose unpin\n"
	  "      --replace-data   although the device is in use and INNER would show other data\n"
	  "                       than it holds, or write over data, there or elsewhere\n" },
	{ "detach", detach_command, true,
	  "detach [--force] NAME|DEVICE|MOUNTPOINT",
	  "Takes it away again, if no data is lost by that.\n\n"
	  "  -f, --force          although data that only the inner target has are lost: takes\n"
	  "                       back what was attached by mistake\n" },
	{ "snapshot", snapshot_command, true,
	  "snapshot [--name NAME] [--size SIZE] {--vg VG | --cow DEVICE... | --file PATH | --ram} DEVICE|MOUNTPOINT...\n"
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
	{ "monitor", monitor_command, false,
	  "monitor [--once] [--SETTING VALUE]... [NAME...]",
	  "Keeps snapshots from filling up, until those named are gone; without a NAME all\n"
	  "of them, until it is killed. What it does when, is in /etc/interpose-monitor.conf\n"
	  "or in these options:\n\n"
	  "      --interval SECONDS  from one look to the next (5)\n"
	  "      --warn PERCENT   full: extend it, or warn (80)\n"
	  "      --drop PERCENT   full, it cannot be extended and is not in use: remove it\n"
	  "                       (95), or never\n"
	  "      --step PERCENT   of its size, to extend it by at least (20)\n"
	  "      --horizon SECONDS  extend what is going to be full by then (20)\n"
	  "      --once           look once\n" },
	{ "changed", changed_command, true,
	  "changed [--since ERA] [--format text|ranges|json] NAME|DEVICE|MOUNTPOINT\n"
	  "  changed --mark NAME|DEVICE|MOUNTPOINT",
	  "Lists what was written to a device that is interposed with the target era.\n\n"
	  "  -s, --since ERA      since that era began; default: since era 1, the first\n"
	  "  -f, --format FORMAT  ranges: a line for each, with start and length in bytes\n"
	  "  -m, --mark           begin an era, and print its number\n" },
	{ "start", start_command, true,
	  "start [--tab FILE] NAME...\n"
	  "  start [--tab FILE] --initramfs [DEVICE]",
	  "Attaches what /etc/interposetab has under that name, if it is not attached yet.\n\n"
	  "      --tab FILE       another file\n"
	  "      --initramfs      all with the option initramfs, and that of DEVICE, which\n"
	  "                       is the root; who lacks nofail makes the exit status 1\n" },
	{ "stop", stop_command, true,
	  "stop NAME...",
	  "Detaches it, as detach does, if it is attached.\n" },
	{ "recover", recover_command, true,
	  "recover",
	  "Cleans up after a command that was killed, and resumes what it has left\n"
	  "suspended. All other commands that change something begin with that, too.\n" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

/*
 * Help
 */

static void print_help(FILE *to)
{
	fputs("usage: interposectl [-q] [-v] [--dry-run] COMMAND [argument...]\n\n",
	      to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %s\n", commands[i].usage);
	fputs("\n"
	      "      --dry-run        print the commands that do the same, and do nothing\n"
	      "  -q, --quiet\n"
	      "  -v, --verbose        print each step\n"
	      "  -V, --version\n"
	      "  -h, --help           also of a COMMAND\n\n"
	      "See interposectl(8).\n", to);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

enum status help(const char *name)
{
	const struct command *command = find_command(name);

	printf("usage: interposectl %s\n\n%s", command->usage,
	       command->options);
	return DONE;
}

enum status usage_error(const char *name)
{
	fprintf(stderr, "usage: interposectl %s\nSee interposectl %s --help\n",
		find_command(name)->usage, name);
	return USAGE;
}

/* The work was done before any command that changes something */
enum status recover_command(int argc, char **argv)
{
	(void)argv;
	return argc == 1 ? DONE : usage_error("recover");
}

/*
 * The command line
 */

/* Returns -1 to go on, or the exit status */
static int global_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "dry-run", no_argument, NULL, 'd' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int option;

	while ((option = getopt_long(argc, argv, "+qvVh", longs, NULL)) != -1) {
		switch (option) {
		case 'd': options.dry_run = true; break;
		case 'q': options.quiet = true; break;
		case 'v': options.verbose = true; break;
		case 'V': puts("interposectl " VERSION); return DONE;
		case 'h': print_help(stdout); return DONE;
		default: print_help(stderr); return USAGE;
		}
	}
	return -1;
}

static bool asks_for_help(int argc, char **argv)
{
	return argc == 2 && (!strcmp(argv[1], "--help") ||
			     !strcmp(argv[1], "-h"));
}

int main(int argc, char **argv)
{
	const struct command *command;
	enum status status;
	int done = global_options(argc, argv);

	if (done >= 0)
		return done;
	argc -= optind;
	argv += optind;
	command = argc ? find_command(argv[0]) : NULL;
	if (!command) {
		if (argc)
			complain("no such command: %s", argv[0]);
		print_help(stderr);
		return USAGE;
	}
	if (asks_for_help(argc, argv))
		return help(command->name);
	optind = 0; /* getopt begins anew */
	map_setup();
	sysfs_backing = backing_of_disk;
	if (!state_enter(command->changes))
		return FAILED;
	status = command->run(argc, argv);
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write what was to be printed");
		status = status == DONE ? FAILED : status;
	}
	state_leave();
	return status;
}
