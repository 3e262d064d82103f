// SPDX-License-Identifier: GPL-2.0
/*
 * attach and detach
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "attach.h"
#include "check.h"
#include "commands.h"
#include "continuity.h"
#include "guard.h"
#include "inner.h"
#include "own.h"
#include "parse.h"
#include "process.h"
#include "state.h"
#include "undo.h"
#include "view.h"
#include "writeback.h"

#define UNMAKE_SECONDS	30

/*
 * attach
 */

bool name_is_good(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#+.:=@_-";

	if (*name && *name != '-' && *name != '.' && strlen(name) <= 64 &&
	    !name[strspn(name, good)])
		return true;
	complain("'%s' is not a valid name; use up to 64 letters, digits, and any of #+.:=@_-",
		 name);
	return false;
}

void default_name(const struct device *device, char *name, size_t size)
{
	char word[80];

	device_word(device, word, sizeof(word));
	snprintf(name, size, "interpose-%s", word);
}

/* "/dev/sda1 1 pin linear /dev/sda1 0"; false: too long */
static bool attach_params(char *params, size_t size, const char *path,
			  bool pin, int argc, char **argv)
{
	size_t n = snprintf(params, size, "%s%s", path, pin ? " 1 pin" : "");

	for (int i = 0; i < argc && n < size; i++)
		n += snprintf(params + n, size - n, " %s", argv[i]);
	if (!argc && n < size)
		n += snprintf(params + n, size - n, " linear %s 0", path);
	return n < size;
}

/* In memory that this process shares with the one that attaches */
struct making {
	const char *name;
	bool pin;
	uint64_t sectors;
	char params[4096];
	unsigned int limit;		/* seconds */
	atomic_bool loaded;		/* from here on it counts */
	uint32_t cookie;
	bool made;			/* as soon as it is there */
	char identity[IDENTITY_MAX];	/* of what is to be unmade */
};

/*
 * How long an inner target reads or writes its metadata when its table is loaded
 * depends on how much there is and on the disk, and nobody else waits for that.
 */
static void loaded(void *data)
{
	struct making *making = data;

	process_limit_begins(&making->loaded, making->limit);
}

static bool make(void *data)
{
	struct making *making = data;

	return map_make(making->name, MAP_INTERPOSER, making->sectors,
			"interpose", making->params, &making->cookie,
			&making->made, loaded, making);
}

/* How it is undone */
static void undo_line(const char *name, bool pin, char *line, size_t size)
{
	snprintf(line, size, "%s %s", pin ? "pinned" : "interposer", name);
}

static bool unmake(void *data)
{
	const struct making *making = data;
	char line[MAP_NAME_MAX + 16];

	undo_line(making->name, making->pin, line, sizeof(line));
	return undo(line, making->identity);
}

static void tell_why(const struct attachment *how, enum ending ending)
{
	const char *shown = how->device->shown;

	if (ending == ENDED_EARLY && !interrupted())
		complain("the process that attaches %s was killed", shown);
	if (ending != ENDED_LATE)
		return;
	if (how->argc > 1)
		complain("given up after %u seconds: %s does not answer, or its file system cannot be frozen, or a device of %s does not answer; if it is only slow, add --timeout SECONDS",
			 how->limit, shown, how->argv[0]);
	else
		complain("given up after %u seconds: %s does not answer, or its file system cannot be frozen; if it is only slow, add --timeout SECONDS",
			 how->limit, shown);
}

/*
 * The kernel has undone what it was about when the process was killed. What is
 * left of the mapped device goes here, where it is no harm if that hangs as well.
 */
static void give_up(struct attachment *how, struct making *making,
		    enum ending ending)
{
	struct process process = { .run = unmake, .data = making,
				   .limit = UNMAKE_SECONDS,
				   .record = how->record, .goes_on = true };

	map_forget(making->cookie);
	tell_why(how, ending);
	how->hangs = how->hangs || process_in_time(&process) == ENDED_LATE ||
		     process.hangs;
}

/* Of a process that was killed it is unknown whether it was about to say so */
static bool note(const struct attachment *how, struct making *making,
		 enum ending ending)
{
	char line[MAP_NAME_MAX + 16];

	undo_line(how->name, how->pin, line, sizeof(line));
	if (making->made) {
		undo_identity(line, making->identity);
		return record_made(how->record, "%s", line);
	}
	if (ending == ENDED_WELL || ending == ENDED_BADLY)
		record_made_nothing(how->record, "%s", line);
	return true;
}

static bool attach_in_time(struct attachment *how, struct making *making)
{
	struct process process = { .run = make, .data = making,
				   .limit = how->limit,
				   .record = how->record,
				   .begun = &making->loaded };
	enum ending ending = ENDED_BADLY;
	bool noted;

	map_warm_up();
	if (!interrupted())
		ending = process_in_time(&process);
	how->hangs = process.hangs;
	noted = note(how, making, ending);
	if (ending == ENDED_LATE || ending == ENDED_EARLY) {
		give_up(how, making, ending);
		return false;
	}
	map_wait(making->cookie);
	if (ending == ENDED_WELL)
		map_make_node(how->name);
	return ending == ENDED_WELL && noted;
}

