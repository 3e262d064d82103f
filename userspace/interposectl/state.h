/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is to be undone if this program ends early. Before each step that
 * changes something, its opposite is written down, and when the step has been seen
 * to succeed, what was made, by its number:
 *
 *     /run/interposectl/sda1-snap        interposectl 2
 *                                        undo interposer interpose-sda1
 *                                        is 253:0/42
 *                                        undo loop /var/tmp/cow
 *                                        is 7:0/43
 *                                        undo snapshot sda1-snap
 *                                        undo resume interpose-sda1
 *                                        ready
 *
 * Without "ready" at the end it is the trace of an operation that did not get
 * to its end. Undone is from the last line to the first one, which is also how
 * a snapshot is removed. Each undo may be repeated, and may find nothing to do.
 * What cannot be undone stays, and hinders nobody else; what is undone gets a
 * line "done 3", since its name may be given to something else now. So does what
 * was never made: if the kernel refuses to create what has that name already, then
 * that is somebody else's.
 *
 * A line without a number is that of a step in which the program was killed. Its
 * name alone tells whether there is something to be undone, and undo.c asks for
 * more than a name. Something may be known before the step, such as a tag by which
 * a logical volume is found; that is written with the line, "is 3 ?interposectl-5f".
 *
 * What a command makes for an operation that is ready, such as the second file of a
 * COW store, has a record of its own until it is done. Then its line is the first one
 * of that operation's record, which is written anew as a whole.
 *
 * A last line without its end is what a writer has left who was killed in it,
 * before the step. A record with anything else that is not understood is left
 * alone, and named.
 */
#ifndef INTERPOSECTL_STATE_H
#define INTERPOSECTL_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define STATE_DIR	"/run/interposectl"
#define STATE_VERSION	2
#define RECORD_LINES	256

struct record {
	char name[NAME_MAX + 1];
	char *undo[RECORD_LINES];
	char *is[RECORD_LINES];		/* what was made, or NULL; see undo.h */
	bool done[RECORD_LINES];
	size_t n;
	bool ready;
	bool foreign;			/* not understood, so not to be touched */
	char problem[128];		/* then: why */
	int fd;
};

/*
 * Alone if @changes, and then after cleaning up what others have left. Who is not
 * @patient waits ten seconds for that: then what another command has suspended is
 * resumed, and this is false.
 */
bool state_enter(bool changes, bool patient);
void state_leave(void);

/* Somebody wants this program to end; asked where it can be undone */
bool interrupted(void);

/* @directory is STATE_DIR, but for unit tests */
extern const char *state_dir;

/* With a dot before its name nobody undoes it, until it is shown without it */
bool record_begin(struct record *record, const char *name);
bool record_show(struct record *record);
bool record_read(struct record *record, const char *name);
/* To be called before what it is to undo is done */
bool record_undo(struct record *record, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, and by what it is to be known; without a blank */
bool record_undo_of(struct record *record, const char *identity,
		    const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for what the step does to something that is there already */
bool record_undo_there(struct record *record, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * The step of that line has succeeded, and what has the name is what it has made.
 * False: that could not be written down; in this process it is known all the same.
 */
bool record_made(struct record *record, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* It has made nothing, so there is nothing to be undone */
void record_made_nothing(struct record *record, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Nobody undoes it as long as this process lives, even if the one that has begun
 * it is gone. False: it is undone already.
 */
bool record_lock(const struct record *record);
bool record_has(const struct record *record, const char *line);
/*
 * Of what is ready: this is there now, too, and is undone last. All of that is in
 * the record, or nothing is. A line that is there already is of what was made before.
 */
bool record_add_first(struct record *record, const char *line);
bool record_ready(struct record *record);
/* The operation has nothing to be undone any more */
void record_end(struct record *record);
/* False: something could not be undone, has been complained about, and stays */
bool record_roll_back(struct record *record);
void record_free(struct record *record);

/* All but what is being written; @each returns true to stop */
bool record_each(bool (*each)(struct record *record, void *data), void *data);

/* It cannot be used, which has been said */
bool record_is_foreign(const struct record *record);

/* Of what did not get to its end, when this command began, so many are left */
extern size_t state_left;
/* And this one was cleaned up */
bool state_recovered(const char *name);

#endif
