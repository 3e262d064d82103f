// SPDX-License-Identifier: GPL-2.0
/*
 * list and status: what is interposed, as a table, a tree or JSON
 *
 *     struct row --> cell() --> text for a column of libsmartcols
 *          |
 *          +--------> json_cell() --> numbers, arrays, true and false
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <libsmartcols.h>

#include "args.h"
#include "commands.h"
#include "device.h"
#include "json.h"
#include "list.h"
#include "names.h"
#include "stack.h"

enum { NAME, DEVICE, MAJMIN, SIZE, STATE, INNER, BENEATH, PINNED, REDIRECTED,
	HELD, SNAPSHOTS, USED, USE, MOUNTPOINT, COLUMNS };

static const struct {
	const char *name;
	double width;
	int flags;
} columns[COLUMNS] = {
	[NAME]		= { "NAME", 0.2, 0 },
	[DEVICE]	= { "DEVICE", 0.1, 0 },
	[MAJMIN]	= { "MAJ:MIN", 7, 0 },
	[SIZE]		= { "SIZE", 5, SCOLS_FL_RIGHT },
	[STATE]		= { "STATE", 8, 0 },
	[INNER]		= { "INNER", 0.1, 0 },
	[BENEATH]	= { "BENEATH", 10, 0 },
	[PINNED]	= { "PINNED", 6, 0 },
	[REDIRECTED]	= { "REDIRECTED", 10, SCOLS_FL_RIGHT },
	[HELD]		= { "HELD", 4, SCOLS_FL_RIGHT },
	[SNAPSHOTS]	= { "SNAPSHOTS", 0.2, 0 },
	[USED]		= { "USED%", 5, SCOLS_FL_RIGHT },
	[USE]		= { "USE", 0.1, 0 },
	[MOUNTPOINT]	= { "MOUNTPOINT", 0.2, 0 },
};

#define LIST_COLUMNS \
	"NAME,DEVICE,SIZE,STATE,INNER,PINNED,SNAPSHOTS,USED%,USE,MOUNTPOINT"
#define SNAPSHOT_COLUMNS "NAME,DEVICE,SIZE,STATE,USED%,USE,MOUNTPOINT"
#define CELL_SIZE	PATH_MAX

struct view {
	const struct stack *stack;
	int shown[COLUMNS];
	int n_shown;
	bool tree;
	bool json;
	bool headings;
};

/* An interposer, or a snapshot and the interposer on which it hangs */
struct row {
	const struct stack *stack;
	const struct interposer *ip;
	const struct snapshot *snap;
	struct usage usage;		/* of the device, or of the snapshot */
	char use[1024];
};

/*
 * Who uses it
 */

struct holders {
	char *text;
	size_t size, n;
};

static bool add_holder(const char *entry, void *data)
{
	struct holders *holders = data;
	char column[SHOWN_SIZE];

	if (!sysfs_is_bypass(entry) && holders->n < holders->size)
		holders->n += snprintf(holders->text + holders->n,
				       holders->size - holders->n, "%s%s",
				       holders->n ? " " : "",
				       device_column(entry, column, sizeof(column)));
	return false;
}

/* A file system's type, swap, or the devices above it */
static void fill_use(struct row *row, const char *name)
{
	struct holders holders = { row->use, sizeof(row->use), 0 };

	device_usage(name, &row->usage);
	if (*row->usage.fstype)
		snprintf(row->use, sizeof(row->use), "%s", row->usage.fstype);
	else if (row->usage.swap)
		snprintf(row->use, sizeof(row->use), "swap");
	else
		sysfs_each(name, "holders", add_holder, &holders);
}

static void fill_row(struct row *row, const struct stack *stack,
		     const struct interposer *ip, const struct snapshot *snap)
{
	char name[NAME_SIZE];

	memset(row, 0, sizeof(*row));
	row->stack = stack;
	row->ip = ip;
	row->snap = snap;
	if (!snap)
		fill_use(row, ip->device);
	else if (sysfs_name(snap->map.dev, name))
		fill_use(row, name);
}

/*
 * What is in its columns
 */

static uint64_t sectors_of(const struct row *row)
{
	return row->snap ? row->snap->sectors : sysfs_sectors(row->ip->device);
}

static const char *state_of(const struct row *row)
{
	if (!row->snap)
		return stack_state(row->ip);
	if (row->snap->map.suspended)
		return "suspended";
	if (row->snap->status.valid)
		return "valid";
	return strcmp(row->snap->status.problem, "Overflow") ? "invalid" :
	       "overflow";
}

