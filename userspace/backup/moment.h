/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The moment: a snapshot of all sources, with hooks around it
 *
 *     hooks "freeze" --> interposectl snapshot --> hooks "thaw"   moment_begin
 *     ... it is read ...
 *     interposectl snapshot --remove                              moment_end
 *
 * A guard, a process of its own, does what is left of it if this one is killed:
 * it thaws, and removes the snapshot.
 */
#ifndef BACKUP_MOMENT_H
#define BACKUP_MOMENT_H

#include <sys/types.h>

#include "source.h"

#define HOOKS_DIR	"/etc/interposectl/freeze.d"
#define HOOK_SECONDS	30

struct moment {
	const char *space[8];		/* options of snapshot: --vg VG, ... */
	size_t n_space;
	const char *hooks;		/* a directory */
	const char *before;		/* commands for a shell, or NULL */
	const char *after;
	unsigned int hook_limit;	/* seconds, for all of one kind */
	char name[64];			/* of the snapshot */
	bool thaw_failed;
	int guard;			/* a pipe to it, or -1 */
	pid_t guard_pid;
};

/*
 * What the guard is told. A hook tells its own number before it begins: if it is
 * still at it when this program is gone, it is killed before it is thawed.
 */
enum news {
	NEWS_FREEZES,
	NEWS_THAWED,
	NEWS_TAKES,
	NEWS_REMOVED,
	NEWS_HOOK_BEGINS,
	NEWS_HOOK_ENDED,
};

bool moment_tell(const struct moment *moment, enum news news);

/* False: it has been said why, and all is as before */
bool moment_begin(struct moment *moment, struct source *sources, size_t n);
/* False: something is left, which has been said */
bool moment_end(struct moment *moment);

#endif
