/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is to be undone if this program ends early. Before each step that
 * changes something, its opposite is written down:
 *
 *     /run/interposectl/sda1-snap        undo interposer interpose-sda1
 *                                        undo loop /var/tmp/cow
 *                                        undo snapshot sda1-snap
 *                                        undo resume interpose-sda1
 *                                        ready
 *
 * Without "ready" at the end it is the trace of an operation that did not get
 * to its end. Undone is from the last line to the first one, which is also how
 * a snapshot is removed. Each undo may be repeated, and may find nothing to do.
 */
#ifndef INTERPOSECTL_STATE_H
#define INTERPOSECTL_STATE_H

#include <stdbool.h>
#include <stddef.h>

#define STATE_DIR	"/run/interposectl"
#define RECORD_LINES	256

struct record {
	char name[128];
	char *undo[RECORD_LINES];
	size_t n;
	bool ready;
	int fd;
};

/* Alone if @changes, and then after cleaning up what others have left */
bool state_enter(bool changes);
void state_leave(void);

/* Somebody wants this program to end; asked where it can be undone */
bool interrupted(void);

/* @directory is STATE_DIR, but for unit tests */
extern const char *state_dir;

bool record_begin(struct record *record, const char *name);
bool record_read(struct record *record, const char *name);
bool record_undo(struct record *record, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool record_has(const struct record *record, const char *line);
bool record_ready(struct record *record);
/* The operation has nothing to be undone any more */
void record_end(struct record *record);
/* False: something could not be undone, has been complained about, and stays */
bool record_roll_back(struct record *record);
void record_free(struct record *record);

/* All but what is being written; @each returns true to stop */
bool record_each(bool (*each)(struct record *record, void *data), void *data);

/* Cleans up after all that did not get to its end */
bool state_recover(void);

#endif
