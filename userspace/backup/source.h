/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is to be backed up, and since when.
 *
 * Which parts have changed is asked of interposectl, as anybody can:
 *
 *     interposectl changed --mark SOURCE        prints a point, "UUID:ERA"
 *     interposectl changed --since POINT --format json SOURCE
 *
 * If that fails, all is read, and what it said is the reason. An answer without a
 * UUID is a number of a series that nobody knows again, and is not used.
 */
#ifndef BACKUP_SOURCE_H
#define BACKUP_SOURCE_H

#include "parse.h"
#include "store.h"

#define SOURCES_MAX	16

struct source {
	const char *argument;
	char shown[PATH_MAX];		/* "/dev/sda1" */
	char word[64];
	char node[PATH_MAX];		/* that is read: a snapshot, or it itself */
	int fd;
	uint64_t size;
	char point[128];		/* of now, or "" */
	const struct backup *base;	/* or NULL */
	const struct part *base_part;
	char full[512];			/* then: why */
	struct ranges ranges;
	bool writable;			/* mounted so, before the moment */
	uint64_t skipped;		/* free space that is not read */
	char kept[256];			/* why all of it is read, or "" */
};

/* @as_is: it does not change, so it can be read itself */
bool source_find(struct source *source, const char *argument, bool as_is);
/* No two of them have the same word; false: one is there twice */
bool sources_differ(struct source *sources, size_t n);
/* To be called before the moment */
void source_mark(struct source *source);
void source_choose_base(struct source *source, struct store *store, bool full);
/* Opens the node. False: it has been said why */
bool source_open(struct source *source, bool as_is);
/* What is to be read, after the moment */
bool source_changes(struct source *source);
void source_close(struct source *source);

/* The program itself, or what a test puts there */
const char *interposectl(void);
/*
 * Its exit status, and its output, to be freed, and the last line that it
 * complained with. @inherit: a descriptor that it keeps open, or -1.
 */
int ask(const char *const argv[], char **output, char *why, size_t size,
	int inherit);

#endif
