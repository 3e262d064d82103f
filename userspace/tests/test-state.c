// SPDX-License-Identifier: GPL-2.0
/*
 * Records: what is read of those that are damaged, and that one which cannot be
 * undone hinders nobody. Undoing is done by the test itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map.h"
#include "say.h"
#include "state.h"
#include "tap.h"
#include "undo.h"

static char undone[1024];	/* what undo() was told, with blanks between */
static const char *stuck;	/* the line that cannot be undone */
static char said[8192];

bool map_info(const char *name, struct map_info *info)
{
	(void)name;
	memset(info, 0, sizeof(*info));
	return false;
}

bool undo_knows(const char *line)
{
	return !strncmp(line, "file ", 5) || !strncmp(line, "loop ", 5) ||
	       !strncmp(line, "snapshot ", 9) || !strncmp(line, "resume ", 7) ||
	       !strncmp(line, "interposer ", 11);
}

bool undo_identity(const char *line, char *identity)
{
	strcpy(identity, line[strlen(line) - 1] == '!' ? "" : "12/34");
	return *identity;
}

bool undo(const char *line, const char *identity)
{
	if (stuck && !strcmp(line, stuck)) {
		complain("it sticks");
		return false;
	}
	strcat(undone, line);
	strcat(undone, *identity ? "=" : "");
	strcat(undone, identity);
	strcat(undone, ",");
	return true;
}

static void put_record(const char *name, const char *text)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	file = fopen(path, "w");
	fwrite(text, 1, strlen(text), file);
	fclose(file);
}

static bool is_there(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	return !access(path, F_OK);
}

static void drop_record(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	unlink(path);
}

/* The beginning of a command that changes something */
static bool enter(void)
{
	bool good;

	*undone = '\0';
	state_left = 0;
	capture_complaints(NULL, 0);
	rewind(stderr);
	if (ftruncate(fileno(stderr), 0))
		return false;
	good = state_enter(true);
	fflush(stderr);
	memset(said, 0, sizeof(said));
	if (pread(fileno(stderr), said, sizeof(said) - 1, 0) < 0)
		return false;
	state_leave();
	return good;
}

static size_t lines_said(void)
{
	size_t n = 0;

	for (const char *at = said; *at; at++)
		n += *at == '\n';
	return n;
}

static void test_undo(void)
{
	put_record("one", "interposectl 2\nundo interposer x\nis 1 9/9\nundo file /a b\nundo snapshot s\nundo resume x\n");
	is("goes on", enter());
	is("backwards, with the numbers there are",
	   !strcmp(undone, "resume x,snapshot s,file /a b,interposer x=9/9,"));
	is("nothing is left", !is_there("one") && !state_left &&
			      state_recovered("one"));
	put_record("old", "undo interposer x\nundo file /a\n");
	is("version 1: what is there now is it", enter() &&
	   !strcmp(undone, "file /a=12/34,interposer x=12/34,"));
	put_record("none", "");
	is("killed at once", enter() && !is_there("none"));
	put_record("cut", "interposectl 2\nundo file /a\nundo file /b");
	is("killed in a line", enter() && !strcmp(undone, "file /a,") &&
			       !is_there("cut"));
	put_record("ready", "interposectl 2\nundo file /a\nis 1 1/1\nready\n");
	is("what is ready is left", enter() && !*undone && is_there("ready"));
	drop_record("ready");
}

static void test_stuck(void)
{
	stuck = "file /b";
	put_record("one", "interposectl 2\nundo interposer x\nundo file /b\nundo file /c\n");
	put_record("two", "interposectl 2\nundo file /d\n");
	is("goes on", enter());
	is("with all that can be undone", strstr(undone, "file /c,interposer x,") &&
					  strstr(undone, "file /d,"));
	is("that one is left, and counted", is_there("one") && !is_there("two") &&
					    state_left == 1);
	is("and said once, with its name, why, and what to do",
	   lines_said() == 2 && strstr(said, "'one' was not completed, and cannot be undone: it sticks; correct that, then: interposectl recover"));
	is("again only what is left", enter() && !*undone && lines_said() == 1);
	stuck = NULL;
	is("until it can be undone", enter() && !strcmp(undone, "file /b,") &&
				     !is_there("one") && !state_left);

	stuck = "snapshot s";
	put_record("one", "interposectl 2\nundo interposer x\nundo file /b\nundo loop /b\nundo snapshot s\nundo snapshot t\nundo resume x\n");
	is("under a snapshot that lives nothing is taken away",
	   enter() && !strcmp(undone, "resume x,snapshot t,"));
	stuck = NULL;
	is("and all when it is gone", enter() &&
	   !strcmp(undone, "snapshot s,loop /b,file /b,interposer x,"));
}

