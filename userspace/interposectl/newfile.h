/* SPDX-License-Identifier: GPL-2.0 */
/*
 * New files that hold space: all of it is allocated before they are used
 */
#ifndef INTERPOSECTL_NEWFILE_H
#define INTERPOSECTL_NEWFILE_H

#include <stdint.h>

#include "state.h"

/* Also a link that leads nowhere */
bool file_exists(const char *path);
bool file_path_is_good(const char *path);
/*
 * Empty, after record_undo() of @line. Whatever gets that name from now on: it is
 * this file that is written to. -1: it has been said why
 */
int file_create(struct record *record, const char *line, const char *path);
/*
 * @fd: it, or -1 if it was only printed. How to undo it is in the record. False: it
 * has been said why.
 */
bool file_make(struct record *record, const char *path, uint64_t bytes, int *fd);
/* @in_memory: it is given up before there is too little of that */
bool write_zeroes(int fd, const char *path, uint64_t bytes, bool in_memory);

#endif
