// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "copy.h"
#include "say.h"
#include "source.h"

/*
 * Asking
 */

const char *interposectl(void)
{
	return getenv("INTERPOSECTL") ?: "interposectl";
}

static char *all_of(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = size >= 0 ? calloc(1, size + 1) : NULL;

	for (off_t at = 0; text && at < size;) {
		ssize_t n = pread(fd, text + at, size - at, at);

		if (n <= 0)
			break;
		at += n;
	}
	return text;
}

static void last_line(char *text, char *line, size_t size)
{
	char *end = text ? text + strlen(text) : NULL, *begin;

	while (end > text && end[-1] == '\n')
		*--end = '\0';
	begin = text ? strrchr(text, '\n') : NULL;
	begin = begin ? begin + 1 : text ?: "";
	if (!strncmp(begin, "interposectl: ", 14))
		begin += 14;
	snprintf(line, size, "%s", begin);
}

__attribute__((noreturn))
static void become(const char *const argv[], int output, int errors, int inherit)
{
	int null = open("/dev/null", O_RDONLY);

	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	if (inherit >= 0)
		fcntl(inherit, F_SETFD, 0);
	execvp(argv[0], (char **)argv);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int ask(const char *const argv[], char **output, char *why, size_t size,
	int inherit)
{
	int out = memfd_create("output", MFD_CLOEXEC);
	int err = memfd_create("errors", MFD_CLOEXEC);
	int status = -1;
	char *text;
	pid_t pid;

	if (output)
		*output = NULL;
	fflush(NULL);
	pid = fork();
	if (!pid)
		become(argv, out, err, inherit);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (output)
		*output = all_of(out);
	text = all_of(err);
	last_line(text, why, size);
	free(text);
	close(out);
	close(err);
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * Finding
 */

/* The last part of the path, in letters that a name may have */
static void word_of(const char *path, char *word, size_t size)
{
	const char *last = strrchr(path, '/');
	char *at;

	snprintf(word, size, "%s", last ? last + 1 : path);
	for (at = word; *at; at++) {
		char one[] = { *at == '-' || *at == '.' ? 'x' : *at, '\0' };

		if (!name_is_plain(one))
			*at = '_';
	}
	if (!name_is_plain(word))
		*word = '_';
}

/* "/dev/sda1", however it was named */
static bool device_shown(struct source *source)
{
	const char *argv[] = { interposectl(), "check", "--json",
		source->argument, NULL };
	struct json_object *object, *list, *device;
	char *output, why[512];

	ask(argv, &output, why, sizeof(why), -1);
	object = output ? json_tokener_parse(output) : NULL;
	free(output);
	if (json_object_object_get_ex(object, "findings", &list) &&
	    json_object_is_type(list, json_type_array) &&
	    json_object_array_length(list) &&
	    json_object_object_get_ex(json_object_array_get_idx(list, 0),
				      "device", &device))
		snprintf(source->shown, sizeof(source->shown), "%s",
			 json_object_get_string(device));
	else
		complain("%s", *why ? why : source->argument);
	json_object_put(object);
	return *source->shown;
}

bool source_find(struct source *source, const char *argument, bool as_is)
{
	memset(source, 0, sizeof(*source));
	source->fd = -1;
	source->argument = argument;
	if (!as_is && !device_shown(source))
		return false;
	if (as_is && !realpath(argument, source->shown)) {
		complain("%s: %s", argument, strerror(errno));
		return false;
	}
	if (as_is)
		snprintf(source->node, sizeof(source->node), "%s", source->shown);
	word_of(source->shown, source->word, sizeof(source->word) - 4);
	return true;
}

bool sources_differ(struct source *sources, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned int number = 1;

		for (size_t j = 0; j < i; j++) {
			if (!strcmp(sources[i].shown, sources[j].shown)) {
				complain("%s is named twice", sources[i].shown);
				return false;
			}
			number += !strcmp(sources[i].word, sources[j].word);
		}
		if (number > 1)
			snprintf(sources[i].word + strlen(sources[i].word), 4,
				 "_%u", number);
	}
	return true;
}

/*
 * Points
 */

/* "UUID:ERA" of the same series, which has the UUID */
static bool same_series(const char *point, const char *other)
{
	size_t length = strcspn(point, ":");

	return length && point[length] && !strncmp(point, other, length + 1);
}

static void no_point(struct source *source, const char *why)
{
	*source->point = '\0';
	snprintf(source->full, sizeof(source->full), "%s", why);
}

void source_mark(struct source *source)
{
	const char *argv[] = { interposectl(), "changed", "--mark",
		source->shown, NULL };
	char *output, why[512];

	if (ask(argv, &output, why, sizeof(why), -1)) {
		no_point(source, *why ? why : "its changes are not tracked");
	} else {
		snprintf(source->point, sizeof(source->point), "%s",
			 output ?: "");
		source->point[strcspn(source->point, "\n")] = '\0';
		if (!same_series(source->point, source->point))
			no_point(source, "its changes are recorded, but without an identity, so that a gap would not be noticed");
	}
	free(output);
}

void source_choose_base(struct source *source, struct store *store, bool full)
{
	source->base = NULL;
	if (full)
		snprintf(source->full, sizeof(source->full), "as was asked for");
	if (full || !*source->point)
		return;
	for (size_t i = store->n; i-- && !source->base;) {
		const struct backup *backup = &store->v[i];

		for (size_t j = 0; j < backup->n && !*backup->problem; j++) {
			if (!same_series(source->point, backup->parts[j].point))
				continue;
			source->base = backup;
			source->base_part = &backup->parts[j];
			break;
		}
	}
	if (!source->base)
		snprintf(source->full, sizeof(source->full),
			 "there is no good backup of this series yet");
}

/*
 * What is to be read
 */

/* A file, or the size of a device */
static bool find_size(struct source *source)
{
	struct stat st;

	if (fstat(source->fd, &st))
		return false;
	source->size = st.st_size;
	if (S_ISREG(st.st_mode))
		return true;
	errno = ENOTBLK;
	return S_ISBLK(st.st_mode) &&
	       !ioctl(source->fd, BLKGETSIZE64, &source->size);
}

/* Mounted, or a part of something that is in use: it would change meanwhile */
static bool is_quiet(const char *node)
{
	struct stat st;
	int fd;

	if (stat(node, &st) || !S_ISBLK(st.st_mode))
		return true;
	fd = open(node, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0) {
		complain("%s is in use, and would change while it is read; without --no-snapshot a snapshot is read",
			 node);
		return false;
	}
	close(fd);
	return true;
}

bool source_open(struct source *source, bool as_is)
{
	if (as_is && !is_quiet(source->node))
		return false;
	source->fd = open(source->node, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (source->fd < 0 && errno == EINVAL)
		source->fd = open(source->node, O_RDONLY | O_CLOEXEC);
	if (source->fd >= 0 && find_size(source) && source->size)
		return true;
	complain("cannot read %s: %s", source->node,
		 source->fd >= 0 && !source->size ? "it is empty" :
		 strerror(errno));
	return false;
}

void source_close(struct source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
	free(source->ranges.v);
	memset(&source->ranges, 0, sizeof(source->ranges));
}

static bool get(struct json_object *from, const char *key, uint64_t *number)
{
	struct json_object *value;
	int64_t n;

	if (!json_object_object_get_ex(from, key, &value) ||
	    !json_object_is_type(value, json_type_int))
		return false;
	n = json_object_get_int64(value);
	*number = n;
	return n >= 0;
}

/* All or nothing: a list that is not understood is none */
static bool read_ranges(struct source *source, const char *text)
{
	struct json_object *object = text ? json_tokener_parse(text) : NULL;
	struct json_object *list, *one;
	uint64_t start, length, version = 0;
	bool good;

	good = json_object_object_get_ex(object, "ranges", &list) &&
	       json_object_is_type(list, json_type_array) &&
	       get(object, "version", &version) && version == 1;
	for (size_t i = 0; good && i < json_object_array_length(list); i++) {
		one = json_object_array_get_idx(list, i);
		good = get(one, "start", &start) && get(one, "length", &length) &&
		       ranges_add(&source->ranges, start, length);
	}
	json_object_put(object);
	return good;
}

/* Or the reason for a full one */
static void ask_changes(struct source *source)
{
	const char *argv[] = { interposectl(), "changed", "--since",
		source->base_part->point, "--format", "json", source->shown,
		NULL };
	char *output, why[512];

	if (ask(argv, &output, why, sizeof(why), -1))
		snprintf(source->full, sizeof(source->full), "%s",
			 *why ? why : "interposectl changed has failed");
	else if (!read_ranges(source, output))
		snprintf(source->full, sizeof(source->full),
			 "the answer of interposectl changed is not understood");
	free(output);
}

bool source_changes(struct source *source)
{
	if (source->base && source->base_part->size != source->size)
		snprintf(source->full, sizeof(source->full),
			 "its size was %llu bytes and is %llu",
			 (unsigned long long)source->base_part->size,
			 (unsigned long long)source->size);
	else if (source->base)
		ask_changes(source);
	if (!*source->full)
		return ranges_align(&source->ranges, source->size);
	source->base = NULL;
	source->base_part = NULL;
	source->ranges.n = 0;
	return ranges_add(&source->ranges, 0, source->size);
}
