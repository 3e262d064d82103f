// SPDX-License-Identifier: GPL-2.0
/*
 * The whole program in a world with two interposers, made of a sysfs of files,
 * and of lines as the kernel would give them: what is listed, and what is said.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "call.h"
#include "device.h"
#include "map.h"
#include "say.h"
#include "stack.h"
#include "tap.h"

bool __wrap_stack_read(struct stack *stack);
void __wrap_stack_free(struct stack *stack);
bool __wrap_state_enter(bool changes, bool patient);
void __wrap_state_leave(void);
void __wrap_device_usage(const char *name, struct usage *usage);
bool __wrap_map_message(const char *name, const char *message);
bool __wrap_map_remove(const char *name);

/* A constant, as makedev() is none */
#define NUMBER(minor)	(4000 << 8 | (minor))

static char root[] = "/tmp/interposectl-list.XXXXXX";
static bool empty;
static char did[256];

/*
 * The world
 */

static void make(const char *name, unsigned int minor, unsigned int sectors)
{
	char line[1024];

	snprintf(line, sizeof(line),
		 "cd %s && mkdir -p devices/%s/holders class/block dev/block && cd devices/%s && "
		 "echo 4000:%u >dev && echo %u >size && ln -s ../../devices/%s ../../class/block/ && "
		 "ln -s ../../devices/%s ../../dev/block/4000:%u", root, name,
		 name, minor, sectors, name, name, minor);
	if (system(line))
		exit(1);
}

static struct interposer interposers[] = {
	{
		.map = { .name = "x", .dev = NUMBER(100), .exists = true },
		.table = { .device = NUMBER(1), .inner = "snapshot-origin",
			   .inner_args = "4000:1" },
		.status = { .state = "attached", .redirected = 17, .held = 3,
			    .pinned = true, .inner = "snapshot-origin",
			    .inner_status = "" },
		.has_status = true, .device = "fake1", .shown = "/dev/fake1",
		.beneath = "interpose0", .beneath_dev = NUMBER(50),
	}, {
		.map = { .name = "caf\xc3\xa9\xff\033", .dev = NUMBER(101) },
		.table = { .device = NUMBER(2), .inner = "era",
			   .inner_args = "4000:3 4000:2 128" },
		.device = "cciss!c0d0", .shown = "/dev/cciss/c0d0",
		.beneath = "interpose1", .beneath_dev = NUMBER(51),
	},
};

static struct snapshot snapshots[] = {
	{
		.map = { .name = "one" },
		.table = { .origin = NUMBER(50) },
		.status = { .valid = true, .used = 10, .total = 100 },
		.sectors = 4096,
	}, {
		.map = { .name = "t\"wo" },
		.table = { .origin = NUMBER(50) },
		.status = { .valid = true, .used = 90, .total = 100 },
		.sectors = 4096,
	},
};

bool __wrap_stack_read(struct stack *stack)
{
	memset(stack, 0, sizeof(*stack));
	if (empty)
		return true;
	stack->interposers = interposers;
	stack->n_interposers = 2;
	stack->snapshots = snapshots;
	stack->n_snapshots = 2;
	return true;
}

void __wrap_stack_free(struct stack *stack)
{
	(void)stack;
}

bool __wrap_state_enter(bool changes, bool patient)
{
	(void)changes;
	(void)patient;
	return true;
}

void __wrap_state_leave(void)
{
}

void __wrap_device_usage(const char *name, struct usage *usage)
{
	memset(usage, 0, sizeof(*usage));
	if (strcmp(name, "fake1"))
		return;
	strcpy(usage->mountpoint, "/mnt/a b");
	strcpy(usage->fstype, "ext4");
}

bool __wrap_map_message(const char *name, const char *message)
{
	snprintf(did, sizeof(did), "%s: %s", name, message);
	return true;
}

bool __wrap_map_remove(const char *name)
{
	snprintf(did, sizeof(did), "remove %s", name);
	return true;
}

/*
 * Command lines
 */

static char *said;

/* Words separated by blanks; returns the exit status */
static int call(const char *line)
{
	free(said);
	*did = '\0';
	return call_line(line, &said);
}

static void says(const char *line, int status, const char *text)
{
	char claim[200];
	int got = call(line);

	snprintf(claim, sizeof(claim), "'%s' ends with %d and says '%.80s'", line,
		 status, text);
	for (char *c = claim; *c; c++)
		if (*c == '\n')
			*c = '~';
	is(claim, got == status && strstr(said, text));
	if (got != status || !strstr(said, text))
		printf("# %d: %s\n", got, said);
}

static void does(const char *line, const char *what, const char *text)
{
	char claim[200];

	says(line, 0, text);
	snprintf(claim, sizeof(claim), "'%s' does '%s'", line, what);
	is(claim, !strcmp(did, what));
}

