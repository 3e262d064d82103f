/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel prints and what a user types, as numbers and words. Pure
 * functions: nothing here looks at the system.
 */
#ifndef INTERPOSECTL_PARSE_H
#define INTERPOSECTL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define WORD_MAX	64

/* The status fields of the target, see dm-interpose.rst */
struct interpose_status {
	char state[WORD_MAX];
	dev_t device;
	char beneath[WORD_MAX];		/* a name in /dev, such as interpose0 */
	uint64_t redirected;
	uint64_t held;
	bool pinned;
	char inner[WORD_MAX];
	const char *inner_status;	/* in the parsed line */
};

/* Its table line */
struct interpose_table {
	dev_t device;
	bool pinned;
	char inner[WORD_MAX];
	const char *inner_args;		/* in the parsed line */
};

struct snapshot_table {
	dev_t origin;
	dev_t cow;
};

/* How full a snapshot is, or why it is of no use any more */
struct snapshot_status {
	bool valid;
	uint64_t used;			/* sectors */
	uint64_t total;
	char problem[WORD_MAX];
};

/* What the target era says of itself */
struct era_status {
	uint64_t current;
	bool held;			/* somebody has a metadata snapshot */
};

struct range {
	uint64_t start;			/* bytes */
	uint64_t length;
};

struct ranges {
	struct range *v;
	size_t n;
};

bool parse_devno(const char *word, dev_t *dev);
bool parse_number(const char *word, uint64_t *number);
bool parse_size(const char *text, uint64_t whole, uint64_t *bytes);
bool parse_word(const char **line, char *word, size_t size);
bool parse_nth_word(const char *line, unsigned int n, char *word, size_t size);

bool parse_interpose_status(const char *line, struct interpose_status *st);
bool parse_interpose_table(const char *line, struct interpose_table *table);
bool parse_snapshot_table(const char *line, struct snapshot_table *table);
bool parse_snapshot_status(const char *line, struct snapshot_status *st);
bool parse_era_status(const char *inner_status, struct era_status *st);
bool parse_cache_is_clean(const char *inner_status);
bool parse_changed(FILE *xml, uint64_t block, uint64_t end, struct ranges *out);

/* The path in a line of /proc/swaps, where blanks are written as \040 */
bool parse_swap(const char *line, char *path, size_t size);

#endif
