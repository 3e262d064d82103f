// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest.h"
#include "say.h"

bool extents_add(struct extents *extents, const struct extent *extent)
{
	struct extent *last = extents->n ? &extents->v[extents->n - 1] : NULL;
	struct extent *v = extents->v;

	if (last && last->zero && extent->zero &&
	    last->start + last->length == extent->start) {
		last->length += extent->length;
		return true;
	}
	if (extents->n == extents->room) {
		extents->room = extents->room * 2 + 64;
		v = realloc(v, extents->room * sizeof(*v));
		if (!v) {
			complain("out of memory");
			return false;
		}
		extents->v = v;
	}
	v[extents->n++] = *extent;
	return true;
}

uint64_t extents_bytes(const struct extents *extents)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < extents->n; i++)
		bytes += extents->v[i].length;
	return bytes;
}

bool name_is_plain(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._@";

	return *name && !strchr(".-", *name) && !name[strspn(name, plain)];
}

static void free_parts(struct backup *backup)
{
	for (size_t i = 0; i < backup->n; i++)
		free(backup->parts[i].extents.v);
	free(backup->parts);
	backup->parts = NULL;
	backup->n = 0;
}

void backup_free(struct backup *backup)
{
	free_parts(backup);
	memset(backup, 0, sizeof(*backup));
}

/*
 * Reading. It may come from anywhere: a name of a file with a slash is refused,
 * and a number that is none is a damage.
 */

const char *text_of(struct json_object *from, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(from, key, &value))
		return "";
	return json_object_get_string(value) ?: "";
}

static bool get_text(struct json_object *from, const char *key, char *text,
		     size_t size)
{
	struct json_object *value;

	*text = '\0';
	if (!json_object_object_get_ex(from, key, &value) || !value)
		return true;
	if (!json_object_is_type(value, json_type_string))
		return false;
	return (size_t)snprintf(text, size, "%s",
				json_object_get_string(value)) < size;
}

static bool get_file(struct json_object *from, const char *key, char *text,
		     size_t size)
{
	return get_text(from, key, text, size) && (!*text || name_is_plain(text));
}

static bool get_number(struct json_object *value, uint64_t *number)
{
	int64_t n;

	if (!value || !json_object_is_type(value, json_type_int))
		return false;
	n = json_object_get_int64(value);
	*number = n;
	return n >= 0;
}

static bool get_number_of(struct json_object *from, const char *key,
			  uint64_t *number)
{
	struct json_object *value;

	return json_object_object_get_ex(from, key, &value) &&
	       get_number(value, number);
}

/* [start, length, "sum"], or null for zeroes */
static bool get_extent(struct json_object *from, uint64_t size,
		       struct extent *extent)
{
	struct json_object *sum;
	const char *hex;

	memset(extent, 0, sizeof(*extent));
	if (!json_object_is_type(from, json_type_array) ||
	    json_object_array_length(from) != 3 ||
	    !get_number(json_object_array_get_idx(from, 0), &extent->start) ||
	    !get_number(json_object_array_get_idx(from, 1), &extent->length) ||
	    !extent->length || extent->start > size ||
	    extent->length > size - extent->start)
		return false;
	sum = json_object_array_get_idx(from, 2);
	extent->zero = !sum;
	if (!sum)
		return true;
	hex = json_object_get_string(sum);
	if (strlen(hex) != 2 * SUM_SIZE ||
	    hex[strspn(hex, "0123456789abcdef")])
		return false;
	for (size_t i = 0; i < SUM_SIZE; i++)
		sscanf(hex + 2 * i, "%2hhx", &extent->sum[i]);
	return true;
}

