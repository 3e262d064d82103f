// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "parse.h"

/*
 * Words and numbers
 */

/* The next word of *@line, which is moved behind it. False: none, or too long */
bool parse_word(const char **line, char *word, size_t size)
{
	size_t length;

	*line += strspn(*line, " \t\n");
	length = strcspn(*line, " \t\n");
	if (!length || length >= size)
		return false;
	memcpy(word, *line, length);
	word[length] = '\0';
	*line += length;
	*line += strspn(*line, " \t\n");
	return true;
}

/* Counted from zero */
bool parse_nth_word(const char *line, unsigned int n, char *word, size_t size)
{
	do {
		if (!parse_word(&line, word, size))
			return false;
	} while (n--);
	return true;
}

bool parse_number(const char *word, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)*word))
		return false;
	errno = 0;
	*number = strtoull(word, &end, 10);
	return !errno && !*end;
}

/* "8:1" */
bool parse_devno(const char *word, dev_t *dev)
{
	uint64_t major, minor;
	char left[16];
	const char *colon = strchr(word, ':');

	if (!colon || colon - word >= (ptrdiff_t)sizeof(left))
		return false;
	memcpy(left, word, colon - word);
	left[colon - word] = '\0';
	if (!parse_number(left, &major) || !parse_number(colon + 1, &minor))
		return false;
	if (major >= 1 << 12 || minor >= 1 << 20)
		return false;
	*dev = makedev(major, minor);
	return true;
}

static bool next_number(const char **line, uint64_t *number)
{
	char word[WORD_MAX];

	return parse_word(line, word, sizeof(word)) &&
	       parse_number(word, number);
}

static bool next_devno(const char **line, dev_t *dev)
{
	char word[WORD_MAX];

	return parse_word(line, word, sizeof(word)) && parse_devno(word, dev);
}

/* "512M", "10GiB", "4096" (bytes), or "20%" of @whole; in whole sectors */
bool parse_size(const char *text, uint64_t whole, uint64_t *bytes)
{
	static const char units[] = "KMGTP";
	const char *unit;
	uint64_t number;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || !number)
		return false;
	if (!strcmp(end, "%")) {
		if (number > 1000)
			return false;
		*bytes = whole / 100 * number;
	} else if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || (end[1] && strcasecmp(end + 1, "iB")))
			return false;
		if (number > UINT64_MAX >> 10 * (unit - units + 1))
			return false;
		*bytes = number << 10 * (unit - units + 1);
	} else {
		*bytes = number;
	}
	*bytes &= ~(uint64_t)511;
	return *bytes;
}

/*
 * The target's own lines
 */

bool parse_interpose_status(const char *line, struct interpose_status *st)
{
	char pin[WORD_MAX];

	if (!parse_word(&line, st->state, sizeof(st->state)) ||
	    !next_devno(&line, &st->device) ||
	    !parse_word(&line, st->beneath, sizeof(st->beneath)) ||
	    !next_number(&line, &st->redirected) ||
	    !next_number(&line, &st->held) ||
	    !parse_word(&line, pin, sizeof(pin)) ||
	    !parse_word(&line, st->inner, sizeof(st->inner)))
		return false;
	st->pinned = !strcmp(pin, "pinned");
	st->inner_status = line;
	return true;
}

bool parse_interpose_table(const char *line, struct interpose_table *table)
{
	char word[WORD_MAX];
	uint64_t features;

	table->pinned = false;
	if (!next_devno(&line, &table->device) ||
	    !parse_word(&line, word, sizeof(word)))
		return false;
	if (parse_number(word, &features)) {
		while (features--) {
			if (!parse_word(&line, word, sizeof(word)))
				return false;
			if (!strcmp(word, "pin"))
				table->pinned = true;
		}
		if (!parse_word(&line, word, sizeof(word)))
			return false;
	}
	memcpy(table->inner, word, sizeof(word));
	table->inner_args = line;
	return true;
}

/*
 * Those of inner targets and snapshots
 */

bool parse_snapshot_table(const char *line, struct snapshot_table *table)
{
	return next_devno(&line, &table->origin) &&
	       next_devno(&line, &table->cow);
}

/* "16/204800 16", or a word such as "Invalid" */
bool parse_snapshot_status(const char *line, struct snapshot_status *st)
{
	char word[WORD_MAX], *slash;

	memset(st, 0, sizeof(*st));
	if (!parse_word(&line, word, sizeof(word)))
		return false;
	slash = strchr(word, '/');
	if (!slash) {
		memcpy(st->problem, word, sizeof(word));
		return true;
	}
	*slash = '\0';
	st->valid = true;
	return parse_number(word, &st->used) &&
	       parse_number(slash + 1, &st->total);
}

