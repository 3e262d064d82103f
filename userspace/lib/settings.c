// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

#define BLANKS	" \t\r\n\v\f"
#define NAMES	"interval, warn, drop, step, horizon"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A setting is a whole number, perhaps with its unit behind it, or a word */
static const struct setting {
	const char *name;
	unsigned long least;
	unsigned long most;
	const char *unit;
	const char *word;
	unsigned long word_means;
} known[] = {
	{ "interval", 1, 3600, "s", NULL, 0 },
	{ "warn", 1, 100, "%", NULL, 0 },
	{ "drop", 1, 100, "%", "never", 101 },
	{ "step", 1, 1000, "%", NULL, 0 },
	{ "horizon", 0, 86400, "s", NULL, 0 },
};

static void put(struct interpose_settings *settings, const char *name,
		unsigned long number)
{
	struct interpose_limits *limits = &settings->limits;

	if (!strcmp(name, "interval"))
		settings->interval = number;
	else if (!strcmp(name, "warn"))
		limits->warn_percent = number;
	else if (!strcmp(name, "drop"))
		limits->drop_percent = number;
	else if (!strcmp(name, "step"))
		limits->step_percent = number;
	else
		limits->horizon_ms = number * 1000ULL;
}

static const struct setting *find(const char *name)
{
	for (size_t i = 0; i < COUNT(known); i++)
		if (!strcmp(known[i].name, name))
			return &known[i];
	return NULL;
}

static bool number_of(const struct setting *setting, const char *value,
		      unsigned long *number)
{
	char *end;

	if (setting->word && !strcmp(value, setting->word)) {
		*number = setting->word_means;
		return true;
	}
	if (!isdigit((unsigned char)*value))
		return false;
	errno = 0;
	*number = strtoul(value, &end, 10);
	return !errno && (!*end || !strcmp(end, setting->unit)) &&
	       *number >= setting->least && *number <= setting->most;
}

bool settings_set(struct interpose_settings *settings, const char *name,
		  const char *value, char *why, size_t size)
{
	const struct setting *setting = find(name);
	unsigned long number;

	if (!setting) {
		snprintf(why, size, "unknown setting '%.40s'; valid settings are "
			 NAMES, name);
		return false;
	}
	if (!number_of(setting, value, &number)) {
		snprintf(why, size, "%s: '%.40s' is not valid; use %lu%s to %lu%s%s%s",
			 name, value, setting->least, setting->unit,
			 setting->most, setting->unit,
			 setting->word ? ", or " : "", setting->word ?: "");
		return false;
	}
	put(settings, name, number);
	return true;
}

/*
 * The file
 */

struct reader {
	const char *name;
	unsigned int line;
	settings_complain *complain;
	void *data;
};

__attribute__((format(printf, 2, 3)))
static void refuse(const struct reader *reader, const char *format, ...)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%.200s:%u: ", reader->name,
			 reader->line);
	va_list args;

	va_start(args, format);
	vsnprintf(text + n, sizeof(text) - n, format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	reader->complain(text, reader->data);
}

/* Without the blanks around it; in place */
static char *trim(char *text)
{
	char *end;

	text += strspn(text, BLANKS);
	end = text + strlen(text);
	while (end > text && strchr(BLANKS, end[-1]))
		*--end = '\0';
	return text;
}

static void read_line(const struct reader *reader, char *line,
		      struct interpose_settings *settings)
{
	char why[256], *value;

	line = trim(line);
	if (!*line || *line == '#')
		return;
	value = strchr(line, '=');
	if (!value) {
		refuse(reader, "'%.40s' is not a setting; write NAME = VALUE",
		       line);
		return;
	}
	*value++ = '\0';
	if (!settings_set(settings, trim(line), trim(value), why, sizeof(why)))
		refuse(reader, "%s", why);
}

bool settings_read(FILE *file, const char *name, settings_complain *complain,
		   void *data, struct interpose_settings *settings)
{
	struct reader reader = { name, 0, complain, data };
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	while ((length = getline(&line, &size, file)) >= 0) {
		reader.line++;
		if (memchr(line, '\0', length))
			refuse(&reader, "the line contains a NUL byte; write text");
		else
			read_line(&reader, line, settings);
	}
	free(line);
	return !ferror(file);
}

void settings_load(settings_complain *complain, void *data,
		   struct interpose_settings *settings)
{
	struct reader reader = { SETTINGS_FILE, 0, complain, data };
	FILE *file = fopen(SETTINGS_FILE, "re");

	if (!file && errno == ENOENT)
		return;
	if (!file || !settings_read(file, SETTINGS_FILE, complain, data,
				    settings))
		refuse(&reader, "cannot read the file: %s; using the defaults for the rest",
		       strerror(errno));
	if (file)
		fclose(file);
}
