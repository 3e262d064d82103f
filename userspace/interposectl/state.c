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
#include <sys/wait.h>
#include <unistd.h>

#include "map.h"
#include "say.h"
#include "state.h"
#include "undo.h"

#define LOCK_NAME	".lock"
#define BUSY_TENTHS	40		/* of a second, for who is killed to end */
#define NOTICE_TENTHS	50
#define LOCK_TENTHS	100
#define RESUME_TENTHS	50

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
	for (size_t i = 0; i < record->n; i++) {
		free(record->undo[i]);
		free(record->is[i]);
	}
	if (record->fd >= 0)
		close(record->fd);
	memset(record, 0, sizeof(*record));
	record->fd = -1;
}

bool record_is_foreign(const struct record *record)
{
	char path[512];

	if (!record->foreign)
		return false;
	record_path(path, sizeof(path), record->name);
	complain("%s %s, and is left alone; remove by hand what it names, then: rm %s",
		 path, record->problem, path);
	return true;
}

/* Why there is one already */
static void complain_of_other(const char *name, const char *path)
{
	struct record other;

	if (!record_read(&other, name))
		complain("%s already exists; if it is not needed: rm %s",
			 path, path);
	else if (!record_is_foreign(&other) && !other.ready)
		complain("an earlier command has left parts of '%s'; first: interposectl recover",
			 name);
	else if (!other.foreign)
		complain("the snapshot %s already exists; choose another --name, or first: interposectl snapshot --remove %s",
			 name, name);
	record_free(&other);
}

/* All of it or nothing: half a line would make the next one unreadable */
static bool write_text(struct record *record, const char *text)
{
	off_t before = lseek(record->fd, 0, SEEK_END);
	int error = 0;
	ssize_t n;

	do
		n = write(record->fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)strlen(text))
		return true;
	error = n < 0 ? errno : ENOSPC;
	if (before >= 0 && ftruncate(record->fd, before))
		error = errno;
	complain("cannot write to %s/%s: %s", state_dir, record->name,
		 strerror(error));
	return false;
}

bool record_begin(struct record *record, const char *name)
{
	char path[512], head[32];

	memset(record, 0, sizeof(*record));
	record->fd = -1;
	snprintf(record->name, sizeof(record->name), "%s", name);
	if (options.dry_run)
		return true;
	record_path(path, sizeof(path), name);
	if (*name == '.')
		unlink(path); /* left by one that was killed */
	record->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND |
				O_CLOEXEC, 0600);
	snprintf(head, sizeof(head), "interposectl %d\n", STATE_VERSION);
	if (record->fd >= 0 && write_text(record, head))
		return true;
	if (record->fd >= 0)
		record_end(record);
	else if (errno == EEXIST)
		complain_of_other(name, path);
	else
		complain("cannot write %s: %s", path, strerror(errno));
	return false;
}

bool record_show(struct record *record)
{
	char hidden[512], path[512];

	record_path(hidden, sizeof(hidden), record->name);
	record_path(path, sizeof(path), record->name + 1);
	if (!options.dry_run && link(hidden, path)) {
		if (errno == EEXIST)
			complain_of_other(record->name + 1, path);
		else
			complain("cannot write %s: %s", path, strerror(errno));
		return false;
	}
	if (!options.dry_run)
		unlink(hidden);
	memmove(record->name, record->name + 1, strlen(record->name));
	return true;
}

static bool write_line(struct record *record, const char *line)
{
	if (options.dry_run)
		return true;
	if (!write_text(record, line))
		return false;
	step_begins();
	return true;
}

static void set_identity(struct record *record, size_t i, const char *identity)
{
	free(record->is[i]);
	record->is[i] = strdup(identity);
}

