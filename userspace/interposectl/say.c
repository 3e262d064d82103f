// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

struct options options;

extern char **environ;

/*
 * Messages
 */

/* Messages that have to wait, in memory */
static char held[8192];
static size_t n_held;
static bool holding;

void hold_messages(bool hold)
{
	holding = hold;
	if (hold)
		return;
	fwrite(held, 1, n_held, stderr);
	n_held = 0;
}

void take_messages(char *text, size_t size)
{
	snprintf(text, size, "%.*s", (int)n_held, held);
	n_held = 0;
}

__attribute__((format(printf, 1, 0)))
static void message(const char *format, va_list args)
{
	int n;

	if (!holding) {
		vfprintf(stderr, format, args);
		return;
	}
	n = vsnprintf(held + n_held, sizeof(held) - n_held, format, args);
	if (n > 0 && n_held + n < sizeof(held))
		n_held += n;
}

__attribute__((format(printf, 1, 2)))
static void put(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(format, args);
	va_end(args);
}

void open_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/*
 * What was done, on standard output. It is done also if nobody can be told, so
 * that is no failure; of what a command is to print it is one, see main().
 */
void say(const char *format, ...)
{
	va_list args;

	if (options.quiet || options.dry_run)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (fflush(stdout)) {
		__fpurge(stdout);
		clearerr(stdout);
	}
}

static char *captured;
static size_t capture_size;

void capture_complaints(char *text, size_t size)
{
	captured = text;
	capture_size = size;
	if (text)
		*text = '\0';
}

__attribute__((format(printf, 1, 0)))
static void capture(const char *format, va_list args)
{
	size_t n = strlen(captured);

	if (n)
		n += snprintf(captured + n, capture_size - n, "; ");
	if (n < capture_size)
		vsnprintf(captured + n, capture_size - n, format, args);
}

static void vcomplain(const char *format, va_list args)
{
	if (captured) {
		capture(format, args);
		return;
	}
	if (!holding)
		fflush(stdout);
	put("interposectl: ");
	message(format, args);
	put("\n");
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcomplain(format, args);
	va_end(args);
}

enum status refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcomplain(format, args);
	va_end(args);
	return FAILED;
}

/* On a terminal alone; 100 ends the line */
void progress(const char *what, unsigned int percent)
{
	static const char bar[] = "########################################";
	int done = percent * (sizeof(bar) - 1) / 100;

	if (options.quiet || options.dry_run || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%s [%-40.*s] %3u%%", what, done, bar, percent);
	if (percent >= 100)
		fputc('\n', stderr);
}

/*
 * Steps
 */

__attribute__((weak)) void step_begins(void)
{
}

bool step(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (options.dry_run) {
		vprintf(format, args);
		putchar('\n');
	} else if (options.verbose) {
		message(format, args);
		put("\n");
	}
	va_end(args);
	if (options.dry_run)
		return false;
	step_begins();
	return true;
}

/* For a shell. A word that does not fit becomes one that cannot be meant. */
char *quote(const char *word, char *out, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_";
	size_t n = 0;

	if (*word && !word[strspn(word, plain)]) {
		snprintf(out, size, "%s", word);
		return out;
	}
	out[n++] = '\'';
	for (; *word && n + 6 < size; word++) {
		if (*word == '\'')
			n += snprintf(out + n, size - n, "'\\''");
		else
			out[n++] = *word;
	}
	snprintf(out + n, size - n, "'");
	return out;
}

/*
 * Other programs get the three standard ones and no more: neither those of
 * libdevmapper, nor what whoever has started this one has left open. lvm2 would
 * warn of each.
 */
void keep_descriptors(void)
{
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* @output: where all goes that it says, or -1 */
static int spawn_and_wait(const char *const argv[], int output)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int status, error;
	pid_t pid;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
					POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&files);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		if (output >= 0)
			posix_spawn_file_actions_adddup2(&files, output, fd);
		else
			posix_spawn_file_actions_addopen(&files, fd, "/dev/null",
							 O_WRONLY, 0);
	}
	fflush(NULL);
	keep_descriptors();
	error = posix_spawnp(&pid, argv[0], &files, &attr, (char **)argv,
			     environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (error) {
		complain("cannot run %s: %s; install it", argv[0],
			 strerror(error));
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void repeat(int output)
{
	char text[4096];
	ssize_t n;

	lseek(output, 0, SEEK_SET);
	while ((n = read(output, text, sizeof(text))) > 0)
		put("%.*s", (int)n, text);
}

/*
 * A step that is another program. Returns its exit status, or -1. What it says
 * is of interest if it fails, and with --verbose.
 */
int run(const char *const argv[])
{
	char line[4096], word[1024];
	int output, status;
	size_t n = 0;

	for (int i = 0; argv[i] && n < sizeof(line); i++)
		n += snprintf(line + n, sizeof(line) - n, "%s%s", i ? " " : "",
			      quote(argv[i], word, sizeof(word)));
	if (!step("%s", line))
		return 0;
	output = memfd_create("output", MFD_CLOEXEC);
	status = spawn_and_wait(argv, output);
	if (output >= 0 && (status || options.verbose))
		repeat(output);
	if (output >= 0)
		close(output);
	return status;
}

bool looks(const char *const argv[])
{
	return !spawn_and_wait(argv, -1);
}