static void lists(void)
{
	says("list -n -o NAME,DEVICE,MAJ:MIN,SIZE,PINNED,USED%,USE,MOUNTPOINT", 0,
	     "x            fake1      4000:1     2M yes       90 ext4 /mnt/a b\n");
	says("list -n -o DEVICE,SIZE,MAJ:MIN", 0, "fake1         2M 4000:1\ncciss/c0d0  1.5K 4000:2");
	says("list -n -o NAME", 0, "caf\xc3\xa9\\xff\\x1b");
	says("list", 0, "SIZE STATE");
	says("list", 0, "USED% USE  MOUNTPOINT");
	says("list -n --tree -o NAME,MAJ:MIN", 0, "\xe2\x94\x9c\xe2\x94\x80one        4000:1\n");
	says("list --json", 0, "{\n   \"version\": 1,\n   \"interposers\": [\n      {\n");
	says("list --json", 0, "\"size\": 2097152,");
	says("list --json", 0, "\"pinned\": true,");
	says("list --json", 0, "\"redirected\": 17,");
	says("list --json", 0, "\"redirected\": null,");
	says("list --json", 0, "\"snapshots\": [\n            \"one\",\n            \"t\\\"wo\"\n         ],");
	says("list --json", 0, "\"snapshots\": [],");
	says("list --json", 0, "\"used%\": 90,");
	says("list --json", 0, "\"maj:min\": \"4000:1\",");
	says("list --json", 0, "\"mountpoint\": \"/mnt/a b\"\n");
	says("list --json", 0, "\"mountpoint\": null\n");
	says("list --json", 0, "\"name\": \"caf\xc3\xa9\xef\xbf\xbd\\u001b\"");
	says("list --json --tree -o NAME", 0, "\"children\": [\n            {\n               \"name\": \"one\"\n");
	says("list -J -o NAME", 0, "\"name\": \"x\"\n      },");
	says("snapshot --list --json", 0, "\"snapshots\": [");
	says("snapshot --list --json", 0, "\"device\": \"fake1\",");
	says("snapshot --list", 0, "t\"wo fake1    2M valid       90");
	says("list -o NAME,NAM", 2, "unknown column 'NAM'; did you mean NAME?");
	says("list -o ", 2, "unknown column ''");
	says("list x", 2, "unexpected argument 'x'");
	says("status fake1", 0, "used by:     ext4, /mnt/a b\n");
	empty = true;
	says("list", 0, "nothing is interposed\n");
	says("list --json", 0, "\"interposers\": []\n}\n");
	says("snapshot --list", 0, "there are no snapshots");
	is("'list -q' says nothing then", !call("list -q") && !*said);
	is("'-q list' says nothing then", !call("-q list") && !*said);
	is("'list -n' says nothing then", !call("list -n") && !*said);
	empty = false;
}

static void acts(void)
{
	does("pin fake1", "x: interpose pin", "x is already pinned\n");
	does("pin cciss!c0d0", "caf\xc3\xa9\xff\033: interpose pin", "is pinned; to undo this: ");
	does("unpin x", "x: interpose unpin", "x is no longer pinned\n");
	does("unpin 4000:1", "x: interpose unpin", "x is no longer pinned");
	does("unpin 4000:100", "x: interpose unpin", "x is no longer pinned");
	is("'unpin --quiet x' says nothing", !call("unpin --quiet x") && !*said);
	says("pin x nosuch", 1, "no interposer or device 'nosuch'");
	says("pin", 2, "a name or a device is missing");
	says("detach x", 1, "x has snapshots");
	does("detach cciss!c0d0", "remove caf\xc3\xa9\xff\033",
	     "/dev/cciss/c0d0 is no longer interposed\n");
	does("stop cciss!c0d0", "remove caf\xc3\xa9\xff\033", "no longer interposed");
	says("status x", 0, "size:        2M\n");
	for (size_t i = 0; i < 7; i++) {
		static const char *const commands[] = { "status", "detach", "stop",
			"pin", "unpin", "changed", "changed --mark" };
		char line[64];

		snprintf(line, sizeof(line), "%s nosuch", commands[i]);
		says(line, 1, "there is no interposer or device 'nosuch'; interposectl list lists the interposed devices\n");
		snprintf(line, sizeof(line), "%s /dev/nosuch", commands[i]);
		says(line, 1, "/dev/nosuch");
	}
	says("status fake3", 1, "/dev/fake3 is not interposed; interposectl list lists the interposed devices\n");
	says("recover", 0, "nothing to clean up");
}

