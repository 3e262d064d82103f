// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map.h"
#include "say.h"
#include "state.h"
#include "undo.h"

#define LOCK_NAME	".lock"

const char *state_dir = STATE_DIR;

/*
 * Signals: a step that waits is interrupted, and the rest is undone
 */

static volatile sig_atomic_t caught;

static void note_signal(int signal)
{
	(void)signal;
	caught = 1;
}

bool interrupted(void)
{
	return caught;
}

static void set_signals(void (*handler)(int))
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = handler };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
}

/*
 * Records
 */

static void record_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", state_dir, name);
}

void record_free(struct record *record)
{
	for (size_t i = 0; i < record->n; i++)
		free(record->undo[i]);
	if (record->fd >= 0)
		close(record->fd);
	memset(record, 0, sizeof(*record));
	record->fd = -1;
}

bool record_begin(struct record *record, const char *name)
{
	char path[512];

	memset(record, 0, sizeof(*record));
	record->fd = -1;
	snprintf(record->name, sizeof(record->name), "%s", name);
	if (options.dry_run)
		return true;
	record_path(path, sizeof(path), name);
	record->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND |
				O_CLOEXEC, 0600);
	if (record->fd >= 0)
		return true;
	if (errno == EEXIST)
		complain("there is a snapshot %s already; choose another --name, or first: interposectl snapshot --remove %s",
			 name, name);
	else
		complain("cannot write %s: %s", path, strerror(errno));
	return false;
}

static bool write_line(struct record *record, const char *line)
{
	if (options.dry_run)
		return true;
	if (write(record->fd, line, strlen(line)) == (ssize_t)strlen(line)) {
		step_begins();
		return true;
	}
	complain("cannot write to %s/%s: %s", state_dir, record->name,
		 strerror(errno));
	return false;
}

/* To be called before what it is to undo is done */
bool record_undo(struct record *record, const char *format, ...)
{
	char line[4200] = "undo ", *copy;
	size_t n = strlen(line);
	va_list args;

	va_start(args, format);
	vsnprintf(line + n, sizeof(line) - n - 1, format, args);
	va_end(args);
	copy = strchr(line, '\n') || record->n == RECORD_LINES ? NULL :
		strdup(line + n);
	if (!copy) {
		complain("cannot write down how to undo '%s'; take other names, and fewer devices",
			 line + n);
		return false;
	}
	record->undo[record->n++] = copy;
	strcat(line, "\n");
	return write_line(record, line);
}

bool record_has(const struct record *record, const char *line)
{
	for (size_t i = 0; i < record->n; i++)
		if (!strcmp(record->undo[i], line))
			return true;
	return false;
}

bool record_ready(struct record *record)
{
	record->ready = true;
	return write_line(record, "ready\n");
}

bool record_read(struct record *record, const char *name)
{
	char path[512], line[4200];
	FILE *file;

	memset(record, 0, sizeof(*record));
	snprintf(record->name, sizeof(record->name), "%s", name);
	record->fd = -1;
	record_path(path, sizeof(path), name);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		record->ready = !strcmp(line, "ready");
		if (!strncmp(line, "undo ", 5) && record->n < RECORD_LINES)
			record->undo[record->n++] = strdup(line + 5);
	}
	fclose(file);
	if (!options.dry_run)
		record->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	return true;
}

void record_end(struct record *record)
{
	char path[512];

	record_path(path, sizeof(path), record->name);
	if (!options.dry_run)
		unlink(path);
	record_free(record);
}

/* What cannot be undone is left, and so is what comes before it */
bool record_roll_back(struct record *record)
{
	set_signals(SIG_IGN); /* this is not interrupted */
	if (record->ready && !write_line(record, "removing\n"))
		return false;
	for (size_t i = record->n; i--; ) {
		/* of what is ready, its user has suspended it */
		if (record->ready && !strncmp(record->undo[i], "resume ", 7))
			continue;
		if (undo(record->undo[i]))
			continue;
		complain("%s is not undone: %s; see to that, then: interposectl recover",
			 record->name, record->undo[i]);
		record_free(record);
		return false;
	}
	record_end(record);
	return true;
}

bool record_each(bool (*each)(struct record *record, void *data), void *data)
{
	struct record record;
	struct dirent *entry;
	bool stop = false;
	DIR *dir = opendir(state_dir);

	if (!dir)
		return false;
	while (!stop && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || entry->d_type == DT_DIR ||
		    !record_read(&record, entry->d_name))
			continue;
		stop = each(&record, data);
		record_free(&record);
	}
	closedir(dir);
	return stop;
}

/*
 * What others have left
 */

static bool warn_of(struct record *record, void *data)
{
	struct map_info info;

	(void)data;
	if (record->ready)
		return false;
	for (size_t i = 0; i < record->n; i++)
		if (!strncmp(record->undo[i], "resume ", 7) &&
		    map_info(record->undo[i] + 7, &info) && info.suspended)
			complain("%s is suspended, and the I/O of its device waits",
				 info.name);
	complain("'%s' did not get to its end; to clean up: interposectl recover",
		 record->name);
	return false;
}

static bool recover_one(struct record *record, void *data)
{
	bool *good = data;

	if (record->ready)
		return false;
	complain("'%s' did not get to its end, and is undone", record->name);
	if (!record_roll_back(record))
		*good = false;
	return false;
}

bool state_recover(void)
{
	bool good = true;

	record_each(recover_one, &good);
	return good;
}

/*
 * One at a time
 */

static int lock = -1;

static bool open_lock(void)
{
	char path[512];

	record_path(path, sizeof(path), LOCK_NAME);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 && errno == ENOENT &&
	    (!mkdir(state_dir, 0700) || errno == EEXIST))
		lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return lock >= 0;
}

/* Reading is done without, but says what has been left */
static void look_for_traces(void)
{
	if (open_lock() && !flock(lock, LOCK_SH | LOCK_NB))
		record_each(warn_of, NULL);
}

bool state_enter(bool changes)
{
	if (!changes || options.dry_run) {
		look_for_traces();
		return true;
	}
	set_signals(note_signal);
	if (!open_lock()) {
		complain("cannot write to %s: %s; are you root?", state_dir,
			 strerror(errno));
		return false;
	}
	while (flock(lock, LOCK_EX)) {
		if (errno != EINTR || interrupted())
			return false;
	}
	return state_recover();
}

void state_leave(void)
{
	if (lock >= 0)
		close(lock);
	lock = -1;
}
