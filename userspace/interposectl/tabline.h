/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A line of an interposetab: it is added and removed as a whole, also if the power
 * fails. False: it has been said why
 */
#ifndef INTERPOSECTL_TABLINE_H
#define INTERPOSECTL_TABLINE_H

#include <stdbool.h>
#include <stddef.h>

/* Instead of the one with that name, if there is one */
bool tabline_add(const char *file, const char *name, const char *line);
bool tabline_remove(const char *file, const char *name);
/* The file on the device itself that it names; false: there is none, or no line */
bool tabline_own(const char *file, const char *name, char *path, size_t size);

#endif
