/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why the kernel refused something: the error number in words, and the lines
 * that it logged for this one ioctl.
 *
 *     reason_mark() --> the ioctl --> reason_read() --> reason_text()
 *       the log's end                  what came since,
 *                                      without what is somebody else's
 */
#ifndef INTERPOSECTL_REASON_H
#define INTERPOSECTL_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define REASON_LINES	8
#define REASON_LINE_MAX	240

struct reason {
	dev_t dev;		/* the mapped device, or 0 if it has no number yet */
	pid_t thread;		/* who did the ioctl */
	const char *table;	/* "interpose /dev/sda1 era ...", or "" */
	struct {
		char text[REASON_LINE_MAX];
		bool sure;	/* it names the device or the thread */
	} lines[REASON_LINES];
	size_t n;
	bool foreign;		/* somebody else's load fell into the same time */
};

/* -1 if there is no /dev/kmsg; a test puts something else here */
extern int reason_log;

/* The log is opened, which is no reading of a file later */
void reason_setup(void);
/* All that comes from now on */
void reason_mark(void);
void reason_begin(struct reason *reason, dev_t dev, const char *table);
void reason_read(struct reason *reason);
/* One record as /dev/kmsg gives it */
void reason_record(struct reason *reason, const char *record);

/*
 * "in use (Device or resource busy); the kernel says:", its lines, and what to
 * do where that is known
 */
void reason_text(struct reason *reason, int error, char *text, size_t size);

#endif