static void test_damaged(void)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "interposectl 2\nundo file /a\nrubbish\n", "damaged in line 3" },
		{ "interposectl 2\nundo frob /a\n", "damaged in line 2" },
		{ "interposectl 2\nundo file \n\n", "damaged in line 3" },
		{ "interposectl 2\nundo file /a\nis 2 1/1\n", "damaged in line 3" },
		{ "interposectl 2\nundo file /a\nis 0 1/1\n", "damaged in line 3" },
		{ "interposectl 2\nundo file /a\ndone x\n", "damaged in line 3" },
		{ "interposectl 2\nundo file /a\ndone 1 2\n", "damaged in line 3" },
		{ "interposectl 3\nundo file /a\n", "another version" },
		{ "interposectl \n", "another version" },
		{ "\xff\xfe\n", "damaged in line 1" },
		{ "\n", "damaged in line 1" },
		{ "undo file /a\ninterposectl 2\n", "damaged in line 2" },
	};
	char path[300], text[300 * 20] = "interposectl 2\n";
	struct record record;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		put_record("bad", bad[i].text);
		put_record("good", "interposectl 2\nundo file /g\n");
		is(bad[i].says, enter() && !strcmp(undone, "file /g,") &&
		   is_there("bad") && state_left == 1 &&
		   strstr(said, bad[i].says) && strstr(said, "rm ") &&
		   strstr(said, "/bad"));
	}
	for (int i = 0; i < RECORD_LINES + 1; i++)
		strcat(text, "undo file /a\n");
	put_record("bad", text);
	is("too many lines", enter() && strstr(said, "damaged in line 258"));
	is("no snapshot takes its name", !record_begin(&record, "bad"));
	drop_record("bad");
	snprintf(path, sizeof(path), "%s/bad", state_dir);
	mkfifo(path, 0600);
	is("a pipe does not hold it up", enter() && strstr(said, "is not a record"));
	unlink(path);
	is("nor a link", !symlink("/etc/passwd", path) && enter() &&
	   strstr(said, "is not a record"));
	unlink(path);
	mkdir(path, 0700);
	is("directories are others'", enter() && !lines_said());
	rmdir(path);
}

static void test_writing(void)
{
	struct record record;

	is("begun", record_begin(&record, "new"));
	is("with lines", record_undo(&record, "interposer x") &&
	   record_undo(&record, "file /odd!") && record_undo(&record, "snapshot s"));
	is("no line with two", !record_undo(&record, "file /a\nb"));
	is("nor one that is too long", !record_undo(&record, "file %05000d", 1));
	is("ready", record_ready(&record));
	record_free(&record);
	is("it is read as it was written", record_read(&record, "new") &&
	   record.ready && !record.foreign && record.n == 3 &&
	   !strcmp(record.undo[1], "file /odd!"));
	is("with the numbers of what was made", record.is[0] && record.is[2] &&
	   !record.is[1] && !strcmp(record.is[0], "12/34"));
	is("has what it has", record_has(&record, "snapshot s") &&
			      !record_has(&record, "snapshot"));
	stuck = "file /odd!";
	*undone = '\0';
	is("removed in part", !record_roll_back(&record) &&
	   !strcmp(undone, "snapshot s=12/34,interposer x=12/34,"));
	is("what is undone is not its any more", record_read(&record, "new") &&
	   !record_has(&record, "snapshot s") &&
	   record_has(&record, "file /odd!") && !record.ready);
	record_free(&record);
	is("one at a time", !record_begin(&record, "new"));
	stuck = NULL;
	is("then all", enter() && !strcmp(undone, "file /odd!,") && !is_there("new"));
}

int main(void)
{
	char directory[] = "/tmp/test-state.XXXXXX", path[64];

	if (geteuid()) {
		printf("1..0 # skip: needs root\n");
		return 0;
	}
	if (!mkdtemp(directory))
		return 1;
	state_dir = directory;
	snprintf(path, sizeof(path), "%s/.said", directory);
	if (!freopen(path, "w+", stderr))
		return 1;
	test_undo();
	test_stuck();
	test_damaged();
	test_writing();
	unlink(path);
	snprintf(path, sizeof(path), "%s/.lock", directory);
	unlink(path);
	is("nothing else is left there", !rmdir(directory));
	return done();
}
