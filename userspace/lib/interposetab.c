// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "interposetab.h"

#define BLANKS	" \t\r\n\v\f"
#define USAGE	"a line is NAME DEVICE OPTIONS TARGET [ARGUMENT...]"

struct reader {
	const char *name;
	unsigned int line;
	tab_complain *complain;
	void *data;
};

__attribute__((format(printf, 2, 3)))
static bool refuse(const struct reader *reader, const char *format, ...)
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
	return false;
}

/*
 * Devices
 */

static const struct {
	const char *tag;
	const char *directory;
} tags[] = {
	{ "UUID=", "/dev/disk/by-uuid/" },
	{ "LABEL=", "/dev/disk/by-label/" },
	{ "PARTUUID=", "/dev/disk/by-partuuid/" },
	{ "PARTLABEL=", "/dev/disk/by-partlabel/" },
};

#define N_TAGS (sizeof(tags) / sizeof(*tags))

static size_t tag_of(const char *word)
{
	size_t i;

	for (i = 0; i < N_TAGS; i++)
		if (!strncmp(word, tags[i].tag, strlen(tags[i].tag)))
			break;
	return i;
}

bool tab_is_device(const char *word)
{
	return !strncmp(word, "/dev/", 5) || tag_of(word) < N_TAGS;
}

/* udev's way of writing what may be in a label */
static bool is_plain(char c)
{
	return isalnum((unsigned char)c) || (c & 0x80) ||
	       (c && strchr("#+-.:=@_\\", c));
}

bool tab_path(const char *device, char *path, size_t size)
{
	size_t tag = tag_of(device), n;

	if (tag == N_TAGS)
		return (size_t)snprintf(path, size, "%s", device) < size;
	n = snprintf(path, size, "%s", tags[tag].directory);
	for (device += strlen(tags[tag].tag); *device && n < size; device++)
		n += snprintf(path + n, size - n,
			      is_plain(*device) ? "%c" : "\\x%02x",
			      (unsigned char)*device);
	return n < size;
}

/* systemd-escape --path --suffix=... */
bool tab_unit(const char *path, const char *suffix, char *unit, size_t size)
{
	size_t n = 0;
	bool first = true;

	path += strspn(path, "/");
	if (!*path)
		n = snprintf(unit, size, "-");
	while (*path && n < size) {
		unsigned char c = *path++;

		if (c == '/') {
			path += strspn(path, "/");
			if (*path)
				n += snprintf(unit + n, size - n, "-");
		} else if (isalnum(c) || c == ':' || c == '_' ||
			   (c == '.' && !first)) {
			n += snprintf(unit + n, size - n, "%c", c);
		} else {
			n += snprintf(unit + n, size - n, "\\x%02x", c);
		}
		first = false;
	}
	if (n < size)
		n += snprintf(unit + n, size - n, ".%s", suffix);
	return n < size;
}

/*
 * Files
 */

static const char file_tag[] = "FILE=", own_tag[] = "OWN=";

bool tab_is_file(const char *word)
{
	return !strncmp(word, file_tag, strlen(file_tag));
}

bool tab_is_own(const char *word)
{
	return !strncmp(word, own_tag, strlen(own_tag));
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? at - digits : -1;
}

bool tab_file(const char *word, char *path, size_t size)
{
	size_t n = 0;

	for (word += strcspn(word, "=") + 1; *word && n < size; word++) {
		path[n] = *word;
		if (*word == '\\') {
			if (word[1] != 'x' || digit(word[2]) < 0 ||
			    digit(word[3]) < 0)
				return false;
			path[n] = digit(word[2]) << 4 | digit(word[3]);
			word += 3;
		}
		n++;
	}
	if (n == size)
		return false;
	path[n] = '\0';
	return strlen(path) == n && tab_file_is_good(path);
}

static bool write_word(const char *tag, const char *path, char *word,
		       size_t size)
{
	size_t n = snprintf(word, size, "%s", tag);

	for (; *path && n < size; path++)
		n += snprintf(word + n, size - n,
			      strchr(" %\\", *path) ? "\\x%02x" : "%c",
			      (unsigned char)*path);
	return n < size;
}

bool tab_file_word(const char *path, char *word, size_t size)
{
	return write_word(file_tag, path, word, size);
}

bool tab_own_word(const char *path, char *word, size_t size)
{
	return write_word(own_tag, path, word, size);
}

/* What systemd would take for the end of a path, or for a part of it, is refused */
bool tab_file_is_good(const char *path)
{
	bool good = path[0] == '/' && path[1];

	for (; *path; path++)
		good &= !iscntrl((unsigned char)*path) && !strchr("\"'\\", *path);
	return good;
}

const char *tab_file_of(const struct tab_entry *entry)
{
	for (unsigned int i = 0; i < entry->n_args; i++)
		if (tab_is_file(entry->args[i]))
			return entry->args[i];
	return NULL;
}

