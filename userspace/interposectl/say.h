/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Output, and the steps of which all work consists.
 *
 *     subcommand --> step("dmsetup suspend %s", x) --> does it
 *                          |
 *                          +-- --dry-run: prints it, and nothing is done
 *
 * What --dry-run prints is therefore what would be done, as lines that a shell
 * could run.
 */
#ifndef INTERPOSECTL_SAY_H
#define INTERPOSECTL_SAY_H

#include <stdbool.h>
#include <stddef.h>

enum status {
	DONE		= 0,
	FAILED		= 1,	/* or refused */
	USAGE		= 2,
	UNDONE		= 3,	/* interrupted, and as it was before */
	NEEDS_FULL	= 4,	/* what changed is not known, only a full backup is complete */
};

struct options {
	bool dry_run;
	bool quiet;
	bool verbose;
};

extern struct options options;

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
enum status refuse(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/*
 * Messages are kept until hold_messages(false): what standard error is
 * connected to may not take them now
 */
void hold_messages(bool hold);
/* What is held, for another process to print */
void take_messages(char *text, size_t size);

/*
 * What is complained of meanwhile goes to @text instead, without the program's
 * name and with "; " between, until capture_complaints(NULL, 0)
 */
void capture_complaints(char *text, size_t size);

/*
 * A program that is started with standard input, output or error closed would
 * get their numbers for the files that it opens, and print into them. To be
 * called before anything is opened.
 */
void open_standard_files(void);

/* True: it is for the caller to do, false: printing it was all */
bool step(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Before each step, for tests that kill the program there */
void step_begins(void);

/* From other programs; to be called before one is started */
void keep_descriptors(void);

int run(const char *const argv[]);
/* No step, and its output is of no interest: does it succeed? */
bool looks(const char *const argv[]);
char *quote(const char *word, char *out, size_t size);

void progress(const char *what, unsigned int percent);

#endif
