/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A directory with backups, which is the current directory from then on
 *
 *     first.json   first.sda1.qcow2   <--+
 *     second.json  second.sda1.qcow2 ----+ <--+   backing files
 *     third.json   third.sda1.qcow2  ---------+
 *
 * Who writes is alone; who reads shares it with others who read.
 */
#ifndef BACKUP_STORE_H
#define BACKUP_STORE_H

#include "manifest.h"

struct store {
	char path[PATH_MAX];		/* as it was named */
	int lock;
	struct backup *v;		/* by their age, the oldest first */
	size_t n;
};

/* False: it has been said why */
bool store_open(struct store *store, const char *path, bool write, bool create);
/* The same for who only lists what there is, whoever writes */
bool store_look(struct store *store, const char *path);
bool store_read(struct store *store);
void store_close(struct store *store);

/* @name: or "" for the newest that can be used. NULL: it has been said why */
struct backup *store_find(struct store *store, const char *name);
struct backup *store_at(struct store *store, const char *name);
struct part *backup_part(struct backup *backup, const char *word);
/* The only one, or the one of that name; NULL: it has been said why */
struct part *backup_choose(struct backup *backup, const char *source);
/* DIR@NAME, taken apart; @name is "" without one */
bool store_split(const char *word, char *path, size_t size, char *name,
		 size_t name_size);

/* Of programs that have been killed; for who is alone */
void store_clean(struct store *store);
/* What is there of it; the manifest first */
bool store_remove(struct store *store, struct backup *backup);
/* How many backups have it as the one before */
size_t store_children(const struct store *store, const struct backup *backup,
		      struct backup **child);
bool backup_is_full(const struct backup *backup);
/* On the disk */
uint64_t backup_stored(const struct backup *backup);

#endif
