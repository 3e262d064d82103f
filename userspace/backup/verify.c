// SPDX-License-Identifier: GPL-2.0
/*
 * verify: is each extent in its image what was read of the source then?
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "command.h"
#include "copy.h"
#include "source.h"
#include "state.h"

/*
 * The image names its backing file itself. With another one it would be another
 * disk, of which the manifest knows nothing.
 */
static bool check_head(const struct part *part)
{
	const char *argv[] = { "qemu-img", "info", "-U", "--output=json", "-f",
		"qcow2", part->file, NULL };
	struct json_object *object, *backing = NULL, *size = NULL;
	const char *is;
	char *output, why[512];
	bool good = false;

	ask(argv, &output, why, sizeof(why), -1);
	object = output ? json_tokener_parse(output) : NULL;
	free(output);
	json_object_object_get_ex(object, "backing-filename", &backing);
	json_object_object_get_ex(object, "virtual-size", &size);
	is = backing ? json_object_get_string(backing) : "";
	if (!object)
		complain("%s: %s", part->file, why);
	else if (strcmp(is, part->backing) &&
		 (!*part->merging || strcmp(is, part->merging)))
		complain("%s: its backing file is '%s', and was '%s'",
			 part->file, is, part->backing);
	else if ((uint64_t)json_object_get_int64(size) < part->size)
		complain("%s: it is smaller than the source was", part->file);
	else
		good = true;
	json_object_put(object);
	return good;
}

static bool verify_part(const struct part *part)
{
	return check_head(part) && image_check(part->file) &&
	       copy_check(part->file, &part->extents);
}

/* With another backing file beneath it, an image is not even opened */
static bool stands_on_good(struct store *store, const struct backup *backup,
			   bool chain)
{
	for (size_t i = 0; i < backup->n && !interrupted(); i++) {
		const char *name = backup->parts[i].parent;
		struct backup *parent;

		if (!*name)
			continue;
		parent = store_at(store, name);
		if (chain && !*parent->problem)
			verify_backup(store, parent, true);
		if (!*parent->problem)
			continue;
		complain("%s: the backup %s, on which it is based, is damaged",
			 backup->name, name);
		return false;
	}
	return !interrupted();
}

bool verify_backup(struct store *store, struct backup *backup, bool chain)
{
	bool good;

	if (*backup->problem) {
		complain("%s: %s", backup->name, backup->problem);
		return false;
	}
	good = stands_on_good(store, backup, chain);
	for (size_t i = 0; i < backup->n && good && !interrupted(); i++)
		good = verify_part(&backup->parts[i]);
	if (!good && !interrupted())
		snprintf(backup->problem, sizeof(backup->problem),
			 "it is damaged");
	return good && !interrupted();
}

static bool verify(struct store *store, const char *name)
{
	struct backup *backup;
	bool good = true;

	if (*name || !store->n) {
		backup = store_find(store, name);
		if (!backup || !verify_backup(store, backup, true))
			return false;
		say("%s is good, with all that it is based on", backup->name);
		return true;
	}
	for (size_t i = 0; i < store->n && !interrupted(); i++) {
		if (verify_backup(store, &store->v[i], false))
			say("%s is good", store->v[i].name);
		else
			good = false;
	}
	return good && !interrupted();
}

enum status verify_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "progress", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	char path[PATH_MAX], name[BACKUP_NAME_MAX];
	struct store store;
	int option;
	bool good;

	while ((option = next_option(argc, argv, "", longs, NULL)) != -1)
		if (option == '?' || !choose_progress(optarg))
			return usage_error("backup");
	if (argc - optind != 1) {
		complain("backup verify: give one directory");
		return usage_error("backup");
	}
	if (!store_split(argv[optind], path, sizeof(path), name, sizeof(name)) ||
	    !image_programs())
		return FAILED;
	good = store_open(&store, path, false, false) && verify(&store, name);
	store_close(&store);
	return outcome(good);
}
