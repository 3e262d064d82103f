// SPDX-License-Identifier: GPL-2.0
/*
 * list and status: what is interposed, as a table, a tree or JSON
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <libsmartcols.h>

#include "commands.h"
#include "device.h"
#include "list.h"
#include "stack.h"

enum { NAME, DEVICE, MAJMIN, STATE, INNER, BENEATH, PINNED, REDIRECTED, HELD,
	SNAPSHOTS, USED, MOUNTPOINT, COLUMNS };

static const struct {
	const char *name;
	double width;
	int flags;
	int json;
} columns[COLUMNS] = {
	[NAME]		= { "NAME", 0.2, 0, SCOLS_JSON_STRING },
	[DEVICE]	= { "DEVICE", 0.1, 0, SCOLS_JSON_STRING },
	[MAJMIN]	= { "MAJ:MIN", 7, 0, SCOLS_JSON_STRING },
	[STATE]		= { "STATE", 8, 0, SCOLS_JSON_STRING },
	[INNER]		= { "INNER", 0.1, 0, SCOLS_JSON_STRING },
	[BENEATH]	= { "BENEATH", 10, 0, SCOLS_JSON_STRING },
	[PINNED]	= { "PINNED", 6, 0, SCOLS_JSON_BOOLEAN },
	[REDIRECTED]	= { "REDIRECTED", 10, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	[HELD]		= { "HELD", 4, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	[SNAPSHOTS]	= { "SNAPSHOTS", 0.2, 0, SCOLS_JSON_STRING },
	[USED]		= { "USED%", 5, SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
	[MOUNTPOINT]	= { "MOUNTPOINT", 0.2, 0, SCOLS_JSON_STRING },
};

struct view {
	struct libscols_table *table;
	int shown[COLUMNS];
	int n_shown;
	bool tree;
	bool json;
};

/*
 * Lines
 */

static void put(struct view *view, struct libscols_line *line, int column,
		const char *value)
{
	for (int i = 0; i < view->n_shown; i++)
		if (view->shown[i] == column)
			scols_line_set_data(line, i, value);
}

static void put_number(struct view *view, struct libscols_line *line,
		       int column, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	put(view, line, column, text);
}

static void put_devno(struct view *view, struct libscols_line *line, dev_t dev)
{
	char text[24];

	snprintf(text, sizeof(text), "%u:%u", major(dev), minor(dev));
	put(view, line, MAJMIN, text);
}

static void put_mountpoint(struct view *view, struct libscols_line *line,
			   const char *device)
{
	struct usage usage;

	device_usage(device, &usage);
	if (*usage.mountpoint)
		put(view, line, MOUNTPOINT, usage.mountpoint);
}

static struct libscols_line *add_interposer(struct view *view,
					    const struct stack *stack,
					    const struct interposer *ip)
{
	struct libscols_line *line = scols_table_new_line(view->table, NULL);
	bool pinned = ip->has_status ? ip->status.pinned : ip->table.pinned;
	char names[1024];

	if (!line)
		return NULL;
	put(view, line, NAME, ip->map.name);
	put(view, line, DEVICE, ip->device);
	put_devno(view, line, ip->table.device);
	put(view, line, STATE, stack_state(ip));
	put(view, line, INNER, ip->table.inner);
	put(view, line, BENEATH, ip->beneath);
	put(view, line, PINNED, pinned ? "yes" : "no");
	if (ip->has_status) {
		put_number(view, line, REDIRECTED, ip->status.redirected);
		put_number(view, line, HELD, ip->status.held);
	}
	if (stack_snapshots_of(stack, ip, names, sizeof(names)))
		put(view, line, SNAPSHOTS, names);
	put_mountpoint(view, line, ip->device);
	return line;
}

/* Of a tree, or of snapshot --list */
static void add_snapshot(struct view *view, const struct stack *stack,
			 const struct snapshot *snap,
			 struct libscols_line *parent)
{
	struct libscols_line *line = scols_table_new_line(view->table, parent);
	const struct interposer *ip = stack_of_snapshot(stack, snap);
	char name[NAME_SIZE];

	if (!line)
		return;
	put(view, line, NAME, snap->map.name);
	put_devno(view, line, snap->map.dev);
	if (ip && !parent)
		put(view, line, DEVICE, ip->device);
	put(view, line, STATE, snap->map.suspended ? "suspended" :
	    snap->status.valid ? "valid" : snap->status.problem);
	put(view, line, INNER, "snapshot");
	if (snap->status.valid && snap->status.total)
		put_number(view, line, USED,
			   snap->status.used * 100 / snap->status.total);
	if (sysfs_name(snap->map.dev, name))
		put_mountpoint(view, line, name);
}

static void add_all(struct view *view, const struct stack *stack)
{
	for (size_t i = 0; i < stack->n_interposers; i++) {
		const struct interposer *ip = &stack->interposers[i];
		struct libscols_line *line = add_interposer(view, stack, ip);

		for (size_t j = 0; view->tree && j < stack->n_snapshots; j++)
			if (stack_of_snapshot(stack, &stack->snapshots[j]) == ip)
				add_snapshot(view, stack, &stack->snapshots[j],
					     line);
	}
}