/* @identity: or "". The line and that are there together, or none of both is. */
__attribute__((format(printf, 3, 0)))
static bool add(struct record *record, const char *identity,
		const char *format, va_list args)
{
	char line[4200 + IDENTITY_MAX + 32] = "undo ", *copy;
	size_t n = strlen(line);

	vsnprintf(line + n, 4200 - n - 1, format, args);
	copy = strchr(line, '\n') || record->n == RECORD_LINES ||
	       strlen(line) >= 4200 - 2 ? NULL : strdup(line + n);
	if (!copy) {
		complain("cannot record how to undo '%s'; use shorter names or fewer devices",
			 line + n);
		return false;
	}
	if (*identity)
		set_identity(record, record->n, identity);
	record->undo[record->n++] = copy;
	strcat(line, "\n");
	n = strlen(line);
	if (*identity)
		snprintf(line + n, sizeof(line) - n, "is %zu %s\n", record->n,
			 identity);
	return write_line(record, line);
}

bool record_undo(struct record *record, const char *format, ...)
{
	va_list args;
	bool good;

	va_start(args, format);
	good = add(record, "", format, args);
	va_end(args);
	return good;
}

bool record_undo_of(struct record *record, const char *identity,
		    const char *format, ...)
{
	va_list args;
	bool good;

	va_start(args, format);
	good = add(record, identity, format, args);
	va_end(args);
	return good;
}

bool record_undo_there(struct record *record, const char *format, ...)
{
	char line[4200], identity[IDENTITY_MAX] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (options.dry_run || undo_identity(line, identity))
		return record_undo_of(record, identity, "%s", line);
	complain("%s is not there any more", strchr(line, ' ') + 1);
	return false;
}

/* The number of the line that is not done yet, or record->n */
static size_t line_of(const struct record *record, const char *line)
{
	size_t i = 0;

	while (i < record->n &&
	       (record->done[i] || strcmp(record->undo[i], line)))
		i++;
	return i;
}

bool record_made(struct record *record, const char *format, ...)
{
	char line[4200], identity[IDENTITY_MAX];
	va_list args;
	size_t i;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	i = line_of(record, line);
	if (options.dry_run || i == record->n || !undo_identity(line, identity))
		return true;
	set_identity(record, i, identity);
	snprintf(line, sizeof(line), "is %zu %s\n", i + 1, identity);
	return write_text(record, line);
}

static bool is_done(struct record *record, size_t i)
{
	char done[32];

	record->done[i] = true;
	snprintf(done, sizeof(done), "done %zu\n", i + 1);
	return options.dry_run || write_text(record, done);
}

void record_made_nothing(struct record *record, const char *format, ...)
{
	char line[4200];
	va_list args;
	size_t i;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	i = line_of(record, line);
	if (i < record->n)
		is_done(record, i);
}

bool record_has(const struct record *record, const char *line)
{
	return line_of(record, line) < record->n;
}

bool record_ready(struct record *record)
{
	record->ready = true;
	return write_line(record, "ready\n");
}

static bool write_all(const struct record *record, FILE *file)
{
	fprintf(file, "interposectl %d\n", STATE_VERSION);
	for (size_t i = 0; i < record->n; i++) {
		fprintf(file, "undo %s\n", record->undo[i]);
		if (record->is[i])
			fprintf(file, "is %zu %s\n", i + 1, record->is[i]);
		if (record->done[i])
			fprintf(file, "done %zu\n", i + 1);
	}
	if (record->ready)
		fputs("ready\n", file);
	return !fflush(file) && !ferror(file);
}

