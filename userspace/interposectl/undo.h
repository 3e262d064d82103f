/* SPDX-License-Identifier: GPL-2.0 */
#ifndef INTERPOSECTL_UNDO_H
#define INTERPOSECTL_UNDO_H

#include <stdbool.h>
#include <stddef.h>

#define IDENTITY_MAX	160
/* On logical volumes that are made for snapshots */
#define LV_TAG		"interposectl"

/* A line of a record, without "undo ", that undo() understands */
bool undo_knows(const char *line);

/*
 * What a line has made, by number, without a blank: a name may be given to
 * something else meanwhile. False: it is not there.
 */
bool undo_identity(const char *line, char *identity);

/*
 * @identity: what it was when it was made; or by what it is to be known, behind a
 * '?', or "", if nobody has seen it made: by a process that was killed in the step,
 * perhaps, or by somebody else.
 * False: it could not be done, and why has been complained of.
 */
bool undo(const char *line, const char *identity);

#endif
