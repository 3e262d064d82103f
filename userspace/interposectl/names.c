// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "names.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/*
 * Made
 */

/* FNV-1a */
static uint32_t number_of(const char *text)
{
	uint32_t number = 2166136261;

	for (; *text; text++)
		number = (number ^ (unsigned char)*text) * 16777619;
	return number;
}

/* @good characters stay, others become '-' */
static bool replace(char *name, const char *good)
{
	bool changed = false;

	for (; *name; name++) {
		if (strchr(good, *name))
			continue;
		*name = '-';
		changed = true;
	}
	return changed;
}

/* cciss!c0d0 is cciss-c0d0, as ever: no other device is called so */
void name_word(const char *full, char *word, size_t size)
{
	char copy[NAME_WORD_MAX + 2], *c;
	bool changed;

	snprintf(copy, sizeof(copy), "%s", full);
	for (c = copy; *c; c++)
		if (*c == '!' || *c == '/')
			*c = '-';
	changed = replace(copy, LETTERS "#+.:=@_-") ||
		  strlen(full) > NAME_WORD_MAX;
	if (changed)
		snprintf(word, size, "%.*s-%08x", NAME_WORD_MAX - 9, copy,
			 number_of(full));
	else
		snprintf(word, size, "%s", copy);
}

/* lvm2's own parts of volumes are called so: lvm(8), "reserved" */
static const char *const lv_prefixes[] = { "snapshot", "pvmove" };
static const char *const lv_parts[] = {
	"_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_cachevol",
	"_imeta", "_iorig", "_mimage", "_mlog", "_pmspare", "_rimage",
	"_rmeta", "_tdata", "_tmeta", "_tpool", "_vdata", "_vorigin",
	"_vpool", "_wcorig",
};

#define LV_NAME_MAX	80	/* with its group, and its '-' doubled, 127 */

bool name_is_good_for_lv(const char *name)
{
	if (!*name || strlen(name) > LV_NAME_MAX ||
	    name[strspn(name, LETTERS "+_.-")] || strchr("-.", *name))
		return false;
	for (size_t i = 0; i < sizeof(lv_prefixes) / sizeof(*lv_prefixes); i++)
		if (!strncmp(name, lv_prefixes[i], strlen(lv_prefixes[i])))
			return false;
	for (size_t i = 0; i < sizeof(lv_parts) / sizeof(*lv_parts); i++)
		if (strstr(name, lv_parts[i]))
			return false;
	return true;
}

void name_lv(const char *snapshot, char *name, size_t size)
{
	char copy[LV_NAME_MAX];

	snprintf(name, size, "%s-cow", snapshot);
	if (name_is_good_for_lv(name))
		return;
	snprintf(copy, sizeof(copy), "%.40s", snapshot);
	replace(copy, LETTERS "+.-");
	snprintf(name, size, "cow-%s-%08x", copy, number_of(snapshot));
}

/*
 * Read as they are written elsewhere
 */

bool name_encode(const char *plain, char *encoded, size_t size)
{
	size_t n = 0;

	for (; *plain && n < size; plain++) {
		bool as_it_is = (*plain & 0x80) ||
			strchr(LETTERS "#+-.:=@_/", *plain);

		n += snprintf(encoded + n, size - n, as_it_is ? "%c" : "\\x%02x",
			      (unsigned char)*plain);
	}
	if (!n)
		*encoded = '\0';
	return n < size;
}

/* How many characters of a number in that base: @digits of them, or none */
static bool read_escape(const char *at, const char *digits, int base,
			unsigned int n, char *out)
{
	unsigned int value = 0;

	for (; n; n--, at++) {
		const char *digit = *at ? strchr(digits, tolower((unsigned char)*at)) : NULL;

		if (!digit)
			return false;
		value = value * base + (digit - digits);
	}
	if (!value || value > 255)
		return false;
	*out = value;
	return true;
}

bool name_decode(const char *encoded, char *plain, size_t size)
{
	size_t n = 0;

	while (*encoded && n + 1 < size) {
		plain[n] = *encoded;
		if (*encoded != '\\')
			encoded++;
		else if (encoded[1] == 'x' &&
			 read_escape(encoded + 2, "0123456789abcdef", 16, 2, plain + n))
			encoded += 4;
		else if (read_escape(encoded + 1, "01234567", 8, 3, plain + n))
			encoded += 4;
		else
			encoded++;
		n++;
	}
	plain[n] = '\0';
	return !*encoded;
}

/*
 * Printed
 */

/* No longer form of what has a shorter one, no surrogates, none past U+10FFFF */
size_t name_character(const char *at)
{
	unsigned char c = *at, next;
	size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 :
		   (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	next = n > 1 ? at[1] : 0;
	if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next >= 0xa0) ||
	    (c == 0xf0 && next < 0x90) || (c == 0xf4 && next >= 0x90))
		return 0;
	return n;
}

/* The same for what does not control a terminal, as U+0080 to U+009F do, too */
static size_t printable(const char *at)
{
	unsigned char c = *at;

	if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)at[1] < 0xa0))
		return 0;
	return name_character(at);
}

/* Bytes of UTF-8 alone; if they are no characters, all stays as it is */
void name_decode_letters(const char *encoded, char *plain, size_t size)
{
	const char *at = encoded;
	size_t n = 0, length;
	char c;

	while (*at && n + 1 < size) {
		if (*at == '\\' && at[1] == 'x' &&
		    read_escape(at + 2, "0123456789abcdef", 16, 2, &c) &&
		    c & 0x80) {
			plain[n++] = c;
			at += 4;
		} else {
			plain[n++] = *at++;
		}
	}
	plain[n] = '\0';
	for (at = plain; *at; at += length) {
		length = name_character(at);
		if (length)
			continue;
		snprintf(plain, size, "%s", encoded);
		return;
	}
}

bool name_is_same(const char *one, const char *other)
{
	char a[256], b[256];

	return !strcmp(one, other) ||
	       (name_decode(one, a, sizeof(a)) &&
		name_decode(other, b, sizeof(b)) && !strcmp(a, b));
}

char *name_printable(const char *name, char *out, size_t size)
{
	size_t n = 0, length;

	while (*name && n + 5 <= size) {
		length = printable(name);
		if (length) {
			memcpy(out + n, name, length);
			n += length;
			name += length;
		} else {
			n += snprintf(out + n, size - n, "\\x%02x",
				      (unsigned char)*name++);
		}
	}
	out[n] = '\0';
	return out;
}

/*
 * Perhaps meant
 */

#define MEANT_MAX	32

/* What it takes to make one of the other, two letters swapped being one change */
static unsigned int changes_between(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned int d[MEANT_MAX + 1][MEANT_MAX + 1];

	if (n > MEANT_MAX || m > MEANT_MAX)
		return MEANT_MAX;
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			unsigned int best;

			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			best = d[i - 1][j - 1] + (tolower((unsigned char)a[i - 1]) !=
						  tolower((unsigned char)b[j - 1]));
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[n][m];
}

const char *name_meant(const char *word, const char *const *words, size_t n)
{
	size_t length = strlen(word);
	unsigned int best = length < 3 ? 1 : length < 6 ? 2 : 3;
	const char *meant = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned int changes = changes_between(word, words[i]);

		if (length >= 3 && !strncmp(word, words[i], length))
			changes = 0;
		if (changes < best || (changes == best && !meant && changes < 3)) {
			best = changes;
			meant = words[i];
		}
	}
	return meant;
}
