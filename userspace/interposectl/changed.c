// SPDX-License-Identifier: GPL-2.0
/*
 * changed: which parts of a device were written since a point in time, from the
 * inner target era and its metadata, which era_invalidate reads
 *
 * A point is the begin of an era of a series, UUID:ERA. Metadata that were not made
 * by "track" have no series; there an era is its bare number, and whether it is one
 * of these metadata is for the user to know.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "args.h"
#include "commands.h"
#include "continuity.h"
#include "json.h"
#include "series.h"
#include "stack.h"
#include "state.h"

enum format { TEXT, RANGES, JSON };

struct era {
	dev_t metadata;
	uint64_t block;			/* bytes */
	struct era_status status;
	bool has_series;
	struct series series;
};

/* What --since says */
struct since {
	const char *word;		/* or NULL: all that is recorded */
	bool is_point;
	struct point point;		/* or only its era */
};

static bool read_era(const struct interposer *ip, struct era *era)
{
	const char *args = ip->table.inner_args;
	char word[WORD_MAX];

	if (strcmp(ip->table.inner, "era")) {
		complain("%s does not track changes; attach it with the inner target era ('Which blocks have changed' in dm-interpose.rst)",
			 ip->map.name);
		return false;
	}
	if (!ip->has_status) {
		complain("%s is suspended; first: dmsetup resume %s",
			 ip->map.name, ip->map.name);
		return false;
	}
	if (parse_nth_word(args, 0, word, sizeof(word)) &&
	    parse_devno(word, &era->metadata) &&
	    parse_nth_word(args, 2, word, sizeof(word)) &&
	    parse_number(word, &era->block) && era->block &&
	    parse_era_status(ip->status.inner_status, &era->status)) {
		era->block *= 512;
		return true;
	}
	complain("%s: the target era has failed (%s); see the kernel log", ip->map.name,
		 ip->status.inner_status);
	return false;
}

/*
 * The series
 */

static enum status needs_full(const struct interposer *ip, const char *why)
{
	complain("%s: full backup needed: %s; after it: interposectl changed --mark %s",
		 ip->shown, why, ip->map.name);
	return NEEDS_FULL;
}

/* DONE: it is known what has been written since the points that it gives */
static enum status read_series(const struct interposer *ip, struct era *era)
{
	char path[PATH_MAX], why[SERIES_WHY];

	switch (continuity_series(ip, path, sizeof(path), &era->series)) {
	case SERIES_NONE:
		return DONE;
	case SERIES_DAMAGED:
		complain("%s: full backup needed: the record of the series on %s is damaged; interposectl track off %s, and then track on --wipe --meta %s, begins a new one",
			 ip->shown, path, ip->map.name, path);
		return NEEDS_FULL;
	case SERIES_GOOD:
		break;
	}
	era->has_series = true;
	if (continuity_holds(&era->series, ip, why, sizeof(why)))
		return DONE;
	complain("%s: full backup needed: %s; first: interposectl detach %s, and attach it again with interposectl",
		 ip->shown, why, ip->map.name);
	return NEEDS_FULL;
}

/*
 * An era that has not been has no changes, and to say so would be an answer
 * that lacks all of them. The same holds for one of other metadata, and for one
 * since which something may have been written while it was not attached.
 */
static enum status can_tell(const struct interposer *ip, const struct era *era,
			    const struct since *since)
{
	char why[2 * SERIES_WHY];

	if (!since->word)
		return DONE;
	if (era->has_series && !since->is_point) {
		snprintf(why, sizeof(why), "'%s' does not name a series; a point here begins with UUID:",
			 since->word);
		return needs_full(ip, why);
	}
	if (!era->has_series && since->is_point)
		return needs_full(ip, "its metadata have no series; they were replaced, or not made by interposectl track");
	if (era->has_series &&
	    !point_fits(&since->point, &era->series, era->status.current, why,
			sizeof(why)))
		return needs_full(ip, why);
	if (since->point.era <= era->status.current)
		return DONE;
	snprintf(why, sizeof(why), "%s is in era %" PRIu64 ", and era %" PRIu64 " has not begun yet; if it is the era of the last backup, the metadata of that time is gone",
		 ip->map.name, era->status.current, since->point.era);
	return needs_full(ip, why);
}

static bool is_readable(const struct interposer *ip, const struct era *era)
{
	if (!era->status.held)
		return true;
	complain("another command is reading the metadata of %s (there is a metadata snapshot); wait for it, or, if it was left behind: dmsetup message %s 0 drop_metadata_snap",
		 ip->map.name, ip->map.name);
	return false;
}

/* What it is called in the output: its number, or a point */
static void era_text(const struct era *era, uint64_t number, char *text,
		     size_t size)
{
	if (era->has_series)
		point_text(&era->series, number, text, size);
	else
		snprintf(text, size, "%" PRIu64, number);
}

/*
 * The list
 */

static bool invalidated(const struct era *era, uint64_t since, uint64_t end,
			struct ranges *ranges)
{
	char command[PATH_MAX + 128], name[NAME_SIZE], node[PATH_MAX];
	FILE *xml;
	bool good;

	if (!sysfs_name(era->metadata, name))
		return false;
	device_node(name, node, sizeof(node));
	snprintf(command, sizeof(command),
		 "era_invalidate --metadata-snapshot --written-since %" PRIu64 " %s",
		 since, node);
	if (!step("%s", command))
		return true;
	keep_descriptors();
	xml = popen(command, "re");
	if (!xml)
		return false;
	good = parse_changed(xml, era->block, end, ranges);
	if (!pclose(xml) && good)
		return true;
	complain("era_invalidate did not list the changes; check that thin-provisioning-tools is installed");
	return false;
}

