// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "say.h"
#include "store.h"

#define LOCK_FILE	".interpose-backup.lock"

/* On a medium that is read only, nobody writes */
static int lock_file(bool write)
{
	int fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 && !write)
		fd = open(LOCK_FILE, O_RDONLY | O_CLOEXEC);
	return fd;
}

bool store_look(struct store *store, const char *path)
{
	memset(store, 0, sizeof(*store));
	store->lock = -1;
	snprintf(store->path, sizeof(store->path), "%s", path);
	if (!chdir(path))
		return store_read(store);
	complain("%s: %s", path, strerror(errno));
	return false;
}

bool store_open(struct store *store, const char *path, bool write, bool create)
{
	memset(store, 0, sizeof(*store));
	store->lock = -1;
	snprintf(store->path, sizeof(store->path), "%s", path);
	if (create && mkdir(path, 0700) && errno != EEXIST) {
		complain("cannot make the directory %s: %s", path,
			 strerror(errno));
		return false;
	}
	if (chdir(path)) {
		complain("%s: %s", path, strerror(errno));
		return false;
	}
	store->lock = lock_file(write);
	if (store->lock < 0 && write) {
		complain("cannot write to %s: %s", path, strerror(errno));
		return false;
	}
	if (store->lock >= 0 &&
	    flock(store->lock, (write ? LOCK_EX : LOCK_SH) | LOCK_NB)) {
		complain("%s is in use by another backup, restore or prune; wait until that has ended",
			 path);
		return false;
	}
	return store_read(store);
}

static void forget(struct store *store)
{
	for (size_t i = 0; i < store->n; i++)
		backup_free(&store->v[i]);
	free(store->v);
	store->v = NULL;
	store->n = 0;
}

void store_close(struct store *store)
{
	forget(store);
	if (store->lock >= 0)
		close(store->lock);
	store->lock = -1;
}

/*
 * Looking
 */

struct backup *store_at(struct store *store, const char *name)
{
	for (size_t i = 0; i < store->n; i++)
		if (!strcmp(store->v[i].name, name))
			return &store->v[i];
	return NULL;
}

struct part *backup_part(struct backup *backup, const char *word)
{
	for (size_t i = 0; i < backup->n; i++)
		if (!strcmp(backup->parts[i].word, word))
			return &backup->parts[i];
	return NULL;
}

/* The only one, or the one that is named */
struct part *backup_choose(struct backup *backup, const char *source)
{
	struct part *part = NULL;

	if (!source && backup->n == 1)
		return &backup->parts[0];
	for (size_t i = 0; source && i < backup->n; i++)
		if (!strcmp(backup->parts[i].source, source) ||
		    !strcmp(backup->parts[i].word, source))
			part = &backup->parts[i];
	if (!part && source)
		complain("there is no %s in the backup %s", source, backup->name);
	else if (!part)
		complain("the backup %s is of %zu devices; name one of them with --source",
			 backup->name, backup->n);
	return part;
}

struct backup *store_find(struct store *store, const char *name)
{
	struct backup *backup = NULL;

	if (*name)
		backup = store_at(store, name);
	for (size_t i = 0; !*name && i < store->n; i++)
		if (!*store->v[i].problem)
			backup = &store->v[i];
	if (!backup && *name)
		complain("there is no backup %s in %s; interposectl backup list %s shows what there is",
			 name, store->path, store->path);
	else if (!backup)
		complain("there is no backup in %s%s", store->path,
			 store->n ? " that is good; see: interposectl backup list" : "");
	else if (*backup->problem)
		complain("%s: %s", backup->name, backup->problem);
	return backup && !*backup->problem ? backup : NULL;
}

bool store_split(const char *word, char *path, size_t size, char *name,
		 size_t name_size)
{
	const char *at = strrchr(word, '@');
	struct stat st;

	*name = '\0';
	if (!stat(word, &st) || !at || strchr(at, '/')) {
		snprintf(path, size, "%s", word);
		return true;
	}
	snprintf(path, size, "%.*s", (int)(at - word), word);
	snprintf(name, name_size, "%s", at + 1);
	if (name_is_plain(name) && *path)
		return true;
	complain("'%s' is not DIR@NAME", word);
	return false;
}

bool backup_is_full(const struct backup *backup)
{
	for (size_t i = 0; i < backup->n; i++)
		if (*backup->parts[i].parent)
			return false;
	return true;
}

uint64_t backup_stored(const struct backup *backup)
{
	uint64_t bytes = 0;
	struct stat st;

	for (size_t i = 0; i < backup->n; i++)
		if (!stat(backup->parts[i].file, &st))
			bytes += st.st_blocks * 512;
	return bytes;
}

static bool is_child(const struct backup *backup, const char *of)
{
	for (size_t i = 0; i < backup->n; i++)
		if (!strcmp(backup->parts[i].parent, of))
			return true;
	return false;
}

size_t store_children(const struct store *store, const struct backup *backup,
		      struct backup **child)
{
	size_t n = 0;

	for (size_t i = 0; i < store->n; i++) {
		if (!is_child(&store->v[i], backup->name))
			continue;
		*child = &store->v[i];
		n++;
	}
	return n;
}

/*
 * Reading
 */