static bool is_pinned(const struct interposer *ip)
{
	return ip->has_status ? ip->status.pinned : ip->table.pinned;
}

/* Of an interposer, that of its fullest snapshot */
static bool used_of(const struct row *row, uint64_t *used)
{
	bool has_one = false;

	*used = 0;
	for (size_t i = 0; i < row->stack->n_snapshots; i++) {
		const struct snapshot *snap = &row->stack->snapshots[i];
		uint64_t percent;

		if (row->snap ? snap != row->snap :
		    stack_of_snapshot(row->stack, snap) != row->ip)
			continue;
		if (!snap->status.valid || !snap->status.total)
			continue;
		percent = snap->status.used * 100 / snap->status.total;
		if (percent > *used)
			*used = percent;
		has_one = true;
	}
	return has_one;
}

/* 512M, 1.5G, as lsblk has it */
static void put_size(uint64_t sectors, char *text, size_t size)
{
	static const char units[] = "KMGTPE";
	const char *unit = units;
	uint64_t tenths = sectors * 10 / 2;

	while (tenths >= 10240 && unit[1]) {
		tenths = (tenths + 512) / 1024;
		unit++;
	}
	if (tenths % 10)
		snprintf(text, size, "%" PRIu64 ".%u%c", tenths / 10,
			 (unsigned int)(tenths % 10), *unit);
	else
		snprintf(text, size, "%" PRIu64 "%c", tenths / 10, *unit);
}

static const char *mountpoint_of(const struct row *row)
{
	return *row->usage.mountpoint ? row->usage.mountpoint :
	       row->usage.swap ? "[SWAP]" : "";
}

/* False: it has none */
static bool cell(const struct row *row, int column, char *text, size_t size)
{
	const struct interposer *ip = row->ip;
	uint64_t number;

	*text = '\0';
	switch (column) {
	case NAME:
		name_decode_letters(row->snap ? row->snap->map.name :
				    ip->map.name, text, size);
		break;
	case DEVICE:
		device_column(ip->device, text, size);
		break;
	case MAJMIN:
		snprintf(text, size, "%u:%u", major(ip->table.device),
			 minor(ip->table.device));
		break;
	case SIZE:
		put_size(sectors_of(row), text, size);
		break;
	case STATE:
		snprintf(text, size, "%s", state_of(row));
		break;
	case INNER:
		snprintf(text, size, "%s", row->snap ? "snapshot" : ip->table.inner);
		break;
	case BENEATH:
		snprintf(text, size, "%s", ip->beneath);
		break;
	case PINNED:
		if (!row->snap)
			snprintf(text, size, "%s", is_pinned(ip) ? "yes" : "no");
		break;
	case REDIRECTED:
		if (!row->snap && ip->has_status)
			snprintf(text, size, "%" PRIu64, ip->status.redirected);
		break;
	case HELD:
		if (!row->snap && ip->has_status)
			snprintf(text, size, "%" PRIu64, ip->status.held);
		break;
	case SNAPSHOTS:
		if (!row->snap)
			stack_snapshots_of(row->stack, ip, text, size);
		break;
	case USED:
		if (used_of(row, &number))
			snprintf(text, size, "%" PRIu64, number);
		break;
	case USE:
		snprintf(text, size, "%s", row->use);
		break;
	case MOUNTPOINT:
		snprintf(text, size, "%s", mountpoint_of(row));
		break;
	}
	return *text;
}

/*
 * JSON
 */

static void json_snapshots(const struct row *row, const char *key)
{
	json_open(key, '[');
	for (size_t i = 0; i < row->stack->n_snapshots; i++) {
		const struct snapshot *snap = &row->stack->snapshots[i];

		if (stack_of_snapshot(row->stack, snap) == row->ip)
			json_text(NULL, snap->map.name);
	}
	json_close();
}