static bool get_extents(struct json_object *from, struct part *part)
{
	struct json_object *list;
	struct extent extent;

	if (!json_object_object_get_ex(from, "extents", &list) ||
	    !json_object_is_type(list, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!get_extent(json_object_array_get_idx(list, i), part->size,
				&extent) ||
		    !extents_add(&part->extents, &extent))
			return false;
	return true;
}

/* 0 without one */
static bool may_get_number(struct json_object *from, const char *key,
			   uint64_t *number)
{
	*number = 0;
	return !json_object_object_get_ex(from, key, NULL) ||
	       get_number_of(from, key, number);
}

static bool get_part(struct json_object *from, struct part *part)
{
	return json_object_is_type(from, json_type_object) &&
	       get_text(from, "source", part->source, sizeof(part->source)) &&
	       get_file(from, "word", part->word, sizeof(part->word)) &&
	       get_file(from, "file", part->file, sizeof(part->file)) &&
	       get_file(from, "parent", part->parent, sizeof(part->parent)) &&
	       get_file(from, "backing", part->backing, sizeof(part->backing)) &&
	       get_file(from, "merging", part->merging, sizeof(part->merging)) &&
	       get_text(from, "point", part->point, sizeof(part->point)) &&
	       get_text(from, "full", part->full, sizeof(part->full)) &&
	       get_number_of(from, "size", &part->size) &&
	       get_number_of(from, "bytes", &part->bytes) &&
	       may_get_number(from, "skipped", &part->skipped) && *part->file &&
	       *part->word && get_extents(from, part);
}

bool manifest_parse(struct json_object *from, struct backup *backup)
{
	struct json_object *list;
	uint64_t version;

	if (!json_object_is_type(from, json_type_object) ||
	    !get_number_of(from, "version", &version))
		return false;
	if (version != MANIFEST_VERSION) {
		snprintf(backup->problem, sizeof(backup->problem),
			 "its manifest is of version %llu, which this program does not know",
			 (unsigned long long)version);
		return false;
	}
	if (!get_number_of(from, "sequence", &backup->sequence) ||
	    !get_text(from, "made", backup->made, sizeof(backup->made)) ||
	    !json_object_object_get_ex(from, "sources", &list) ||
	    !json_object_is_type(list, json_type_array) ||
	    !json_object_array_length(list))
		return false;
	backup->parts = calloc(json_object_array_length(list),
			       sizeof(*backup->parts));
	for (size_t i = 0; backup->parts && i < json_object_array_length(list);
	     i++) {
		backup->n++;
		if (!get_part(json_object_array_get_idx(list, i),
			      &backup->parts[i]))
			return false;
	}
	return backup->parts;
}

void manifest_read(struct backup *backup, const char *name)
{
	struct json_object *object;
	char path[NAME_MAX + 8];
	bool good;

	memset(backup, 0, sizeof(*backup));
	snprintf(backup->name, sizeof(backup->name), "%s", name);
	snprintf(path, sizeof(path), "%s.json", name);
	object = json_object_from_file(path);
	good = manifest_parse(object, backup);
	json_object_put(object);
	if (good)
		return;
	if (!*backup->problem)
		snprintf(backup->problem, sizeof(backup->problem),
			 "its manifest %s cannot be read, or is damaged", path);
	/* what it has is unknown, then, and not a part of it */
	free_parts(backup);
}

/*
 * Writing
 */

static void put_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key,
			       *text ? json_object_new_string(text) : NULL);
}

static void put_number(struct json_object *to, const char *key, uint64_t number)
{
	json_object_object_add(to, key, json_object_new_int64(number));
}

/* A line for each, which json-c would not do, and as little memory as it takes */
static void put_extents(FILE *file, const struct extents *extents)
{
	for (size_t i = 0; i < extents->n; i++) {
		const struct extent *extent = &extents->v[i];

		fprintf(file, "%s\n[%llu,%llu,", i ? "," : "",
			(unsigned long long)extent->start,
			(unsigned long long)extent->length);
		if (extent->zero)
			fputs("null", file);
		else
			putc('"', file);
		for (size_t j = 0; !extent->zero && j < SUM_SIZE; j++)
			fprintf(file, "%02x", extent->sum[j]);
		fputs(extent->zero ? "]" : "\"]", file);
	}
}

static void put_part(FILE *file, const struct part *part)
{
	struct json_object *to = json_object_new_object();
	const char *text;

	put_text(to, "source", part->source);
	put_text(to, "word", part->word);
	put_text(to, "file", part->file);
	put_text(to, "parent", part->parent);
	put_text(to, "backing", part->backing);
	put_text(to, "merging", part->merging);
	put_text(to, "point", part->point);
	put_text(to, "full", part->full);
	put_number(to, "size", part->size);
	put_number(to, "bytes", part->bytes);
	if (part->skipped)
		put_number(to, "skipped", part->skipped);
	put_text(to, "checksum", "sha256");
	text = json_object_to_json_string_ext(to, JSON_C_TO_STRING_PLAIN |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	fprintf(file, "%.*s,\"extents\":[", (int)strlen(text) - 1, text);
	put_extents(file, &part->extents);
	fputs("]}", file);
	json_object_put(to);
}

bool manifest_put(FILE *file, const struct backup *backup)
{
	fprintf(file, "{\"version\":%d,\"name\":\"%s\",\"sequence\":%llu,\"made\":\"%s\",\n\"sources\":[",
		MANIFEST_VERSION, backup->name,
		(unsigned long long)backup->sequence, backup->made);
	for (size_t i = 0; i < backup->n; i++) {
		fputs(i ? ",\n" : "\n", file);
		put_part(file, &backup->parts[i]);
	}
	fputs("]}\n", file);
	return !fflush(file) && !ferror(file);
}

bool sync_directory(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && !fsync(fd);

	if (!good)
		complain("cannot write the directory back: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return good;
}

bool manifest_prepare(const struct backup *backup)
{
	char path[NAME_MAX + 1];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "%s.json" UNFINISHED, backup->name);
	if (!step("write %s", path))
		return true;
	file = fopen(path, "we");
	good = file && manifest_put(file, backup) && !fsync(fileno(file));
	if (file && fclose(file))
		good = false;
	if (good)
		return sync_directory();
	complain("cannot write %s: %s", path, strerror(errno));
	unlink(path);
	return false;
}

bool manifest_commit(const struct backup *backup)
{
	char path[NAME_MAX + 1], new[NAME_MAX + 1];

	snprintf(path, sizeof(path), "%s.json", backup->name);
	snprintf(new, sizeof(new), "%s.json" UNFINISHED, backup->name);
	if (!step("mv %s %s", new, path))
		return true;
	if (!rename(new, path))
		return sync_directory();
	complain("cannot write %s: %s", path, strerror(errno));
	unlink(new);
	return false;
}