const char *tab_own_of(const struct tab_entry *entry)
{
	return entry->n_args > 1 && tab_is_own(entry->args[1]) ?
	       entry->args[1] : NULL;
}

/*
 * The parts of a line
 */

static bool name_is_good(const struct reader *reader, const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.-";

	if (strlen(name) <= TAB_NAME_MAX && *name != '-' && *name != '.' &&
	    !name[strspn(name, good)])
		return true;
	return refuse(reader, "'%.70s' is not a valid name; use up to %d letters, digits and any of :_.-, and do not start with - or .",
		      name, TAB_NAME_MAX);
}

static bool device_is_good(const struct reader *reader, const char *device)
{
	size_t tag = tag_of(device);

	if (tag < N_TAGS ? device[strlen(tags[tag].tag)] :
	    !strncmp(device, "/dev/", 5) && device[5])
		return true;
	return refuse(reader, "'%.70s' is not a device; write it as /dev/..., UUID=..., LABEL=..., PARTUUID=... or PARTLABEL=...",
		      device);
}

/* "0a1b2c3d-0815-4711-8842-5566778899aa" */
static bool is_uuid(const char *word)
{
	size_t i;

	for (i = 0; word[i]; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ?
		    word[i] != '-' : digit(word[i]) < 0)
			return false;
	return i == 36;
}

static bool parse_options(const struct reader *reader, char *options,
			  struct tab_entry *entry)
{
	char *option, *rest;

	if (!strcmp(options, "-"))
		return true;
	for (option = strtok_r(options, ",", &rest); option;
	     option = strtok_r(NULL, ",", &rest)) {
		if (!strcmp(option, "noauto"))
			entry->noauto = true;
		else if (!strcmp(option, "nofail"))
			entry->nofail = true;
		else if (!strcmp(option, "pin"))
			entry->pin = true;
		else if (!strcmp(option, "initramfs"))
			entry->initramfs = true;
		else if (!strcmp(option, "replace-data"))
			entry->replace_data = true;
		else if (!strncmp(option, "series=", 7))
			entry->series = option + 7;
		else if (strcmp(option, "defaults"))
			return refuse(reader, "unknown option '%.70s'; valid options are noauto, nofail, pin, initramfs, replace-data, series=UUID, or - for none",
				      option);
	}
	if (entry->series && !is_uuid(entry->series))
		return refuse(reader, "series=%.70s does not name a series; write the UUID that 'interposectl track status' prints",
			      entry->series);
	if (entry->noauto && entry->initramfs)
		return refuse(reader, "noauto and initramfs cannot be used together; remove one of them");
	return true;
}

static bool file_is_good(const struct reader *reader,
			 const struct tab_entry *entry, unsigned int i)
{
	char path[TAB_LINE_MAX + 1];

	if (strcmp(entry->args[0], "era") || i != 1)
		return refuse(reader, "'%.70s' stands where no file can be used; only the metadata of era can be in a file: era FILE=/path %%d 128",
			      entry->args[i]);
	if (entry->initramfs && tab_is_file(entry->args[i]))
		return refuse(reader, "in the initramfs no file system is mounted, so %.70s cannot be used with the option initramfs; name a device",
			      entry->args[i]);
	return tab_file(entry->args[i], path, sizeof(path)) ||
	       refuse(reader, "'%.70s' is not a file; write %s/path, a blank as \\x20, and use no quotes",
		      entry->args[i],
		      tab_is_own(entry->args[i]) ? own_tag : file_tag);
}

static bool argument_is_good(const struct reader *reader,
			     const struct tab_entry *entry, unsigned int i)
{
	const char *word = entry->args[i];

	if (tab_is_file(word) || tab_is_own(word))
		return file_is_good(reader, entry, i);
	for (const char *at = word; (at = strchr(at, '%')); at += 2)
		if (!at[1] || !strchr("dn%", at[1]))
			return refuse(reader, "'%.70s' has an unknown %% sequence; use %%d for the device, %%n for its size in sectors, %%%% for a percent sign",
				      word);
	return true;
}

static bool parse_line(const struct reader *reader, struct tab_entry *entry)
{
	char *words[3], *word, *rest;
	size_t n = 0;

	for (word = strtok_r(entry->text, BLANKS, &rest); word;
	     word = strtok_r(NULL, BLANKS, &rest)) {
		if (n < 3) {
			words[n++] = word;
			continue;
		}
		if (entry->n_args == TAB_ARGS_MAX)
			return refuse(reader, "the target has more than %d arguments; use fewer",
				      TAB_ARGS_MAX);
		entry->args[entry->n_args++] = word;
	}
	if (!entry->n_args)
		return refuse(reader, "%s is missing; " USAGE,
			      n < 2 ? "the device" : n < 3 ? "the OPTIONS field (- for none)" :
			      "the target");
	entry->name = words[0];
	entry->device = words[1];
	if (!name_is_good(reader, entry->name) ||
	    !device_is_good(reader, entry->device) ||
	    !parse_options(reader, words[2], entry))
		return false;
	if (!strcmp(entry->args[0], "interpose"))
		return refuse(reader, "the target must not be interpose itself; name the inner target");
	for (unsigned int i = 0; i < entry->n_args; i++)
		if (!argument_is_good(reader, entry, i))
			return false;
	return true;
}