/* "8 11/25600 3 -": the third is the current era, the last one who holds it */
bool parse_era_status(const char *line, struct era_status *st)
{
	char word[WORD_MAX];

	if (!parse_nth_word(line, 2, word, sizeof(word)) ||
	    !parse_number(word, &st->current) ||
	    !parse_nth_word(line, 3, word, sizeof(word)))
		return false;
	st->held = strcmp(word, "-");
	return true;
}

/* Nothing of the data is in the cache alone, and nothing will be */
bool parse_cache_is_clean(const char *line)
{
	char word[WORD_MAX];
	uint64_t dirty, features;

	if (!parse_nth_word(line, 10, word, sizeof(word)) ||
	    !parse_number(word, &dirty) || dirty ||
	    !parse_nth_word(line, 11, word, sizeof(word)) ||
	    !parse_number(word, &features))
		return false;
	for (unsigned int i = 0; i < features; i++) {
		if (!parse_nth_word(line, 12 + i, word, sizeof(word)))
			return false;
		if (!strcmp(word, "writethrough") || !strcmp(word, "passthrough"))
			return true;
	}
	return false;
}

/*
 * What era_invalidate prints:
 *   <block block="3"/> and <range begin="5" end = "9"/>, the end not included
 */

/* @name begins with a blank */
static bool attribute(const char *line, const char *name, uint64_t *number)
{
	const char *at = strstr(line, name);
	char word[24];
	size_t length;

	if (!at)
		return false;
	at += strlen(name);
	at += strspn(at, " ");
	if (*at++ != '=')
		return false;
	at += strspn(at, " ");
	if (*at++ != '"')
		return false;
	length = strcspn(at, "\"");
	if (at[length] != '"' || length >= sizeof(word))
		return false;
	memcpy(word, at, length);
	word[length] = '\0';
	return parse_number(word, number);
}

/* Neighbours become one range */
static bool add_range(struct ranges *out, uint64_t start, uint64_t length)
{
	struct range *last = out->n ? &out->v[out->n - 1] : NULL;
	struct range *more;

	if (last && last->start + last->length == start) {
		last->length += length;
		return true;
	}
	if (!(out->n & (out->n - 1))) {
		more = realloc(out->v, (out->n ? 2 * out->n : 1) * sizeof(*more));
		if (!more)
			return false;
		out->v = more;
	}
	out->v[out->n++] = (struct range){ start, length };
	return true;
}

static bool add_blocks(struct ranges *out, uint64_t from, uint64_t to,
		       uint64_t block, uint64_t end)
{
	uint64_t start, stop;

	if (to <= from || from >= end / block + 1)
		return false;
	start = from * block;
	stop = to > end / block ? end : to * block;
	return stop <= start || add_range(out, start, stop - start);
}

/* @block: bytes of a block; @end: of the device. False: not what was expected */
bool parse_changed(FILE *xml, uint64_t block, uint64_t end, struct ranges *out)
{
	bool complete = false, good = true;
	uint64_t from, to;
	char line[256];

	memset(out, 0, sizeof(*out));
	while (good && fgets(line, sizeof(line), xml)) {
		if (strstr(line, "</blocks>")) {
			complete = true;
		} else if (strstr(line, "<block ")) {
			good = attribute(line, " block", &from) &&
			       add_blocks(out, from, from + 1, block, end);
		} else if (strstr(line, "<range ")) {
			good = attribute(line, " begin", &from) &&
			       attribute(line, " end", &to) &&
			       add_blocks(out, from, to, block, end);
		}
	}
	if (good && complete)
		return true;
	free(out->v);
	memset(out, 0, sizeof(*out));
	return false;
}

/*
 * /proc/swaps
 */

static int octal(const char *at)
{
	int value = 0;

	for (int i = 0; i < 3; i++) {
		if (at[i] < '0' || at[i] > '7')
			return -1;
		value = value * 8 + at[i] - '0';
	}
	return value;
}

/* "/swap\040file  file  1048572  0  -2" */
bool parse_swap(const char *line, char *path, size_t size)
{
	size_t n = 0;

	if (*line != '/')
		return false;
	for (; *line && !strchr(" \t\n", *line); n++) {
		int value = *line == '\\' ? octal(line + 1) : -1;

		if (n + 1 >= size)
			return false;
		path[n] = value > 0 ? value : *line;
		line += value > 0 ? 4 : 1;
	}
	path[n] = '\0';
	return true;
}