static int by_sequence(const void *a, const void *b)
{
	const struct backup *one = a, *two = b;

	if (one->sequence != two->sequence)
		return one->sequence < two->sequence ? -1 : 1;
	return strcmp(one->name, two->name);
}

static bool exists(const char *file)
{
	struct stat st;

	return !stat(file, &st) && S_ISREG(st.st_mode);
}

/* The parents of good ones are good: they have been looked at before */
static void look_for_problem(struct store *store, struct backup *backup)
{
	size_t size = sizeof(backup->problem);

	for (size_t i = 0; i < backup->n && !*backup->problem; i++) {
		const struct part *part = &backup->parts[i];
		const struct backup *parent;

		if (*part->merging)
			snprintf(backup->note, sizeof(backup->note),
				 "a prune was interrupted; it goes on with the next one");
		if (!exists(part->file))
			snprintf(backup->problem, size, "its image %s is missing",
				 part->file);
		if (!*part->parent)
			continue;
		parent = store_at(store, part->parent);
		if (!parent)
			snprintf(backup->problem, size,
				 "the backup %s, on which it is based, is missing",
				 part->parent);
		else if (parent >= backup)
			snprintf(backup->problem, size,
				 "it is based on %s, which is younger",
				 part->parent);
		else if (*parent->problem)
			snprintf(backup->problem, size,
				 "the backup %s, on which it is based, is not good",
				 part->parent);
	}
}

static bool add(struct store *store, const char *file)
{
	static const char end[] = ".json";
	size_t length = strlen(file);
	struct backup *v;
	char name[NAME_MAX + 1];

	if (length < sizeof(end) || strcmp(file + length - sizeof(end) + 1, end))
		return true;
	snprintf(name, sizeof(name), "%.*s", (int)(length - sizeof(end) + 1),
		 file);
	if (!name_is_plain(name) || strlen(name) >= BACKUP_NAME_MAX)
		return true;
	v = realloc(store->v, (store->n + 1) * sizeof(*v));
	if (!v) {
		complain("out of memory");
		return false;
	}
	store->v = v;
	manifest_read(&v[store->n++], name);
	return true;
}

bool store_read(struct store *store)
{
	DIR *dir = opendir(".");
	struct dirent *entry;
	bool good = dir;

	forget(store);
	if (!dir)
		complain("%s: %s", store->path, strerror(errno));
	while (good && (entry = readdir(dir)))
		good = add(store, entry->d_name);
	if (dir)
		closedir(dir);
	if (store->n)
		qsort(store->v, store->n, sizeof(*store->v), by_sequence);
	for (size_t i = 0; i < store->n; i++)
		look_for_problem(store, &store->v[i]);
	return good;
}

/*
 * Removing
 */

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), n = strlen(end);

	return length > n && !strcmp(name + length - n, end);
}

static bool knows(const struct backup *backup, const char *file)
{
	for (size_t i = 0; i < backup->n; i++) {
		const struct part *part = &backup->parts[i];

		if (!strcmp(part->file, file) || !strcmp(part->backing, file) ||
		    !strcmp(part->merging, file))
			return true;
	}
	return !backup->n; /* damaged: what it has is unknown */
}

static bool is_known(const struct store *store, const char *file)
{
	for (size_t i = 0; i < store->n; i++)
		if (knows(&store->v[i], file))
			return true;
	return false;
}

static void remove_left_over(const char *file)
{
	if (step("rm %s", file) && !unlink(file))
		say("removed %s, which an interrupted backup has left", file);
}

/* @which: the end of its name; @of: how its name begins, or NULL */
static void remove_unknown(const struct store *store, const char *which,
			   const char *of)
{
	DIR *dir = opendir(".");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (ends_with(name, which) && !is_known(store, name) &&
		    (!of || !strncmp(name, of, strlen(of))))
			remove_left_over(name);
	}
	if (dir)
		closedir(dir);
}

/*
 * An image that no manifest knows is removed only if its backup says that it is
 * unfinished: it may be somebody's whose manifest was lost.
 */
void store_clean(struct store *store)
{
	static const char end[] = ".json" UNFINISHED;
	DIR *dir = opendir(".");
	struct dirent *entry;
	char of[NAME_MAX + 1];

	while (dir && (entry = readdir(dir))) {
		if (!ends_with(entry->d_name, end))
			continue;
		snprintf(of, sizeof(of), "%.*s.",
			 (int)(strlen(entry->d_name) - strlen(end)),
			 entry->d_name);
		remove_unknown(store, ".qcow2", of);
	}
	if (dir)
		closedir(dir);
	remove_unknown(store, UNFINISHED, NULL);
}

bool store_remove(struct store *store, struct backup *backup)
{
	char path[NAME_MAX + 1];

	snprintf(path, sizeof(path), "%s.json", backup->name);
	if (!step("rm %s", path))
		return true;
	if (unlink(path) && errno != ENOENT) {
		complain("cannot remove %s/%s: %s", store->path, path,
			 strerror(errno));
		return false;
	}
	if (!sync_directory())
		return false;
	for (size_t i = 0; i < backup->n; i++) {
		if (!step("rm %s", backup->parts[i].file))
			continue;
		if (unlink(backup->parts[i].file) && errno != ENOENT)
			complain("cannot remove %s/%s: %s", store->path,
				 backup->parts[i].file, strerror(errno));
	}
	return true;
}
