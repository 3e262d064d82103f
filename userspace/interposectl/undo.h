/* SPDX-License-Identifier: GPL-2.0 */
#ifndef INTERPOSECTL_UNDO_H
#define INTERPOSECTL_UNDO_H

#include <stdbool.h>

/* One line of a record, without "undo ". False: it could not be done */
bool undo(const char *line);

#endif
