/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON on standard output, an object around all of it:
 *
 *     json_begin(); json_open("list", '['); ... json_close(); json_end();
 */
#ifndef INTERPOSECTL_JSON_H
#define INTERPOSECTL_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* Of what is printed; a change that a reader has to know of makes it another */
#define JSON_VERSION	1

void json_begin(void);
void json_end(void);
/* @key: NULL in an array; @bracket: '{' or '[' */
void json_open(const char *key, char bracket);
void json_close(void);
void json_text(const char *key, const char *value);	/* NULL: null */
void json_number(const char *key, uint64_t value);
void json_bool(const char *key, bool value);
void json_null(const char *key);

#endif