bool attach_device(struct attachment *how)
{
	struct making *making = process_share(sizeof(*making));
	char line[MAP_NAME_MAX + 16];
	bool good = false;

	if (!making)
		return false;
	making->name = how->name;
	making->pin = how->pin;
	undo_line(how->name, how->pin, line, sizeof(line));
	making->sectors = how->device->sectors;
	making->limit = how->limit;
	if (!attach_params(making->params, sizeof(making->params),
			   how->device->path, how->pin, how->argc, how->argv))
		complain("the arguments are too long");
	else if (write_back(how->device, how->limit) &&
		 record_undo(how->record, "%s", line))
		good = !map_create_step(how->name, MAP_INTERPOSER,
					making->sectors, "interpose",
					making->params) ||
		       attach_in_time(how, making);
	process_unshare(making, sizeof(*making));
	return good;
}

enum status attach_hangs(const char *record)
{
	return refuse("a process of '%s' waits in the kernel for that device, and cannot be ended; when the device answers, or is removed, clean up with: interposectl recover",
		      record);
}

bool attach_limit(const char *word, unsigned int *limit)
{
	uint64_t seconds;

	if (parse_number(word, &seconds) && seconds && seconds <= LIMIT_MOST) {
		*limit = seconds;
		return true;
	}
	complain("--timeout needs a number of seconds from 1 to %d, not '%s'",
		 LIMIT_MOST, word);
	return false;
}

/* With what a series of era has to know of it */
static bool attach_continued(struct attachment *how)
{
	struct continuity continuity;
	bool good;

	continuity_before_attach(&continuity, how->device, how->argc, how->argv);
	good = attach_device(how);
	continuity_after_attach(&continuity, how->name);
	return good;
}

/* @given: of the command that this is a part of, or NULL; it goes if this fails */
static enum status attach(struct attachment *how, struct record *given)
{
	char journal[NAME_MAX + 1];
	struct record own;

	snprintf(journal, sizeof(journal), "%s%s", given ? "" : "attach-",
		 given ? given->name : how->name);
	if (!given && !record_begin(&own, journal))
		return FAILED;
	how->record = given ?: &own;
	if (attach_continued(how)) {
		if (!given)
			record_end(&own);
		say("%s is interposed by %s", how->device->shown, how->name);
		return DONE;
	}
	if (how->hangs) {
		record_free(how->record);
		return attach_hangs(journal);
	}
	record_roll_back(how->record);
	return interrupted() ? UNDONE : FAILED;
}

/* All but what is attached */
static bool is_safe(const struct stack *stack, struct attachment *how,
		    const struct attach_options *options)
{
	struct findings findings = { };
	bool safe;

	check_device(stack, how->device, &findings);
	findings_complain(&findings);
	safe = !findings_refuse(&findings) && name_is_good(how->name) &&
	       guard_attach(how->device, how->argc, how->argv, options->replace,
			    options->replace_word) &&
	       map_is_free(MAP_INTERPOSER, how->name, MAP_OTHER_NAME);
	findings_free(&findings);
	return safe;
}

/* @inner: the arguments; they are freed */
static enum status attach_safely(const struct device *device,
				 const struct attach_options *how, int argc,
				 char **inner, bool *begun)
{
	enum status status = FAILED;
	char own_name[128];
	struct attachment attachment = {
		.device = device,
		.name = how->name ?: own_name,
		.pin = how->pin,
		.argc = argc,
		.argv = inner,
		.limit = how->limit,
	};
	struct stack stack;

	default_name(device, own_name, sizeof(own_name));
	if (stack_read(&stack)) {
		*begun = is_safe(&stack, &attachment, how);
		if (*begun)
			status = attach(&attachment, how->record);
		stack_free(&stack);
	}
	inner_free(argc, inner);
	return status;
}

enum status attach_if_safe(const char *argument,
			   const struct attach_options *how, int argc,
			   char **argv)
{
	enum status status = FAILED;
	struct device device;
	char *inner[argc + 1];
	bool begun = false;

	if (device_find(argument, &device) &&
	    inner_arguments(argument, &device, argc, argv, inner))
		status = attach_safely(&device, how, argc, inner, &begun);
	if (how->record && !begun)
		record_roll_back(how->record);
	return status;
}

enum status attach_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "name", required_argument, NULL, 'N' },
		{ "pin", no_argument, NULL, 'p' },
		{ "replace-data", no_argument, NULL, 'R' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct attach_options how = { .limit = LIMIT_SECONDS,
				      .replace_word = GUARD_WORD };
	const char *device = NULL;
	bool good = true;
	int option;

again:	while ((option = next_option(argc, argv, "+", longs, NULL)) != -1) {
		switch (option) {
		case 'N': how.name = optarg; break;
		case 'p': how.pin = true; break;
		case 'R': how.replace = true; break;
		case 't': good &= attach_limit(optarg, &how.limit); break;
		case 'h': return help("attach");
		default: return usage_error("attach");
		}
	}
	/* options may stand on both sides of the device, but not behind INNER */
	if (!device && optind < argc) {
		device = argv[optind++];
		goto again;
	}
	if (!good)
		return usage_error("attach");
	if (!device)
		return missing("attach", "a device");
	for (int i = optind; i < argc; i++) {
		if (!strncmp(argv[i], "--", 2)) {
			complain("attach: put %s before %s", argv[i],
				 argv[optind]);
			return usage_error("attach");
		}
	}
	return attach_if_safe(device, &how, argc - optind, argv + optind);
}

