// SPDX-License-Identifier: GPL-2.0
/*
 * changed: which parts of a device were written since an era began, from the
 * inner target era and its metadata, which era_invalidate reads
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "args.h"
#include "commands.h"
#include "json.h"
#include "stack.h"
#include "state.h"

enum format { TEXT, RANGES, JSON };

struct era {
	dev_t metadata;
	uint64_t block;			/* bytes */
	struct era_status status;
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
 * An era that has not been has no changes, and to say so would be an answer
 * that lacks all of them: the number is of another series, or of metadata that
 * has been cleared, after which eras count from 1 again.
 */
static bool can_tell(const struct interposer *ip, const struct era *era,
		     uint64_t since)
{
	if (since > era->status.current) {
		complain("%s is in era %" PRIu64 ", and era %" PRIu64 " has not begun yet; if it is the era of the last backup, the metadata of that time is gone: make a full backup, then: interposectl changed --mark %s",
			 ip->map.name, era->status.current, since,
			 ip->map.name);
		return false;
	}
	if (era->status.held) {
		complain("another command is reading the metadata of %s (there is a metadata snapshot); wait for it, or, if it was left behind: dmsetup message %s 0 drop_metadata_snap",
			 ip->map.name, ip->map.name);
		return false;
	}
	return true;
}

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

static void print_json(const struct ranges *ranges, uint64_t since,
		       uint64_t current)
{
	json_begin();
	json_number("since", since);
	json_number("era", current);
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

static void print(enum format format, const struct ranges *ranges,
		  uint64_t since, uint64_t current)
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
		print_json(ranges, since, current);
		break;
	}
}

/*
 * The subcommand
 */

static enum status changed(const char *argument, bool mark, uint64_t since,
			   enum format format)
{
	enum status status = FAILED;
	struct ranges ranges = { };
	const struct interposer *ip;
	struct stack stack;
	struct era era;

	if (!stack_read(&stack))
		return FAILED;
	ip = stack_find(&stack, argument);
	if (ip && read_era(ip, &era)) {
		if (mark && map_message(ip->map.name, "checkpoint")) {
			if (!options.dry_run)
				printf("%" PRIu64 "\n", era.status.current + 1);
			status = DONE;
		} else if (!mark && can_tell(ip, &era, since) &&
			   read_changes(ip, &era, since, &ranges)) {
			print(format, &ranges, since, era.status.current);
			status = DONE;
		}
	}
	free(ranges.v);
	stack_free(&stack);
	return status;
}

static bool choose_era(const char *word, uint64_t *since)
{
	if (parse_number(word, since) && *since)
		return true;
	complain("'%s' is not an era; an era is a number from 1 on, as printed by changed --mark",
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
	uint64_t since = 1;
	int option;

	while ((option = next_option(argc, argv, "s:f:m", longs, NULL)) != -1) {
		switch (option) {
		case 's': good &= choose_era(optarg, &since); listing = true; break;
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
	return changed(argv[optind], mark, since, format);
}
