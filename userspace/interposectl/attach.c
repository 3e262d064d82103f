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
#include "guard.h"
#include "inner.h"
#include "state.h"
#include "view.h"

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
bool attach_params(char *params, size_t size, const char *path, bool pin,
		   int argc, char **argv)
{
	size_t n = snprintf(params, size, "%s%s", path, pin ? " 1 pin" : "");

	for (int i = 0; i < argc && n < size; i++)
		n += snprintf(params + n, size - n, " %s", argv[i]);
	if (!argc && n < size)
		n += snprintf(params + n, size - n, " linear %s 0", path);
	return n < size;
}

bool attach_device(struct record *record, const struct device *device,
		   const char *name, bool pin, int argc, char **argv)
{
	char params[4096];
	bool good, made;

	if (!attach_params(params, sizeof(params), device->path, pin, argc,
			   argv)) {
		complain("the arguments are too long");
		return false;
	}
	if (!record_undo(record, "interposer %s", name))
		return false;
	good = map_create(name, MAP_INTERPOSER, device->sectors, "interpose",
			  params, NULL, &made);
	if (made)
		return record_made(record, "interposer %s", name) && good;
	record_made_nothing(record, "interposer %s", name);
	return good;
}

static enum status attach(const struct device *device, const char *name,
			  bool pin, int argc, char **argv)
{
	char journal[128];
	struct record record;

	snprintf(journal, sizeof(journal), "attach-%s", name);
	if (!record_begin(&record, journal))
		return FAILED;
	if (!attach_device(&record, device, name, pin, argc, argv)) {
		record_roll_back(&record);
		return interrupted() ? UNDONE : FAILED;
	}
	record_end(&record);
	say("%s is interposed by %s", device->shown, name);
	return DONE;
}

enum status attach_if_safe(const char *argument,
			   const struct attach_options *how, int argc,
			   char **argv)
{
	const char *name = how->name;
	struct findings findings = { };
	enum status status = FAILED;
	struct device device;
	char own_name[128], *inner[argc + 1];
	struct stack stack;

	if (!device_find(argument, &device) ||
	    !inner_arguments(argument, &device, argc, argv, inner))
		return FAILED;
	if (!stack_read(&stack)) {
		inner_free(argc, inner);
		return FAILED;
	}
	default_name(&device, own_name, sizeof(own_name));
	if (!name)
		name = own_name;
	check_device(&stack, &device, &findings);
	findings_complain(&findings);
	if (!findings_refuse(&findings) && name_is_good(name) &&
	    guard_attach(&device, argc, inner, how->replace,
			 how->replace_word) &&
	    map_is_free(MAP_INTERPOSER, name, MAP_OTHER_NAME))
		status = attach(&device, name, how->pin, argc, inner);
	inner_free(argc, inner);
	findings_free(&findings);
	stack_free(&stack);
	return status;
}

enum status attach_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "name", required_argument, NULL, 'N' },
		{ "pin", no_argument, NULL, 'p' },
		{ "replace-data", no_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct attach_options how = { .replace_word = GUARD_WORD };
	const char *device = NULL;
	int option;

again:	while ((option = next_option(argc, argv, "+", longs, NULL)) != -1) {
		switch (option) {
		case 'N': how.name = optarg; break;
		case 'p': how.pin = true; break;
		case 'R': how.replace = true; break;
		case 'h': return help("attach");
		default: return usage_error("attach");
		}
	}
	/* options may stand on both sides of the device, but not behind INNER */
	if (!device && optind < argc) {
		device = argv[optind++];
		goto again;
	}
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

/* Also what was put between: "base" on the disk beneath, for era */
static bool is_own(const char *word, const void *data)
{
	const struct interposer *ip = data;
	char name[NAME_SIZE];
	dev_t dev;

	if (!parse_devno(word, &dev))
		return false;
	return dev == ip->table.device || dev == ip->beneath_dev ||
	       (sysfs_name(dev, name) && *ip->beneath &&
		sysfs_lies_on(name, ip->beneath));
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

enum status detach(const struct stack *stack, const struct interposer *ip,
		   bool force)
{
	bool pinned = ip->has_status ? ip->status.pinned : ip->table.pinned;
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
	if (!map_remove(ip->map.name))
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
