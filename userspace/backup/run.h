/* SPDX-License-Identifier: GPL-2.0 */
/*
 * backup run: a program that copies files, such as restic or borg, sees the file
 * systems as they were at one moment, and in the same places
 *
 *     moment_begin --> a process with a mount namespace of its own:
 *                        snapshot, read-only, on the mount point of its origin
 *                        the program
 *                  --> moment_end
 *
 * Nobody else sees these mounts, and they end with the processes in there. The guard
 * of the moment does not remove the snapshot before: the program has its pipe open.
 */
#ifndef BACKUP_RUN_H
#define BACKUP_RUN_H

#include "say.h"
#include "moment.h"

/*
 * @at: a directory below which they are mounted instead, or NULL. The status is that
 * of the program, if it has run.
 */
enum status run_in_moment(struct moment *moment, struct source *sources, size_t n,
			  const char *at, char **command);

#endif
