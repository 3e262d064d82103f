// SPDX-License-Identifier: GPL-2.0
/*
 * backup receive: the directory of a backup that is made elsewhere. It trusts nobody: what
 * comes is a manifest like any other, and may name no file but those of the new backup.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "command.h"
#include "copy.h"
#include "pipe.h"
#include "state.h"
#include "write.h"

struct reception {
	bool compress;
	unsigned int keep;		/* 0: all of them */
	struct backup backup;
};

static void put_one(FILE *file, const struct backup *backup)
{
	struct backup bare = *backup;

	bare.parts = calloc(backup->n + 1, sizeof(*bare.parts));
	fprintf(file, "{\"name\":\"%s\",\"sequence\":%llu,\"good\":%s", backup->name,
		(unsigned long long)backup->sequence,
		*backup->problem || !bare.parts ? "false" : "true");
	for (size_t i = 0; bare.parts && i < backup->n; i++) {
		bare.parts[i] = backup->parts[i];
		memset(&bare.parts[i].extents, 0, sizeof(struct extents));
	}
	if (!*backup->problem && bare.parts) {
		fputs(",\"manifest\":", file);
		manifest_put(file, &bare);
	}
	fputs("}", file);
	free(bare.parts);
}

static bool say_hello(const struct store *store)
{
	char *text = NULL;
	size_t n = 0;
	FILE *file = open_memstream(&text, &n);
	bool good = file;

	if (file) {
		fprintf(file, "{\"version\":%d,\"backups\":[", PIPE_VERSION);
		for (size_t i = 0; i < store->n; i++) {
			fputs(i ? ",\n" : "\n", file);
			put_one(file, &store->v[i]);
		}
		fputs("]}\n", file);
		good = !fclose(file);
	}
	good = good && pipe_say(STDOUT_FILENO, text, n);
	free(text);
	return good;
}

/*
 * What comes
 */

static bool pieces_fit(const struct part *part)
{
	uint64_t end = 0;

	for (size_t i = 0; i < part->extents.n; i++) {
		const struct extent *piece = &part->extents.v[i];

		if (piece->zero || piece->start < end ||
		    piece->start / PIECE_SIZE !=
		    (piece->start + piece->length - 1) / PIECE_SIZE)
			return false;
		end = piece->start + piece->length;
	}
	return true;
}

static bool part_fits(struct store *store, const struct backup *backup,
		      const struct part *part)
{
	char file[NAME_MAX + 1];
	const struct backup *parent;
	bool based = false;

	if ((size_t)snprintf(file, sizeof(file), "%s.%s.qcow2", backup->name,
			     part->word) >= sizeof(file) - 16 ||
	    strcmp(file, part->file) || *part->merging || !part->size ||
	    !pieces_fit(part))
		return false;
	for (const struct part *other = backup->parts; other < part; other++)
		if (!strcmp(other->word, part->word))
			return false;
	if (!*part->parent)
		return !*part->backing;
	parent = store_at(store, part->parent);
	for (size_t i = 0; parent && !*parent->problem && i < parent->n; i++)
		based |= !strcmp(parent->parts[i].file, part->backing) &&
			 parent->parts[i].size == part->size;
	return based;
}

static bool understand(struct store *store, struct json_object *message,
		       struct reception *reception)
{
	struct backup *backup = &reception->backup;
	struct json_object *value, *manifest, *name;

	if (!json_object_object_get_ex(message, "version", &value) ||
	    json_object_get_int(value) != PIPE_VERSION ||
	    !json_object_object_get_ex(message, "backup", &manifest) ||
	    !json_object_object_get_ex(manifest, "name", &name) ||
	    !json_object_is_type(name, json_type_string))
		return false;
	if (json_object_object_get_ex(message, "compress", &value))
		reception->compress = json_object_get_boolean(value);
	if (json_object_object_get_ex(message, "keep", &value) &&
	    json_object_get_int(value) > 0)
		reception->keep = json_object_get_int(value);
	if (!manifest_parse(manifest, backup))
		return false;
	snprintf(backup->name, sizeof(backup->name), "%s",
		 json_object_get_string(name));
	if (strcmp(backup->name, json_object_get_string(name)) ||
	    !name_is_plain(backup->name) || store_at(store, backup->name))
		return false;
	backup->sequence = 0;
	for (size_t i = 0; i < store->n; i++)
		if (store->v[i].sequence >= backup->sequence)
			backup->sequence = store->v[i].sequence + 1;
	for (size_t i = 0; i < backup->n; i++)
		if (!part_fits(store, backup, &backup->parts[i]))
			return false;
	return backup->made[strspn(backup->made, "0123456789-:TZ")] == '\0';
}

static bool receive_part(const struct reception *reception, struct part *part)
{
	char path[NAME_MAX + 16];

	write_path(part, path, sizeof(path));
	return write_create(part, reception->compress) &&
	       (step("receive %s", path), true) &&
	       copy_from(STDIN_FILENO, &part->extents, path, *part->backing,
			 reception->compress ? IMAGE_COMPRESS : IMAGE_WRITE) &&
	       !interrupted() && file_sync(path);
}

static bool receive_all(struct reception *reception)
{
	static const char stored[] = "{\"stored\":true}";
	bool good = true;

	for (size_t i = 0; i < reception->backup.n && good; i++)
		good = receive_part(reception, &reception->backup.parts[i]);
	good = good && write_commit(&reception->backup);
	if (!good)
		write_undo(&reception->backup);
	return good && pipe_say(STDOUT_FILENO, stored, strlen(stored));
}

/* Who asks for nothing has changed its mind, and has said why */
static bool receive(struct store *store)
{
	struct reception reception = { };
	struct json_object *message;
	bool good;

	if (!say_hello(store))
		return false;
	message = pipe_hear(STDIN_FILENO);
	if (!message)
		return false;
	good = understand(store, message, &reception);
	json_object_put(message);
	if (!good)
		complain("%s: what is to be received is not understood",
			 store->path);
	good = good && receive_all(&reception);
	backup_free(&reception.backup);
	if (good && reception.keep)
		good = store_read(store) && prune(store, reception.keep, 0);
	return good;
}

enum status receive_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct store store;
	bool good;

	if (next_option(argc, argv, "", longs, NULL) != -1 ||
	    argc - optind != 1) {
		complain("backup receive: give one directory");
		return usage_error("backup");
	}
	if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO)) {
		complain("backup receive is for backup --to ssh:// and --receiver, and not for a terminal");
		return usage_error("backup");
	}
	/* what is printed is for the other program */
	options.quiet = true;
	progress_kind = PROGRESS_NONE;
	if (!image_programs() || !pipe_prepare(STDIN_FILENO) ||
	    !pipe_prepare(STDOUT_FILENO))
		return FAILED;
	good = store_open(&store, argv[optind], true, true);
	if (good) {
		store_clean(&store);
		good = receive(&store);
	}
	store_close(&store);
	return outcome(good);
}
