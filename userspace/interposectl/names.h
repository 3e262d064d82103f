/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names: made for what has none, read as they are written elsewhere, compared
 * with what was perhaps meant. Pure functions.
 */
#ifndef INTERPOSECTL_NAMES_H
#define INTERPOSECTL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_WORD_MAX	48	/* of a device, in the name of a mapped device */

/*
 * @full as a part of the name of a mapped device. What has to be changed or cut
 * ends with a number made of all of it, so that two are never alike.
 */
void name_word(const char *full, char *word, size_t size);

/* For a new logical volume: a name that lvm2 takes and does not reserve */
bool name_is_good_for_lv(const char *name);
void name_lv(const char *snapshot, char *name, size_t size);

/* As udev and libdevmapper write it, "my\x20disk"; false: too long */
bool name_encode(const char *plain, char *encoded, size_t size);
/* "my\x20disk" of udev and "my\040disk" of the mount table; false: too long */
bool name_decode(const char *encoded, char *plain, size_t size);

/* As is printed: "caf\xc3\xa9" of libdevmapper in UTF-8, but a blank as \x20 */
void name_decode_letters(const char *encoded, char *plain, size_t size);
/* Two spellings of one name */
bool name_is_same(const char *one, const char *other);

/* How many bytes at @at are one character of UTF-8; 0: they are none */
size_t name_character(const char *at);

/* What is printed: UTF-8 as it is, and no character that controls a terminal */
char *name_printable(const char *name, char *out, size_t size);

/* The one of @words that was perhaps meant by @word, or NULL */
const char *name_meant(const char *word, const char *const *words, size_t n);

#endif
