// SPDX-License-Identifier: GPL-2.0
/*
 * Records: what is read of those that are damaged, and that one which cannot be
 * undone hinders nobody. Undoing is done by the test itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "map.h"
#include "say.h"
#include "state.h"
#include "tap.h"
#include "undo.h"

#define MAPS 3

static char undone[1024];	/* what undo() was told, with blanks between */
static const char *stuck;	/* the line that cannot be undone */
static char said[8192];

/* Mapped devices that may be suspended, in memory that processes share */
static struct {
	atomic_bool suspended, hangs;
} *maps;

/* "0" and so on */
bool map_info(const char *name, struct map_info *info)
{
	memset(info, 0, sizeof(*info));
	if (strlen(name) != 1 || *name < '0' || *name >= '0' + MAPS)
		return false;
	info->suspended = atomic_load(&maps[*name - '0'].suspended);
	return true;
}

void map_without_udev(void)
{
}

static void resume(int i)
{
	while (atomic_load(&maps[i].hangs))
		usleep(1000);
	atomic_store(&maps[i].suspended, false);
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
	if (!strncmp(line, "resume ", 7) && line[7] >= '0' &&
	    line[7] < '0' + MAPS)
		resume(line[7] - '0');
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
static bool patient = true;

static bool enter(void)
{
	bool good;

	*undone = '\0';
	state_left = 0;
	capture_complaints(NULL, 0);
	rewind(stderr);
	if (ftruncate(fileno(stderr), 0))
		return false;
	good = state_enter(true, patient);
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
	   record_made(&record, "interposer x") &&
	   record_undo(&record, "file /odd!") &&
	   record_made(&record, "file /odd!") &&
	   record_undo(&record, "snapshot t") &&
	   record_undo_of(&record, "?tag", "loop /a") &&
	   record_undo(&record, "snapshot s") &&
	   record_made(&record, "snapshot s"));
	record_made_nothing(&record, "snapshot t");
	is("of what is there", record_undo_there(&record, "resume x") &&
	   !record_undo_there(&record, "resume gone!"));
	is("no line with two", !record_undo(&record, "file /a\nb"));
	is("nor one that is too long", !record_undo(&record, "file %05000d", 1));
	is("ready", record_ready(&record));
	record_free(&record);
	is("it is read as it was written", record_read(&record, "new") &&
	   record.ready && !record.foreign && record.n == 6 &&
	   !strcmp(record.undo[1], "file /odd!"));
	is("with the numbers of what was made", record.is[0] && record.is[4] &&
	   !record.is[1] && !strcmp(record.is[0], "12/34") &&
	   !strcmp(record.is[5], "12/34"));
	is("or by what it is to be known", !strcmp(record.is[3], "?tag") &&
	   !record.is[2]);
	is("has what it has", record_has(&record, "snapshot s") &&
			      !record_has(&record, "snapshot"));
	is("and not what it has not made", record.done[2] &&
	   !record_has(&record, "snapshot t"));
	stuck = "file /odd!";
	*undone = '\0';
	is("removed in part", !record_roll_back(&record) &&
	   !strcmp(undone, "snapshot s=12/34,loop /a=?tag,interposer x=12/34,"));
	is("what is undone is not its any more", record_read(&record, "new") &&
	   !record_has(&record, "snapshot s") &&
	   record_has(&record, "file /odd!") && !record.ready);
	record_free(&record);
	is("one at a time", !record_begin(&record, "new"));
	stuck = NULL;
	is("then all", enter() && !strcmp(undone, "resume x=12/34,file /odd!,") && !is_there("new"));
}

static void test_added(void)
{
	struct record record;

	put_record("grown", "interposectl 2\nundo file /a\nis 1 56/78\nundo snapshot s\nundo file /c\ndone 3\nready\n");
	put_record(".grown", "left by one that was killed");
	is("what is added later", record_read(&record, "grown") &&
				  record_add_first(&record, "file /b"));
	is("is there with its number", record.n == 4 && record.ready &&
				       !strcmp(record.is[0], "12/34"));
	is("what is not there is not added", !record_add_first(&record, "file /gone!"));
	record_free(&record);
	is("it is read so", record_read(&record, "grown") && record.ready &&
	   record.n == 4 && !strcmp(record.undo[0], "file /b") &&
	   !strcmp(record.is[1], "56/78") && !record.is[2] && record.done[3] &&
	   !is_there(".grown"));
	is("once more it is the same line", record_add_first(&record, "file /a") &&
	   record.n == 4 && !strcmp(record.is[1], "12/34"));
	is("a line can follow", record_made(&record, "snapshot s"));
	*undone = '\0';
	is("undone last", record_roll_back(&record) &&
	   !strcmp(undone, "snapshot s=12/34,file /a=12/34,file /b=12/34,") &&
	   !is_there("grown"));
}