static bool is_unique(const struct reader *reader, const struct tab *tab,
		      const struct tab_entry *entry)
{
	for (size_t i = 0; i < tab->n; i++) {
		if (!strcmp(tab->v[i].name, entry->name))
			return refuse(reader, "line %u already uses the name %s; choose another one",
				      tab->v[i].line, entry->name);
		if (!strcmp(tab->v[i].device, entry->device))
			return refuse(reader, "line %u already interposes %.70s, which is possible only once; remove one of the lines",
				      tab->v[i].line, entry->device);
	}
	return true;
}

/*
 * Lines
 */

static bool add(struct tab *tab, const struct tab_entry *entry)
{
	struct tab_entry *more;

	more = realloc(tab->v, (tab->n + 1) * sizeof(*more));
	if (!more)
		return false;
	tab->v = more;
	more[tab->n++] = *entry;
	return true;
}

/* False: no memory */
static bool take_line(const struct reader *reader, const char *line,
		      size_t length, struct tab *tab)
{
	struct tab_entry entry = { .line = reader->line };
	bool good;

	if (length != strlen(line)) {
		refuse(reader, "the line contains a NUL byte; write it again");
		tab->n_bad++;
		return true;
	}
	line += strspn(line, BLANKS);
	if (!*line || *line == '#')
		return true;
	if (length > TAB_LINE_MAX) {
		refuse(reader, "the line is longer than %d bytes; shorten it",
		       TAB_LINE_MAX);
		tab->n_bad++;
		return true;
	}
	entry.text = strdup(line);
	if (!entry.text)
		return false;
	good = parse_line(reader, &entry) && is_unique(reader, tab, &entry);
	if (good && add(tab, &entry))
		return true;
	free(entry.text);
	tab->n_bad += !good;
	return !good;
}

bool tab_read(FILE *file, const char *name, tab_complain *complain, void *data,
	      struct tab *tab)
{
	struct reader reader = { .name = name, .complain = complain,
				 .data = data };
	char *line = NULL;
	bool good = true;
	size_t size = 0;
	ssize_t length;

	memset(tab, 0, sizeof(*tab));
	while (good && (length = getline(&line, &size, file)) >= 0) {
		reader.line++;
		good = take_line(&reader, line, length, tab);
	}
	free(line);
	return good && feof(file);
}

void tab_free(struct tab *tab)
{
	for (size_t i = 0; i < tab->n; i++)
		free(tab->v[i].text);
	free(tab->v);
	memset(tab, 0, sizeof(*tab));
}

static bool is_line_of(const char *line, const char *name)
{
	size_t length = strlen(name);

	line += strspn(line, BLANKS);
	return !strncmp(line, name, length) && line[length] &&
	       strchr(BLANKS, line[length]);
}

/* Byte by byte: what is not understood is no less somebody's */
bool tab_copy_without(FILE *from, const char *name, FILE *to)
{
	char *line = NULL;
	bool good = true;
	size_t size = 0;
	ssize_t n;

	while (good && (n = getline(&line, &size, from)) >= 0) {
		if (is_line_of(line, name))
			continue;
		good = fwrite(line, 1, n, to) == (size_t)n;
		if (good && line[n - 1] != '\n')
			good = fputc('\n', to) != EOF;
	}
	free(line);
	return good && feof(from);
}

const struct tab_entry *tab_find(const struct tab *tab, const char *name)
{
	for (size_t i = 0; i < tab->n; i++)
		if (!strcmp(tab->v[i].name, name))
			return &tab->v[i];
	return NULL;
}

bool tab_argument(const char *word, const char *path, uint64_t sectors,
		  char *out, size_t size)
{
	size_t n = 0;

	if (tab_is_device(word))
		return tab_path(word, out, size);
	*out = '\0';
	for (; *word && n < size; word++) {
		if (*word != '%')
			n += snprintf(out + n, size - n, "%c", *word);
		else if (*++word == 'd')
			n += snprintf(out + n, size - n, "%s", path);
		else if (*word == 'n')
			n += snprintf(out + n, size - n, "%" PRIu64, sectors);
		else if (*word == '%')
			n += snprintf(out + n, size - n, "%%");
		else
			return false;
	}
	return n < size;
}