/*
 * Columns
 */

static int column_of(const char *name)
{
	for (int i = 0; i < COLUMNS; i++)
		if (!strcasecmp(columns[i].name, name))
			return i;
	return -1;
}

static bool choose_columns(struct view *view, const char *list)
{
	char *copy = strdup(list), *at = copy, *name;
	bool good = copy;

	view->n_shown = 0;
	while (good && (name = strsep(&at, ","))) {
		int column = column_of(name);

		good = column >= 0 && view->n_shown < COLUMNS;
		if (good)
			view->shown[view->n_shown++] = column;
		else
			complain("no such column: %s; interposectl list --help names them",
				 name);
	}
	free(copy);
	return good;
}

static bool make_table(struct view *view, const char *name, bool headings)
{
	struct libscols_column *column;

	scols_init_debug(0);
	view->table = scols_new_table();
	if (!view->table)
		return false;
	scols_table_set_name(view->table, name);
	scols_table_enable_json(view->table, view->json);
	scols_table_enable_noheadings(view->table, !headings);
	for (int i = 0; i < view->n_shown; i++) {
		int c = view->shown[i];
		int flags = columns[c].flags;

		if (view->tree && c == NAME)
			flags |= SCOLS_FL_TREE;
		column = scols_table_new_column(view->table, columns[c].name,
						columns[c].width, flags);
		if (!column)
			return false;
		scols_column_set_json_type(column, columns[c].json);
	}
	return true;
}

enum status list_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "tree", no_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'J' },
		{ "noheadings", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *output = "NAME,DEVICE,MAJ:MIN,STATE,INNER,BENEATH,PINNED,REDIRECTED,HELD,SNAPSHOTS";
	struct view view = { };
	struct stack stack;
	bool headings = true;
	int option;

	while ((option = getopt_long(argc, argv, "o:tJnh", longs, NULL)) != -1) {
		switch (option) {
		case 'o': output = optarg; break;
		case 't': view.tree = true; break;
		case 'J': view.json = true; break;
		case 'n': headings = false; break;
		case 'h': return help("list");
		default: return usage_error("list");
		}
	}
	if (optind < argc || !choose_columns(&view, output))
		return usage_error("list");
	if (!stack_read(&stack))
		return FAILED;
	if (make_table(&view, "interposers", headings)) {
		add_all(&view, &stack);
		scols_print_table(view.table);
	}
	scols_unref_table(view.table);
	stack_free(&stack);
	return DONE;
}

enum status list_snapshots(bool json)
{
	struct view view = { .json = json };
	struct stack stack;

	if (!choose_columns(&view, "NAME,DEVICE,MAJ:MIN,STATE,USED%,MOUNTPOINT") ||
	    !stack_read(&stack))
		return FAILED;
	if (make_table(&view, "snapshots", true)) {
		for (size_t i = 0; i < stack.n_snapshots; i++)
			if (stack_of_snapshot(&stack, &stack.snapshots[i]))
				add_snapshot(&view, &stack,
					     &stack.snapshots[i], NULL);
		scols_print_table(view.table);
	}
	scols_unref_table(view.table);
	stack_free(&stack);
	return DONE;
}

/*
 * status
 */

static void print_interposer(const struct stack *stack,
			     const struct interposer *ip)
{
	char names[1024];

	printf("name:        %s\n", ip->map.name);
	printf("device:      %s (%u:%u)\n", ip->shown,
	       major(ip->table.device), minor(ip->table.device));
	printf("state:       %s\n", stack_state(ip));
	if (ip->map.suspended)
		printf("             I/O waits; to go on: dmsetup resume %s\n",
		       ip->map.name);
	printf("beneath:     /dev/%s\n", ip->beneath);
	printf("inner:       %s %s\n", ip->table.inner, ip->table.inner_args);
	if (ip->has_status) {
		printf("its status:  %s\n", ip->status.inner_status);
		printf("redirected:  %" PRIu64 "\n", ip->status.redirected);
		printf("held:        %" PRIu64 "\n", ip->status.held);
	}
	printf("pinned:      %s\n", (ip->has_status ? ip->status.pinned :
				     ip->table.pinned) ? "yes" : "no");
	if (stack_snapshots_of(stack, ip, names, sizeof(names)))
		printf("snapshots:   %s\n", names);
}

enum status status_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const struct interposer *ip;
	struct stack stack;
	int option;

	while ((option = getopt_long(argc, argv, "h", longs, NULL)) != -1)
		return option == 'h' ? help("status") : usage_error("status");
	if (argc - optind != 1)
		return usage_error("status");
	if (!stack_read(&stack))
		return FAILED;
	ip = stack_find(&stack, argv[optind]);
	if (ip)
		print_interposer(&stack, ip);
	stack_free(&stack);
	return ip ? DONE : FAILED;
}
