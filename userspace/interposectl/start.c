// SPDX-License-Identifier: GPL-2.0
/*
 * start and stop: what /etc/interposetab says, for systemd and the initramfs
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "attach.h"
#include "commands.h"
#include "continuity.h"
#include "interposetab.h"
#include "metafile.h"
#include "own.h"
#include "process.h"

/*
 * The file
 */

static void complain_of_line(const char *what, void *data)
{
	bool *loud = data;

	if (*loud)
		complain("%s", what);
}

static bool read_tab(const char *name, bool loud, struct tab *tab)
{
	FILE *file = fopen(name, "re");
	bool good;

	if (!file) {
		complain("cannot read %s: %s", name, strerror(errno));
		return false;
	}
	good = tab_read(file, name, complain_of_line, &loud, tab);
	if (!good)
		complain("cannot read all lines of %s", name);
	fclose(file);
	return good;
}

/*
 * start
 */

/* Else the metadata are those of another device, or an older copy of a file */
static bool holds_its_series(const struct tab_entry *entry,
			     const char *device, const char *meta)
{
	struct series series;
	char uuid[64];

	if (!entry->series || series_read(meta, &series) == SERIES_DAMAGED)
		return true;
	series_uuid_text(series.uuid, uuid, sizeof(uuid));
	if (!strcasecmp(uuid, entry->series))
		return true;
	complain("%s is not tracked: %s does not hold the series %s that its line names; put the right file there, or begin anew: interposectl track on --file NEW-FILE %s",
		 device, entry->args[1], entry->series, device);
	return false;
}

static bool argument(const struct tab_entry *entry, const char *word,
		     const struct device *device, struct metafile *file,
		     char *out, size_t size)
{
	char path[TAB_LINE_MAX + 1];

	if (tab_is_file(word)) {
		return tab_file(word, path, sizeof(path)) &&
		       metafile_open(file, path) &&
		       snprintf(out, size, "%s", file->node) > 0;
	}
	if (tab_argument(word, device->path, device->sectors, out, size))
		return true;
	complain("the arguments of %s are too long", entry->name);
	return false;
}

static enum status attach_entry(const struct tab_entry *entry,
				const struct device *device, unsigned int limit)
{
	struct metafile file = { .fd = -1 };
	const struct attach_options how = {
		.name = entry->name,
		.pin = entry->pin,
		.limit = limit,
		.replace = entry->replace_data,
		.replace_word = "replace-data to the options of its line",
	};
	char *args[TAB_ARGS_MAX], buffer[TAB_PATH_MAX];
	enum status status = FAILED;
	unsigned int n;

	for (n = 0; n < entry->n_args; n++) {
		if (!argument(entry, entry->args[n], device, &file, buffer,
			      sizeof(buffer)))
			break;
		args[n] = strdup(buffer);
		if (!args[n])
			break;
	}
	if (n == entry->n_args &&
	    (n < 2 || holds_its_series(entry, device->shown, args[1])))
		status = attach_if_safe(device->path, &how, n, args);
	metafile_close(&file);
	while (n--)
		free(args[n]);
	return status;
}

/* Of a file on the device itself: what it needs is found once that is attached */
static enum status start_own(const struct tab_entry *entry,
			     const struct device *device, unsigned int limit)
{
	struct own own = {
		.device = device,
		.name = entry->name,
		.pin = entry->pin,
		.limit = limit,
		.uuid = entry->series,
	};
	uint64_t block;

	if (entry->n_args != 4 || strcmp(entry->args[2], "%d") ||
	    !parse_number(entry->args[3], &block) || !block || block > UINT_MAX ||
	    !tab_file(entry->args[1], own.path, sizeof(own.path)))
		return refuse("the line of %s is not complete; write: era %s %%d 128",
			      entry->name, entry->args[1]);
	own.block = block;
	return own_start(&own);
}

static bool is_attached(const struct tab_entry *entry,
			const struct device *device)
{
	const struct interposer *ip;
	struct stack stack;
	bool attached;

	if (!stack_read(&stack))
		return false;
	ip = stack_of_map(&stack, entry->name);
	attached = ip && !strcmp(ip->device, device->name) &&
		   (!tab_own_of(entry) || own_is_used(ip));
	stack_free(&stack);
	return attached;
}

static enum status start(const struct tab_entry *entry, unsigned int limit)
{
	char path[TAB_PATH_MAX];
	struct device device;

	if (!tab_path(entry->device, path, sizeof(path)) ||
	    !device_find(path, &device))
		return FAILED;
	if (!is_attached(entry, &device))
		return tab_own_of(entry) ? start_own(entry, &device, limit) :
		       attach_entry(entry, &device, limit);
	say("%s is already interposed by %s", device.shown, entry->name);
	return DONE;
}

static bool is_device(const struct tab_entry *entry, const char *root)
{
	char path[TAB_PATH_MAX];
	struct stat st, of_root;

	return tab_path(entry->device, path, sizeof(path)) &&
	       !stat(path, &st) && !stat(root, &of_root) &&
	       S_ISBLK(st.st_mode) && st.st_rdev == of_root.st_rdev;
}