/* With a dot before its name nobody reads it before it is whole */
static bool replace(struct record *record)
{
	char hidden[512], path[512], dotted[NAME_MAX + 2];
	FILE *file = NULL;
	bool good;
	int fd;

	snprintf(dotted, sizeof(dotted), ".%s", record->name);
	record_path(hidden, sizeof(hidden), dotted);
	record_path(path, sizeof(path), record->name);
	unlink(hidden); /* left by one that was killed */
	fd = open(hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		file = fdopen(fd, "w");
	good = file && write_all(record, file) && !rename(hidden, path);
	if (!good) {
		complain("cannot write %s: %s", path, strerror(errno));
		unlink(hidden);
	}
	if (file)
		fclose(file);
	if (record->fd >= 0)
		close(record->fd);
	record->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	return good;
}

/* All lines move by one */
static bool make_room(struct record *record, const char *line)
{
	char *copy = record->n < RECORD_LINES ? strdup(line) : NULL;

	if (!copy) {
		complain("cannot record how to undo '%s': there are too many lines in %s",
			 line, record->name);
		return false;
	}
	memmove(record->undo + 1, record->undo, record->n * sizeof(*record->undo));
	memmove(record->is + 1, record->is, record->n * sizeof(*record->is));
	memmove(record->done + 1, record->done, record->n * sizeof(*record->done));
	record->undo[0] = copy;
	record->is[0] = NULL;
	record->done[0] = false;
	record->n++;
	return true;
}

bool record_add_first(struct record *record, const char *line)
{
	char identity[IDENTITY_MAX];
	size_t i = line_of(record, line);

	if (options.dry_run)
		return true;
	if (!undo_identity(line, identity)) {
		complain("%s is not there any more", strchr(line, ' ') + 1);
		return false;
	}
	if (i == record->n) {
		if (!make_room(record, line))
			return false;
		i = 0;
	}
	set_identity(record, i, identity);
	step_begins();
	return replace(record);
}

/*
 * Reading one
 */

__attribute__((format(printf, 2, 3)))
static void not_understood(struct record *record, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!record->foreign)
		vsnprintf(record->problem, sizeof(record->problem), format,
			  args);
	va_end(args);
	record->foreign = true;
}

static bool read_number(const char *text, size_t most, size_t *number,
			const char **rest)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || !value || value > most ||
	    (*end && *end != ' '))
		return false;
	*number = value - 1;
	*rest = *end ? end + 1 : end;
	return true;
}

static bool add_line(struct record *record, const char *line)
{
	const char *rest;
	size_t i;

	record->ready = !strcmp(line, "ready");
	if (record->ready || !strcmp(line, "removing"))
		return true;
	if (!strncmp(line, "undo ", 5) && undo_knows(line + 5) &&
	    record->n < RECORD_LINES) {
		record->undo[record->n++] = strdup(line + 5);
		return true;
	}
	if (!strncmp(line, "is ", 3) &&
	    read_number(line + 3, record->n, &i, &rest) && *rest &&
	    strlen(rest) < IDENTITY_MAX) {
		set_identity(record, i, rest);
		return true;
	}
	if (!strncmp(line, "done ", 5) &&
	    read_number(line + 5, record->n, &i, &rest) && !*rest) {
		record->done[i] = true;
		return true;
	}
	return false;
}

/* Those of version 1 have neither this line nor numbers */
static bool is_head(const char *line, struct record *record)
{
	static const char head[] = "interposectl ";
	int version;

	if (strncmp(line, head, strlen(head)))
		return false;
	version = atoi(line + strlen(head));
	if (version != STATE_VERSION)
		not_understood(record, "is from another version of interposectl (its format is %.20s, this one knows %d)",
			       line + strlen(head), STATE_VERSION);
	return true;
}

static void read_lines(struct record *record, FILE *file)
{
	char *line = NULL, identity[IDENTITY_MAX];
	size_t size = 0, count = 0;
	bool old = false;
	ssize_t n;

	while (!record->foreign && (n = getline(&line, &size, file)) > 0) {
		if (line[n - 1] != '\n' && feof(file))
			break; /* killed in the middle of it */
		line[n - 1] = '\0';
		if (!count++) {
			old = !is_head(line, record);
			if (!old)
				continue;
		}
		if (strlen(line) != (size_t)n - 1 || !add_line(record, line))
			not_understood(record, "is damaged in line %zu", count);
	}
	if (ferror(file))
		not_understood(record, "cannot be read");
	free(line);
	for (size_t i = 0; old && !record->foreign && i < record->n; i++)
		if (undo_identity(record->undo[i], identity))
			record->is[i] = strdup(identity);
}

bool record_read(struct record *record, const char *name)
{
	struct stat st;
	char path[512];
	FILE *file;
	int fd;

	memset(record, 0, sizeof(*record));
	snprintf(record->name, sizeof(record->name), "%s", name);
	record->fd = -1;
	record_path(path, sizeof(path), name);
	/* whatever else somebody has put there must not hold us up */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return false;
	file = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) ?
		fdopen(fd, "r") : NULL;
	if (!file) {
		if (fd >= 0)
			close(fd);
		not_understood(record, "is not a record");
		return true;
	}
	read_lines(record, file);
	fclose(file);
	if (!options.dry_run && !record->foreign)
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

