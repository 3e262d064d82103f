// SPDX-License-Identifier: GPL-2.0
/*
 * backup list: what there is, and what is wrong with it
 */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "command.h"
#include "json.h"

static const char *state_of(const struct backup *backup)
{
	if (*backup->problem)
		return "damaged";
	return *backup->note ? "unfinished prune" : "good";
}

static void print_json(const struct store *store)
{
	json_begin();
	json_text("directory", store->path);
	json_open("backups", '[');
	for (size_t i = 0; i < store->n; i++) {
		const struct backup *backup = &store->v[i];

		json_open(NULL, '{');
		json_text("name", backup->name);
		json_text("made", *backup->made ? backup->made : NULL);
		json_bool("good", !*backup->problem);
		json_text("problem", *backup->problem ? backup->problem : NULL);
		json_text("note", *backup->note ? backup->note : NULL);
		json_number("stored", backup_stored(backup));
		json_open("sources", '[');
		for (size_t j = 0; j < backup->n; j++) {
			const struct part *part = &backup->parts[j];

			json_open(NULL, '{');
			json_text("source", part->source);
			json_text("file", part->file);
			json_text("parent", *part->parent ? part->parent : NULL);
			json_text("full", *part->full ? part->full : NULL);
			json_text("point", *part->point ? part->point : NULL);
			json_number("size", part->size);
			json_number("bytes", part->bytes);
			json_close();
		}
		json_close();
		json_close();
	}
	json_close();
	json_end();
}

static void print_text(const struct store *store)
{
	printf("%-24s %-20s %-9s %10s %10s %-8s %s\n", "NAME", "MADE", "KIND",
	       "SIZE(MiB)", "DISK(MiB)", "STATE", "SOURCES");
	for (size_t i = 0; i < store->n; i++) {
		const struct backup *backup = &store->v[i];
		uint64_t size = 0;

		for (size_t j = 0; j < backup->n; j++)
			size += backup->parts[j].size;
		printf("%-24s %-20s %-9s %10llu %10llu %-8s", backup->name,
		       *backup->made ? backup->made : "-",
		       backup_is_full(backup) ? "full" : "increment",
		       (unsigned long long)size >> 20,
		       (unsigned long long)backup_stored(backup) >> 20,
		       state_of(backup));
		for (size_t j = 0; j < backup->n; j++)
			printf(" %s", backup->parts[j].source);
		putchar('\n');
	}
	for (size_t i = 0; i < store->n; i++) {
		const struct backup *backup = &store->v[i];

		if (*backup->problem)
			complain("%s: %s", backup->name, backup->problem);
		else if (*backup->note)
			complain("%s: %s", backup->name, backup->note);
	}
}

enum status list_backups(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool json = false, good = true;
	struct store store;
	int option;

	while ((option = next_option(argc, argv, "J", longs, NULL)) != -1) {
		if (option == '?')
			return usage_error("backup");
		json = true;
	}
	if (argc - optind != 1) {
		complain("backup list: give one directory");
		return usage_error("backup");
	}
	/* also while another one is being made */
	if (!store_look(&store, argv[optind]))
		return FAILED;
	for (size_t i = 0; i < store.n; i++)
		good &= !*store.v[i].problem;
	if (json)
		print_json(&store);
	else if (store.n)
		print_text(&store);
	else
		say("there is no backup in %s", store.path);
	store_close(&store);
	return good ? DONE : FAILED;
}
