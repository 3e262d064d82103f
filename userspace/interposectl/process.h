/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes for what may never return, as an ioctl that waits for a device
 */
#ifndef INTERPOSECTL_PROCESS_H
#define INTERPOSECTL_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"

#define LIMIT_SECONDS	30
#define LIMIT_MOST	600

/*
 * In the new process: nobody need wait for it who waits for a lock, for the end of
 * a pipe, or for the session. Its messages are held. @keep: descriptors that it
 * needs. False: what it works on is undone already.
 */
bool process_is_apart(const struct record *record, const int *keep,
		      size_t n_keep);
/* All of it is there and locked, also what is allocated later */
void process_reserve_memory(void);
/* @milliseconds: to wait for that, or -1 */
bool process_is_gone(int pidfd, int milliseconds);

enum ending {
	ENDED_WELL,
	ENDED_BADLY,		/* and has said why */
	ENDED_LATE,		/* at the limit, which has not been said */
	ENDED_EARLY,		/* killed by somebody, or if this is interrupted */
};

struct process {
	bool (*run)(void *data);
	void *data;		/* what @run changes there is lost, unless it is shared */
	unsigned int limit;	/* seconds */
	/* or NULL: whenever it changes, the limit begins anew; this one alone keeps it */
	uint64_t (*progress)(const void *data);
	/* or NULL: until it is set, @run may take as long as it takes; it is shared */
	const atomic_bool *begun;
	/* is not undone by others meanwhile; NULL: nobody need wait for its end */
	const struct record *record;
	bool goes_on;		/* also if this one is interrupted */
	bool hangs;		/* out: it was killed, and is still there */
};

/*
 * Does it in a process of its own, which is killed at the limit, also if this one
 * is stopped, and if this one is interrupted or gone.
 */
enum ending process_in_time(struct process *process);

/* By @run: the limit begins now */
void process_limit_begins(atomic_bool *begun, unsigned int limit);

/* Memory for @data; NULL: there is none, which has been said */
void *process_share(size_t size);
void process_unshare(void *data, size_t size);

#endif