static void json_cell(const struct row *row, int column)
{
	char key[16], text[CELL_SIZE];
	bool has_one = cell(row, column, text, sizeof(text));
	uint64_t number;

	snprintf(key, sizeof(key), "%s", columns[column].name);
	for (char *c = key; *c; c++)
		*c |= *c >= 'A' && *c <= 'Z' ? 0x20 : 0;
	if (column == SIZE)
		json_number(key, sectors_of(row) * 512);
	else if (column == SNAPSHOTS && !row->snap)
		json_snapshots(row, key);
	else if (!has_one)
		json_null(key);
	else if (column == PINNED)
		json_bool(key, is_pinned(row->ip));
	else if ((column == USED || column == REDIRECTED || column == HELD) &&
		 sscanf(text, "%" SCNu64, &number) == 1)
		json_number(key, number);
	else
		json_text(key, text);
}

static void json_row(const struct view *view, const struct row *row)
{
	json_open(NULL, '{');
	for (int i = 0; i < view->n_shown; i++)
		json_cell(row, view->shown[i]);
}

static void json_tree(const struct view *view, const struct interposer *ip)
{
	struct row row;

	json_open("children", '[');
	for (size_t i = 0; i < view->stack->n_snapshots; i++) {
		const struct snapshot *snap = &view->stack->snapshots[i];

		if (stack_of_snapshot(view->stack, snap) != ip)
			continue;
		fill_row(&row, view->stack, ip, snap);
		json_row(view, &row);
		json_close();
	}
	json_close();
}

static void json_interposers(const struct view *view)
{
	struct row row;

	json_begin();
	json_open("interposers", '[');
	for (size_t i = 0; i < view->stack->n_interposers; i++) {
		fill_row(&row, view->stack, &view->stack->interposers[i], NULL);
		json_row(view, &row);
		if (view->tree)
			json_tree(view, row.ip);
		json_close();
	}
	json_close();
	json_end();
}

/*
 * Tables
 */

static struct libscols_table *make_table(const struct view *view)
{
	struct libscols_table *table = scols_new_table();
	bool good = table;

	scols_init_debug(0);
	if (!table)
		return NULL;
	scols_table_enable_noheadings(table, !view->headings);
	/* name_printable() does that, and leaves a backslash alone */
	scols_table_enable_noencoding(table, true);
	for (int i = 0; good && i < view->n_shown; i++) {
		int c = view->shown[i];

		good = scols_table_new_column(table, columns[c].name,
					      columns[c].width,
					      columns[c].flags |
					      (view->tree && c == NAME ?
					       SCOLS_FL_TREE : 0));
	}
	if (good)
		return table;
	scols_unref_table(table);
	return NULL;
}

static struct libscols_line *add_line(const struct view *view,
				      struct libscols_table *table,
				      const struct row *row,
				      struct libscols_line *parent)
{
	struct libscols_line *line = scols_table_new_line(table, parent);
	char text[CELL_SIZE], shown[CELL_SIZE];

	for (int i = 0; line && i < view->n_shown; i++)
		if (cell(row, view->shown[i], text, sizeof(text)))
			scols_line_set_data(line, i,
					    name_printable(text, shown, sizeof(shown)));
	return line;
}

static void table_interposers(const struct view *view,
			      struct libscols_table *table)
{
	const struct stack *stack = view->stack;
	struct libscols_line *line;
	struct row row;

	for (size_t i = 0; i < stack->n_interposers; i++) {
		const struct interposer *ip = &stack->interposers[i];

		fill_row(&row, stack, ip, NULL);
		line = add_line(view, table, &row, NULL);
		for (size_t j = 0; view->tree && line && j < stack->n_snapshots; j++) {
			if (stack_of_snapshot(stack, &stack->snapshots[j]) != ip)
				continue;
			fill_row(&row, stack, ip, &stack->snapshots[j]);
			add_line(view, table, &row, line);
		}
	}
}

/*
 * Columns
 */

static bool choose_columns(struct view *view, const char *list)
{
	const char *names[COLUMNS];
	char *copy = strdup(list), *at = copy, *name;
	bool good = copy;
	int column;

	for (int i = 0; i < COLUMNS; i++)
		names[i] = columns[i].name;
	view->n_shown = 0;
	while (good && (name = strsep(&at, ","))) {
		for (column = 0; column < COLUMNS; column++)
			if (!strcasecmp(names[column], name))
				break;
		good = column < COLUMNS && view->n_shown < COLUMNS;
		if (good)
			view->shown[view->n_shown++] = column;
		else if (column < COLUMNS)
			complain("too many columns; name each column only once");
		else
			complain("unknown column '%s'%s", name,
				 did_you_mean(name, names, COLUMNS));
	}
	free(copy);
	return good;
}