/*
 * Not by the descriptor that is inherited: a lock on that would be shared with
 * the process that has opened it.
 */
bool record_lock(const struct record *record)
{
	char path[512];
	int fd;

	record_path(path, sizeof(path), record->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && !flock(fd, LOCK_SH);
}

/* Whoever has locked it ends soon, or hangs in the kernel */
static bool record_is_busy(const struct record *record)
{
	char path[512];
	bool busy = true;
	int fd;

	record_path(path, sizeof(path), record->name);
	fd = options.dry_run ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	for (int i = 0; busy && i < BUSY_TENTHS; i++) {
		busy = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
		if (busy)
			usleep(100000);
	}
	close(fd);
	return busy;
}

static bool is(const struct record *record, size_t i, const char *kind)
{
	return !strncmp(record->undo[i], kind, strlen(kind));
}

static bool has_snapshot(const struct record *record)
{
	for (size_t i = 0; i < record->n; i++)
		if (is(record, i, "snapshot ") && !record->done[i])
			return true;
	return false;
}

static bool undo_line(struct record *record, size_t i)
{
	/* of what is ready, its user has suspended it */
	if (record->done[i] || (record->ready && is(record, i, "resume ")))
		return true;
	/* a snapshot that lives needs all that was made before it */
	if (!is(record, i, "snapshot ") && !is(record, i, "resume ") &&
	    !options.dry_run && has_snapshot(record))
		return false;
	if (!undo(record->undo[i], record->is[i] ?: ""))
		return false;
	return is_done(record, i);
}

/* What cannot be undone is left, and the rest is undone all the same */
static bool roll_back(struct record *record, char *why, size_t size)
{
	bool good;

	set_signals(SIG_IGN); /* this is not interrupted */
	capture_complaints(why, size);
	good = !record_is_busy(record);
	if (!good)
		complain("a process of that command waits in the kernel for a device that does not answer, and cannot be ended");
	good = good && (!record->ready || write_line(record, "removing\n"));
	for (size_t i = good ? record->n : 0; i--; )
		good &= undo_line(record, i);
	capture_complaints(NULL, 0);
	if (good)
		record_end(record);
	else
		record_free(record);
	return good;
}

bool record_roll_back(struct record *record)
{
	char why[2000], name[NAME_MAX + 1];

	if (record_is_foreign(record))
		return false;
	snprintf(name, sizeof(name), "%s", record->name);
	if (roll_back(record, why, sizeof(why))) {
		if (*why)
			complain("%s: %s", name, why);
		return true;
	}
	complain("parts of '%s' are left: %s; correct that, then: interposectl recover",
		 name, why);
	return false;
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
		if (entry->d_name[0] == '.' || entry->d_type == DT_DIR)
			continue;
		if (record_read(&record, entry->d_name))
			stop = each(&record, data);
		record_free(&record);
	}
	closedir(dir);
	return stop;
}

/*
 * What others have left
 */

static bool is_suspended(const struct record *record, size_t i)
{
	struct map_info info;

	return is(record, i, "resume ") && !record->done[i] &&
	       map_info(record->undo[i] + strlen("resume "), &info) &&
	       info.suspended;
}

static bool ends_in_time(pid_t pid, int *status)
{
	for (int i = 0; i < RESUME_TENTHS; i++) {
		if (waitpid(pid, status, WNOHANG) != 0)
			return true;
		usleep(100000);
	}
	return false;
}

/* In a process of its own: a resume may hang, and others are still to come */
static bool resume_in_time(const struct record *record, size_t i)
{
	const char *name = record->undo[i] + strlen("resume ");
	int status = 1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		state_leave();
		map_without_udev();
		_exit(!undo(record->undo[i], record->is[i] ?: "") ||
		      is_suspended(record, i));
	}
	if (pid > 0 && !ends_in_time(pid, &status)) {
		complain("%s is suspended, and resuming it takes too long: its I/O does not complete",
			 name);
		return false;
	}
	if (!status)
		complain("%s was suspended, and is resumed", name);
	return true;
}