static void test_hidden(void)
{
	struct record record;

	put_record(".one", "interposectl 2\nundo file /a\n");
	is("what is hidden is not undone", enter() && !*undone);
	is("one that a process has left is written anew",
	   record_begin(&record, ".one") && record_undo(&record, "file /b"));
	put_record("one", "interposectl 2\nready\n");
	is("it is not shown where there is one already", !record_show(&record));
	drop_record("one");
	is("else it is", record_show(&record) && !strcmp(record.name, "one"));
	record_free(&record);
	is("and undone from then on", enter() && !strcmp(undone, "file /b,"));
}

static void suspend(bool hangs)
{
	for (int i = 0; i < MAPS; i++)
		atomic_store(&maps[i].suspended, true);
	atomic_store(&maps[1].hangs, hangs);
}

static bool resumed(int i)
{
	return !atomic_load(&maps[i].suspended);
}

/* Somebody has locked it, and does not end */
static pid_t hold(const char *name, int kind)
{
	char path[300], word;
	int ready[2];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		if (flock(open(path, O_RDWR | O_CREAT, 0600), kind) ||
		    write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &word, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static void drop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static const char three[] = "interposectl 2\nundo interposer x\n"
	"undo resume 0\nundo resume 1\nundo resume 2\n";

static void test_suspended(void)
{
	put_record("snap", three);
	suspend(false);
	is("what was left suspended is resumed", enter() && resumed(0) &&
	   resumed(1) && resumed(2) && strstr(said, "1 was suspended") &&
	   !is_there("snap"));
	put_record("snap", three);
	suspend(true);
	is("a resume that hangs does not hold up the others", enter() &&
	   resumed(0) && !resumed(1) && resumed(2) && state_left == 1 &&
	   is_there("snap") &&
	   strstr(said, "1 is suspended, and resuming it takes too long"));
	atomic_store(&maps[1].hangs, false);
	is("later it is undone", enter() && resumed(1) && !is_there("snap"));
}

static void test_locked(void)
{
	char process[32];
	pid_t pid;

	put_record("snap", three);
	suspend(false);
	pid = hold("snap", LOCK_SH);
	is("what a process works on is not undone beneath it, but resumed",
	   pid > 0 && enter() && !*undone && is_there("snap") && resumed(1) &&
	   state_left == 1 && strstr(said, "waits in the kernel"));
	drop(pid);
	is("when that is gone, it is", enter() && !is_there("snap") &&
	   strstr(undone, "interposer x,"));

	put_record("snap", three);
	suspend(true);
	pid = hold(".lock", LOCK_EX);
	patient = false;
	is("recover does not wait for ever for another command", pid > 0 &&
	   !enter() && strstr(said, "does not end") && is_there("snap"));
	snprintf(process, sizeof(process), "process %d,", pid);
	is("and names that", strstr(said, process));
	is("and resumes what that has suspended", resumed(0) && resumed(2) &&
	   !resumed(1));
	atomic_store(&maps[1].hangs, false);
	drop(pid);
	is("when that is gone, it undoes it", enter() && !is_there("snap"));
	patient = true;
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
	maps = mmap(NULL, MAPS * sizeof(*maps), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (maps == MAP_FAILED)
		return 1;
	snprintf(path, sizeof(path), "%s/.said", directory);
	if (!freopen(path, "w+", stderr))
		return 1;
	test_undo();
	test_stuck();
	test_damaged();
	test_writing();
	test_added();
	test_hidden();
	test_suspended();
	test_locked();
	unlink(path);
	snprintf(path, sizeof(path), "%s/.lock", directory);
	unlink(path);
	is("nothing else is left there", !rmdir(directory));
	return done();
}