static void options_anywhere(void)
{
	says("help", 0, "  attach ");
	says("--help", 0, "  attach ");
	says("help pin", 0, "usage: interposectl pin ");
	says("--help pin", 0, "usage: interposectl pin ");
	says("pin --help", 0, "usage: interposectl pin ");
	says("pin x --help", 0, "usage: interposectl pin ");
	says("pin -h", 0, "usage: interposectl pin ");
	says("version", 0, "interposectl ");
	says("--version", 0, "interposectl ");
	says("--version list", 0, "interposectl ");
	says("list --version", 0, "interposectl ");
	says("-qV", 0, "interposectl ");
	says("version 1", 2, "unexpected argument '1'");
	says("help atach", 2, "unknown command 'atach'; did you mean attach?\n");
	says("frobnicate", 2, "unknown command 'frobnicate'\nusage: ");
	says("list --jsn", 2, "list: unknown option --jsn; did you mean --json?\n");
	says("list --json=1", 2, "option --json takes no value");
	says("list -o", 2, "option -o needs a value");
	says("list -tx", 2, "list: unknown option -x\n");
	says("list x --nohead -x", 2, "list: unknown option -x\n");
	says("snapshot --s 1", 2, "usage: ");
	says("attach", 2, "attach: a device is missing");
	says("attach --pin", 2, "attach: a device is missing");
	says("attach fake3 linear --pin", 2, "put --pin before linear");
	says("detach x x", 2, "unexpected argument 'x'");
	says("", 2, "unknown command ''");
	is("--dry-run may stand last", !call("list --dry-run") && options.dry_run);
	is("-v, too", !call("list -v") && options.verbose);
	is("but not behind --", call("list -- --dry-run") == 2 && !options.dry_run);
}

/* @line ends with 2, and says just that before the usage */
static void complains(const char *line, const char *text)
{
	char all[256];

	snprintf(all, sizeof(all), "interposectl: %s\nusage: ", text);
	says(line, 2, all);
	is("with the name of the program once", !strncmp(said, all, strlen(all)));
}

static void options_before(void)
{
	static const char *const same[] = { "--json", "-J", "-n -o NAME", "-nJo NAME",
		"--output NAME --json", "--output=NAME --json", "--out NAME -t",
		"-oNAME -n", "--json --", "-o NAME --", "--no", "-q -v --tree" };
	char line[128], *after;

	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		snprintf(line, sizeof(line), "list %s", same[i]);
		call(line);
		after = strdup(said);
		snprintf(line, sizeof(line), "%s list", same[i]);
		says(line, 0, after);
		free(after);
	}
	complains("--bogus", "unknown option --bogus");
	complains("-x", "unknown option -x");
	complains("--version=1", "option --version takes no value");
	complains("--bogus list", "list: unknown option --bogus");
	complains("--jsn list", "list: unknown option --jsn; did you mean --json?");
	complains("-q", "the command is missing");
	complains("--", "the command is missing");
	says("--name list attach", 2, "attach: a device is missing");
	says("--name -- attach", 2, "attach: a device is missing");
	says("-f text changed nosuch", 1, "no interposer or device 'nosuch'");
	says("--format text changed nosuch", 1, "no interposer or device 'nosuch'");
	says("-f detach nosuch", 1, "no interposer or device 'nosuch'");
	says("--pin attach fake3 linear --pin", 2, "put --pin before linear");
	says("--json lst", 2, "unknown command 'lst'; did you mean list?\n");
	says("-- -q list", 2, "unknown command '-q'");
	says("- list", 2, "unknown command '-'");
	does("--quiet unpin x", "x: interpose unpin", "");
}

/* "  -o, --output LIST    the columns": with a value or without, as the help says */
static void option_before(const char *command, char *words)
{
	char *word, *last = NULL, *names[4], line[128], usage[128];
	size_t n = 0;

	while ((word = strsep(&words, " "))) {
		if (*word == '-' && n < 4)
			names[n++] = word;
		word[strcspn(word, ",")] = '\0';
		last = word;
	}
	snprintf(usage, sizeof(usage), "usage: interposectl %s", command);
	for (size_t i = 0; i < n; i++) {
		/* "-f list" might be "detach -f list" */
		snprintf(line, sizeof(line), "%s %s%s --help", names[i],
			 *last == '-' ? "" : strcmp(names[i], "-f") ? "list " : "text ",
			 command);
		says(line, 0, usage);
	}
}

static void each_option_before(void)
{
	static const char *const commands[] = { "list", "status", "check", "attach",
		"detach", "pin", "unpin", "snapshot", "monitor", "changed", "track",
		"start", "stop", "backup", "restore", "recover" };
	char line[64], *help, *rest, *words, *end;
	unsigned int n = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		snprintf(line, sizeof(line), "help %s", commands[i]);
		call(line);
		help = strdup(said);
		rest = help;
		while ((words = strsep(&rest, "\n"))) {
			if (strncmp(words, "  ", 2))
				continue;
			words += strspn(words, " ");
			end = strstr(words, "  ");
			if (*words != '-' || !end)
				continue;
			*end = '\0';
			option_before(commands[i], words);
			n++;
		}
		free(help);
	}
	is("the help has more than 20 options", n > 20);
}

int main(void)
{
	char line[64];

	if (!mkdtemp(root))
		return 1;
	sysfs_root = root;
	make("fake1", 1, 4096);
	make("cciss!c0d0", 2, 3);
	make("fake3", 3, 4096);
	make("dm-100", 100, 4096);
	lists();
	acts();
	options_anywhere();
	options_before();
	each_option_before();
	free(said);
	snprintf(line, sizeof(line), "rm -r %s", root);
	return system(line) ? 1 : done();
}