/* False: one of them hangs */
static bool resume_suspended(const struct record *record)
{
	bool good = true;

	for (size_t i = record->n; i--; )
		if (!record->ready && !record->foreign &&
		    is_suspended(record, i))
			good &= resume_in_time(record, i);
	return good;
}

static bool resume_of_others(struct record *record, void *data)
{
	(void)data;
	resume_suspended(record);
	return false;
}

static bool warn_of(struct record *record, void *data)
{
	(void)data;
	if (record_is_foreign(record) || record->ready)
		return false;
	for (size_t i = 0; i < record->n; i++)
		if (is_suspended(record, i))
			complain("%s is suspended, and the I/O of its device waits",
				 record->undo[i] + strlen("resume "));
	complain("'%s' was not completed; to clean up: interposectl recover",
		 record->name);
	return false;
}

size_t state_left;

static char **recovered;
static size_t n_recovered;

bool state_recovered(const char *name)
{
	for (size_t i = 0; i < n_recovered; i++)
		if (!strcmp(recovered[i], name))
			return true;
	return false;
}

static void note_recovered(const char *name)
{
	char **more = reallocarray(recovered, n_recovered + 1, sizeof(*more));

	if (!more)
		return;
	recovered = more;
	recovered[n_recovered] = strdup(name);
	n_recovered += recovered[n_recovered] != NULL;
}

/* One that cannot be undone hinders nobody who wants something else */
static bool recover_one(struct record *record, void *data)
{
	char name[NAME_MAX + 1], why[2000];

	(void)data;
	if (record_is_foreign(record)) {
		state_left++;
		return false;
	}
	if (record->ready)
		return false;
	snprintf(name, sizeof(name), "%s", record->name);
	if (!resume_suspended(record)) {
		state_left++;
		return false;
	}
	if (roll_back(record, why, sizeof(why))) {
		note_recovered(name);
		complain("'%s' was not completed, and is undone%s%s", name,
			 *why ? ": " : "", why);
	} else {
		state_left++;
		complain("'%s' was not completed, and cannot be undone: %s; correct that, then: interposectl recover",
			 name, why);
	}
	return false;
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

/* "1: FLOCK  ADVISORY  WRITE 1234 00:17:567 0 EOF"; 0: cannot be told */
static int lock_owner(void)
{
	FILE *file = fopen("/proc/locks", "re");
	char line[256], kind[16];
	unsigned long inode;
	int pid, owner = 0;
	struct stat st;

	while (file && !fstat(lock, &st) && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s FLOCK %*s %15s %d %*x:%*x:%lu", kind,
			   &pid, &inode) == 3 &&
		    !strcmp(kind, "WRITE") && inode == st.st_ino)
			owner = pid;
	if (file)
		fclose(file);
	return owner;
}

static bool take_lock(bool patient)
{
	for (int tenths = 0; flock(lock, LOCK_EX | LOCK_NB); tenths++) {
		if ((errno != EINTR && errno != EWOULDBLOCK) || interrupted())
			return false;
		if (tenths == NOTICE_TENTHS)
			complain("waiting for another interposectl, process %d",
				 lock_owner());
		if (tenths >= LOCK_TENTHS && !patient) {
			record_each(resume_of_others, NULL);
			complain("another interposectl, process %d, does not end; what it had suspended was resumed; end that process, then: interposectl recover",
				 lock_owner());
			return false;
		}
		usleep(100000);
	}
	return true;
}

bool state_enter(bool changes, bool patient)
{
	if (geteuid()) {
		complain("this needs root, like all of device-mapper; try sudo");
		return false;
	}
	if (!changes || options.dry_run) {
		look_for_traces();
		return true;
	}
	set_signals(note_signal);
	signal(SIGPIPE, SIG_IGN); /* who reads the messages may go away */
	if (!open_lock()) {
		complain("cannot write to %s: %s", state_dir,
			 strerror(errno));
		return false;
	}
	if (!take_lock(patient))
		return false;
	record_each(recover_one, NULL);
	return true;
}

void state_leave(void)
{
	if (lock >= 0)
		close(lock);
	lock = -1;
}