static enum status start_early(const struct tab_entry *entry,
			       unsigned int limit)
{
	const char *file = tab_file_of(entry);

	return file ? refuse("%s is not attached: %s cannot be reached in the initramfs; record on a device, with --meta or --vg",
			     entry->name, file) : start(entry, limit);
}

static enum status start_initramfs(const struct tab *tab, const char *root,
				   unsigned int limit)
{
	enum status status = DONE;

	for (size_t i = 0; i < tab->n; i++) {
		const struct tab_entry *entry = &tab->v[i];

		if (!entry->initramfs &&
		    (entry->noauto || !root || !is_device(entry, root)))
			continue;
		if (start_early(entry, limit) != DONE && !entry->nofail)
			status = FAILED;
	}
	return status;
}

/* Of other lines somebody else complains, but what is asked for may be one */
static enum status start_named(const char *file, const struct tab *tab,
			       unsigned int limit, int argc, char **argv)
{
	enum status status = DONE, one;
	struct tab again;

	for (int i = 0; i < argc; i++) {
		const struct tab_entry *entry = tab_find(tab, argv[i]);

		if (entry) {
			one = start(entry, limit);
		} else {
			if (read_tab(file, true, &again))
				tab_free(&again);
			one = refuse("%s has no valid line with the name %s; add one",
				     file, argv[i]);
		}
		status = one == DONE ? status : one;
	}
	return status;
}

enum status start_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "tab", required_argument, NULL, 't' },
		{ "initramfs", no_argument, NULL, 'i' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *file = TAB_FILE;
	enum status status = FAILED;
	unsigned int limit = LIMIT_SECONDS;
	bool initramfs = false, good = true;
	struct tab tab;
	int option;

	while ((option = next_option(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 't': file = optarg; break;
		case 'i': initramfs = true; break;
		case 'T': good &= attach_limit(optarg, &limit); break;
		case 'h': return help("start");
		default: return usage_error("start");
		}
	}
	argc -= optind;
	argv += optind;
	if (!good)
		return usage_error("start");
	if (initramfs && argc > 1)
		return too_many("start", argv[1]);
	if (!initramfs && !argc)
		return missing("start", "the name of a line in the file");
	if (!read_tab(file, initramfs, &tab))
		return FAILED;
	if (initramfs)
		status = start_initramfs(&tab, argv[0], limit);
	else
		status = start_named(file, &tab, limit, argc, argv);
	tab_free(&tab);
	return status;
}

/*
 * stop
 */

/* That a unit is stopped whose line is in the file is no error, either way */
static bool is_in_tab(const char *file, const char *name)
{
	struct tab tab;
	bool found;

	if (access(file, F_OK) || !read_tab(file, false, &tab))
		return false;
	found = tab_find(&tab, name);
	tab_free(&tab);
	return found;
}

/*
 * The file with its metadata is on a file system that is to be unmounted, too. As
 * long as it is in use itself, each write is recorded all the same.
 */
static bool may_be_unpinned(const struct interposer *ip)
{
	char node[PATH_MAX];

	if (!continuity_is_pinned(ip))
		return true;
	device_node(ip->device, node, sizeof(node));
	if (!device_is_free(node)) {
		complain("%s is in use, and stays attached", ip->shown);
		return false;
	}
	return continuity_unpin(ip);
}

static enum status stop_at_shutdown(const char *name)
{
	const struct interposer *ip;
	enum status status = FAILED;
	struct stack stack;
	bool unpinned;

	if (!stack_read(&stack))
		return FAILED;
	ip = stack_of_map(&stack, name);
	unpinned = !ip || may_be_unpinned(ip);
	stack_free(&stack);
	if (!unpinned || !stack_read(&stack))
		return FAILED;
	ip = stack_of_map(&stack, name);
	status = ip ? detach(&stack, ip, false) : DONE;
	stack_free(&stack);
	return status;
}

static enum status stop(const char *file, const char *name)
{
	const struct interposer *ip;
	enum status status = FAILED;
	struct stack stack;

	if (!stack_read(&stack))
		return FAILED;
	ip = stack_of_map(&stack, name);
	if (!ip && is_in_tab(file, name)) {
		say("%s is not attached", name);
		status = DONE;
	} else {
		if (!ip)
			ip = stack_find(&stack, name);
		if (ip)
			status = detach(&stack, ip, false);
	}
	stack_free(&stack);
	return status;
}

enum status stop_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "tab", required_argument, NULL, 't' },
		{ "shutdown", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *file = TAB_FILE;
	enum status status = DONE, one;
	bool shutdown = false;
	int option;

	while ((option = next_option(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 't': file = optarg; break;
		case 's': shutdown = true; break;
		case 'h': return help("stop");
		default: return usage_error("stop");
		}
	}
	if (optind == argc)
		return missing("stop", "the name of an interposer");
	for (; optind < argc; optind++) {
		one = shutdown ? stop_at_shutdown(argv[optind]) :
			stop(file, argv[optind]);
		status = one == DONE ? status : one;
	}
	return status;
}