static bool read_changes(const struct interposer *ip, const struct era *era,
			 uint64_t since, struct ranges *ranges)
{
	uint64_t end = sysfs_sectors(ip->device) * 512;
	struct record record;
	char name[160];
	bool good;

	snprintf(name, sizeof(name), "changed-%s", ip->map.name);
	if (!record_begin(&record, name))
		return false;
	good = record_undo_there(&record, "metadata-snapshot %s",
				 ip->map.name) &&
	       map_message(ip->map.name, "take_metadata_snap");
	/* if it fails because there is one, that is not ours to be dropped */
	if (!good)
		record_made_nothing(&record, "metadata-snapshot %s",
				    ip->map.name);
	good = good && invalidated(era, since, end, ranges);
	return record_roll_back(&record) && good;
}

/*
 * Output
 */

static void print_text(const struct ranges *ranges)
{
	uint64_t total = 0;

	for (size_t i = 0; i < ranges->n; i++) {
		printf("%" PRIu64 " KiB from %" PRIu64 " KiB on\n",
		       ranges->v[i].length / 1024, ranges->v[i].start / 1024);
		total += ranges->v[i].length;
	}
	printf("%" PRIu64 " KiB in %zu ranges\n", total / 1024, ranges->n);
}

/*
 * Whoever has read the list goes on from "next": the list was made in the era
 * before, and all that is written later is in that one or in later ones.
 */
static void print_json(const struct era *era, const struct ranges *ranges,
		       uint64_t since)
{
	char next[POINT_MAX];

	era_text(era, era->status.current + 1, next, sizeof(next));
	json_begin();
	json_number("since", since);
	json_number("era", era->status.current);
	json_text("next", next);
	json_open("ranges", '[');
	for (size_t i = 0; i < ranges->n; i++) {
		json_open(NULL, '{');
		json_number("start", ranges->v[i].start);
		json_number("length", ranges->v[i].length);
		json_close();
	}
	json_close();
	json_end();
}

static void print(enum format format, const struct era *era,
		  const struct ranges *ranges, uint64_t since)
{
	if (options.dry_run)
		return;
	switch (format) {
	case TEXT:
		print_text(ranges);
		break;
	case RANGES:
		for (size_t i = 0; i < ranges->n; i++)
			printf("%" PRIu64 " %" PRIu64 "\n", ranges->v[i].start,
			       ranges->v[i].length);
		break;
	case JSON:
		print_json(era, ranges, since);
		break;
	}
}

/*
 * The subcommand
 */

static enum status mark_era(const struct interposer *ip, const struct era *era)
{
	char text[POINT_MAX];

	if (!map_message(ip->map.name, "checkpoint"))
		return FAILED;
	era_text(era, era->status.current + 1, text, sizeof(text));
	if (!options.dry_run)
		printf("%s\n", text);
	return DONE;
}

static enum status list_changes(const struct interposer *ip,
				const struct era *era,
				const struct since *since, enum format format)
{
	uint64_t number = since->word ? since->point.era :
		era->has_series ? era->series.first : 1;
	struct ranges ranges = { };
	enum status status = can_tell(ip, era, since);

	if (status != DONE)
		return status;
	if (is_readable(ip, era) && read_changes(ip, era, number, &ranges))
		print(format, era, &ranges, number);
	else
		status = FAILED;
	free(ranges.v);
	return status;
}

static enum status changed(const char *argument, bool mark,
			   const struct since *since, enum format format)
{
	enum status status = FAILED;
	const struct interposer *ip;
	struct era era = { };
	struct stack stack;

	if (!stack_read(&stack))
		return FAILED;
	ip = stack_find(&stack, argument);
	if (ip && read_era(ip, &era)) {
		status = read_series(ip, &era);
		if (status == DONE)
			status = mark ? mark_era(ip, &era) :
				 list_changes(ip, &era, since, format);
		if (status == DONE && !continuity_refresh(ip, continuity_is_pinned(ip)))
			status = FAILED;
	}
	stack_free(&stack);
	return status;
}

static bool choose_since(const char *word, struct since *since)
{
	since->word = word;
	since->is_point = point_parse(word, &since->point);
	if (since->is_point || (parse_number(word, &since->point.era) &&
				since->point.era))
		return true;
	complain("'%s' is not an era; an era is a point as printed by changed --mark: UUID:NUMBER, or a number from 1 on",
		 word);
	return false;
}

static bool choose_format(const char *word, enum format *format)
{
	static const char *const words[] = { "text", "ranges", "json" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strcmp(word, words[i])) {
			*format = i;
			return true;
		}
	}
	complain("unknown format '%s'; use text, ranges or json", word);
	return false;
}

enum status changed_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "since", required_argument, NULL, 's' },
		{ "format", required_argument, NULL, 'f' },
		{ "mark", no_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	enum format format = TEXT;
	bool mark = false, listing = false, good = true;
	struct since since = { };
	int option;

	while ((option = next_option(argc, argv, "s:f:m", longs, NULL)) != -1) {
		switch (option) {
		case 's': good &= choose_since(optarg, &since); listing = true; break;
		case 'f': good &= choose_format(optarg, &format); listing = true; break;
		case 'm': mark = true; break;
		case 'h': return help("changed");
		default: return usage_error("changed");
		}
	}
	if (mark && listing) {
		complain("--mark cannot be used with --since or --format");
		good = false;
	}
	if (!good)
		return usage_error("changed");
	if (argc - optind > 1)
		return too_many("changed", argv[optind + 1]);
	if (argc == optind)
		return missing("changed", "a name or a device");
	return changed(argv[optind], mark, &since, format);
}
