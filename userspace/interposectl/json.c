// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "names.h"

#define DEPTH_MAX	16

static struct {
	char bracket[DEPTH_MAX];
	bool has_one[DEPTH_MAX];
	unsigned int depth;
} json;

/* Names are bytes, and JSON is UTF-8: what is none becomes U+FFFD */
static void put_text(const char *text)
{
	putchar('"');
	while (*text) {
		size_t length = name_character(text);

		if (!length) {
			fputs("\xef\xbf\xbd", stdout);
			text++;
		} else if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			printf("\\u%04x", *text++);
		} else if (strchr("\"\\", *text)) {
			printf("\\%c", *text++);
		} else {
			fwrite(text, 1, length, stdout);
			text += length;
		}
	}
	putchar('"');
}

static void begin_value(const char *key)
{
	unsigned int depth = json.depth;

	if (depth) {
		fputs(json.has_one[depth - 1] ? ",\n" : "\n", stdout);
		json.has_one[depth - 1] = true;
		printf("%*s", 3 * depth, "");
	}
	if (key) {
		put_text(key);
		fputs(": ", stdout);
	}
}

void json_open(const char *key, char bracket)
{
	begin_value(key);
	putchar(bracket);
	json.bracket[json.depth] = bracket;
	json.has_one[json.depth++] = false;
}

void json_close(void)
{
	json.depth--;
	if (json.has_one[json.depth])
		printf("\n%*s", 3 * json.depth, "");
	putchar(json.bracket[json.depth] == '{' ? '}' : ']');
}

void json_begin(void)
{
	json.depth = 0;
	json_open(NULL, '{');
	json_number("version", JSON_VERSION);
}

void json_end(void)
{
	json_close();
	putchar('\n');
}

void json_text(const char *key, const char *value)
{
	if (!value) {
		json_null(key);
		return;
	}
	begin_value(key);
	put_text(value);
}

void json_number(const char *key, uint64_t value)
{
	begin_value(key);
	printf("%" PRIu64, value);
}

void json_bool(const char *key, bool value)
{
	begin_value(key);
	fputs(value ? "true" : "false", stdout);
}

void json_null(const char *key)
{
	begin_value(key);
	fputs("null", stdout);
}
