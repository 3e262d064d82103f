/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --to -: all of a source on standard output, as it is, for another program
 */
#ifndef BACKUP_STREAM_H
#define BACKUP_STREAM_H

#include "source.h"

/* False: it has been said why, and what was printed is not all of it */
bool stream(struct source *source);

#endif