static void choose_all(struct view *view)
{
	for (view->n_shown = 0; view->n_shown < COLUMNS; view->n_shown++)
		view->shown[view->n_shown] = view->n_shown;
}

/*
 * The subcommands
 */

static void list_interposers(struct view *view)
{
	struct libscols_table *table;

	if (view->json) {
		json_interposers(view);
		return;
	}
	if (!view->stack->n_interposers) {
		if (view->headings)
			say("nothing is interposed");
		return;
	}
	table = make_table(view);
	if (table) {
		table_interposers(view, table);
		scols_print_table(table);
	}
	scols_unref_table(table);
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
	struct view view = { .headings = true };
	const char *output = NULL;
	struct stack stack;
	int option;

	while ((option = next_option(argc, argv, "o:tJn", longs, NULL)) != -1) {
		switch (option) {
		case 'o': output = optarg; break;
		case 't': view.tree = true; break;
		case 'J': view.json = true; break;
		case 'n': view.headings = false; break;
		case 'h': return help("list");
		default: return usage_error("list");
		}
	}
	if (view.json && !output)
		choose_all(&view);
	else if (!choose_columns(&view, output ?: LIST_COLUMNS))
		return usage_error("list");
	if (optind < argc)
		return too_many("list", argv[optind]);
	if (!stack_read(&stack))
		return FAILED;
	view.stack = &stack;
	list_interposers(&view);
	stack_free(&stack);
	return DONE;
}

static size_t table_snapshots(const struct view *view,
			      struct libscols_table *table)
{
	const struct stack *stack = view->stack;
	size_t n = 0;
	struct row row;

	for (size_t i = 0; i < stack->n_snapshots; i++) {
		const struct snapshot *snap = &stack->snapshots[i];
		const struct interposer *ip = stack_of_snapshot(stack, snap);

		if (!ip)
			continue;
		n++;
		fill_row(&row, stack, ip, snap);
		if (table) {
			add_line(view, table, &row, NULL);
			continue;
		}
		json_row(view, &row);
		json_close();
	}
	return n;
}

enum status list_snapshots(bool json)
{
	struct view view = { .json = json, .headings = true };
	struct libscols_table *table;
	struct stack stack;

	if (!choose_columns(&view, json ? "MAJ:MIN," SNAPSHOT_COLUMNS :
			    SNAPSHOT_COLUMNS) || !stack_read(&stack))
		return FAILED;
	view.stack = &stack;
	if (json) {
		json_begin();
		json_open("snapshots", '[');
		table_snapshots(&view, NULL);
		json_close();
		json_end();
	} else {
		table = make_table(&view);
		if (table && table_snapshots(&view, table))
			scols_print_table(table);
		else if (table)
			say("there are no snapshots of interposed devices");
		scols_unref_table(table);
	}
	stack_free(&stack);
	return DONE;
}

/*
 * status
 */

static void print_interposer(const struct stack *stack,
			     const struct interposer *ip)
{
	char names[1024], size[32];
	struct row row;

	printf("name:        %s\n",
	       name_printable(ip->map.name, names, sizeof(names)));
	printf("device:      %s (%u:%u)\n", ip->shown,
	       major(ip->table.device), minor(ip->table.device));
	printf("state:       %s\n", stack_state(ip));
	if (ip->map.suspended)
		printf("             I/O waits; to continue: dmsetup resume %s\n",
		       ip->map.name);
	put_size(sysfs_sectors(ip->device), size, sizeof(size));
	printf("size:        %s\n", size);
	fill_row(&row, stack, ip, NULL);
	if (*row.use)
		printf("used by:     %s%s%s\n", row.use,
		       *row.usage.mountpoint ? ", " : "", row.usage.mountpoint);
	printf("beneath:     /dev/%s\n", ip->beneath);
	printf("inner:       %s %s\n", ip->table.inner, ip->table.inner_args);
	if (ip->has_status) {
		if (*ip->status.inner_status)
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

	while ((option = next_option(argc, argv, "", longs, NULL)) != -1)
		return option == 'h' ? help("status") : usage_error("status");
	if (argc - optind > 1)
		return too_many("status", argv[optind + 1]);
	if (argc == optind)
		return missing("status", "a name or a device");
	if (!stack_read(&stack))
		return FAILED;
	ip = stack_find(&stack, argv[optind]);
	if (ip)
		print_interposer(&stack, ip);
	stack_free(&stack);
	return ip ? DONE : FAILED;
}
