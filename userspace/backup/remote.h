/* SPDX-License-Identifier: GPL-2.0 */
/* A directory that another program writes to, here or on another machine: see pipe.h */
#ifndef BACKUP_REMOTE_H
#define BACKUP_REMOTE_H

#include "pipe.h"
#include "store.h"

struct remote {
	pid_t pid;
	int to;
	int from;
	char shown[PATH_MAX];
};

/* Is it ssh://…? */
bool remote_is(const char *to);
/*
 * @to: ssh://[USER@]HOST[:PORT]/DIR, or NULL for @receiver, a command for a shell.
 * False: it has been said why, as with the others
 */
bool remote_start(struct remote *remote, const char *to, const char *receiver);
/* What there is already; the extents are missing */
bool remote_backups(struct remote *remote, struct store *store);
bool remote_begin(struct remote *remote, const struct backup *backup,
		  bool compress, unsigned int keep);
/* To be called when all was sent */
bool remote_stored(struct remote *remote);
/* Waits until it has ended. @good: it should have done all that was asked for */
bool remote_end(struct remote *remote, bool good);

/*
 * The arguments of ssh for @command with the directory of @word behind it, as a word of
 * its own; false: @word is not of that kind, and that has been said
 */
#define REMOTE_ARGS	12
bool remote_command(const char *word, const char *command,
		    const char *argv[REMOTE_ARGS]);

#endif