/*
 * detach
 */

/*
 * Also what was put between: "base" on the disk beneath, for era. Not the blocks of a
 * file in which era records: none of the device's data is there.
 */
static bool is_own(const char *word, const void *data)
{
	const struct interposer *ip = data;
	char name[NAME_SIZE];
	dev_t dev;

	if (!parse_devno(word, &dev))
		return false;
	return dev == ip->table.device || dev == ip->beneath_dev ||
	       (sysfs_name(dev, name) && *ip->beneath &&
		sysfs_lies_on(name, ip->beneath) && !own_is_store(dev));
}

/* By the same table as attach: has the inner target what the device has not? */
static bool device_lacks_data(const struct interposer *ip)
{
	const char *argv[VIEW_ARGS_MAX];
	char *line = strdup(ip->table.inner_args);
	bool lacks = true;
	struct view view;
	int argc;

	if (!line)
		return true;
	argc = view_split(line, argv, VIEW_ARGS_MAX);
	if (argc >= 0) {
		view_of(ip->table.inner, argc, argv, is_own, ip, &view);
		lacks = view.lacks_data;
	}
	free(line);
	return lacks;
}

static bool cache_is_dirty(const struct interposer *ip)
{
	return !strcmp(ip->table.inner, "cache") &&
	       !(ip->has_status &&
		 parse_cache_is_clean(ip->status.inner_status));
}

static bool is_in_use(const struct interposer *ip)
{
	char node[PATH_MAX];
	struct usage usage;

	device_node(ip->device, node, sizeof(node));
	device_usage(ip->device, &usage);
	return *usage.mountpoint || usage.swap || !device_is_free(node);
}

/* Data that would be lost or taken away from under a file system */
static bool loses_data(const struct interposer *ip)
{
	if (cache_is_dirty(ip)) {
		complain("%s is a writeback cache, and %s may lack data; load the policy cleaner and writethrough, and wait until no block is dirty ('A write-back SSD cache' in dm-interpose.rst); to lose what is only in the cache: interposectl detach --force %s",
			 ip->map.name, ip->shown, ip->map.name);
		return true;
	}
	if (device_lacks_data(ip) && is_in_use(ip)) {
		complain("with %s, %s shows other data than it holds, and it is in use; unmount it or stop using it, then detach; to undo a mistaken attach: interposectl detach --force %s",
			 ip->table.inner, ip->shown, ip->map.name);
		return true;
	}
	return false;
}

/* What a snapshot has put beneath an era; see snapshot.c */
static bool remove_base(const struct interposer *ip)
{
	char base[MAP_NAME_MAX];
	struct map_info info = { };

	snprintf(base, sizeof(base), "%.100s-origin", ip->map.name);
	return strcmp(ip->table.inner, "era") ||
	       !map_made(MAP_ORIGIN, base, &info) || info.open_count ||
	       map_remove(info.name);
}

enum status detach(const struct stack *stack, const struct interposer *ip,
		   bool force)
{
	bool pinned = ip->has_status ? ip->status.pinned : ip->table.pinned, gone;
	struct continuity continuity;
	char names[1024];

	if (stack_snapshots_of(stack, ip, names, sizeof(names)))
		return refuse("%s has snapshots, which would become invalid: %s; first: interposectl snapshot --remove NAME",
			      ip->map.name, names);
	if (!force && loses_data(ip))
		return FAILED;
	if (pinned)
		return refuse("%s is pinned; to allow the detach: interposectl unpin %s",
			      ip->map.name, ip->map.name);
	if (ip->map.open_count)
		return refuse("/dev/mapper/%s is open; fuser -v /dev/mapper/%s shows by which process",
			      ip->map.name, ip->map.name);
	if (own_is_used(ip))
		return own_detach(ip);
	continuity_before_detach(&continuity, ip);
	gone = map_remove(ip->map.name);
	continuity_after_detach(&continuity, gone);
	if (!gone || !remove_base(ip))
		return FAILED;
	say("%s is no longer interposed", ip->shown);
	return DONE;
}

enum status detach_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	enum status status = FAILED;
	const struct interposer *ip;
	struct stack stack;
	bool force = false;
	int option;

	while ((option = next_option(argc, argv, "f", longs, NULL)) != -1) {
		switch (option) {
		case 'f': force = true; break;
		case 'h': return help("detach");
		default: return usage_error("detach");
		}
	}
	if (argc - optind > 1)
		return too_many("detach", argv[optind + 1]);
	if (argc == optind)
		return missing("detach", "a name or a device");
	if (!stack_read(&stack))
		return FAILED;
	ip = stack_find(&stack, argv[optind]);
	if (ip)
		status = detach(&stack, ip, force);
	stack_free(&stack);
	return status;
}
