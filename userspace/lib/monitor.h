/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Watches the space of one snapshot of an interposed device: one look at a
 * time, for the plugin of dmeventd and for programs that do without it.
 */
#ifndef INTERPOSE_MONITOR_H
#define INTERPOSE_MONITOR_H

#include <stdint.h>
#include "policy.h"

#define INTERPOSECTL_COMMAND "/usr/sbin/interposectl"

/* levels of messages, as in syslog */
enum { MONITOR_ERR = 3, MONITOR_WARNING = 4, MONITOR_NOTICE = 5 };

enum monitor_result {
	MONITOR_GOES_ON, /* the snapshot is there, and will be looked at again */
	MONITOR_GONE, /* it is dropped, or has been removed by others */
};

/**
 * struct interpose_monitor - one snapshot that is watched
 * @name: of the mapped device, for messages, and to find it if @uuid is empty
 * @uuid: of the mapped device
 * @limits: what the administrator wants
 * @log: where messages go
 * @step: asked before anything is changed, with the command that does the same;
 *	false: it is not to be done. NULL: all is
 * @used_before: what was in use at the last look
 * @time_before_ms: when that was; 0 before the first one
 * @warned_percent: fill of which was warned last
 * @retry_percent: fill from which on it is tried again to extend it with @program
 * @program: interposectl, for what only that can extend
 */
struct interpose_monitor {
	char name[128];
	char uuid[129];
	struct interpose_limits limits;
	void (*log)(int level, const char *text);
	bool (*step)(const char *command);
	uint64_t used_before;
	uint64_t time_before_ms;
	unsigned int warned_percent;
	unsigned int retry_percent;
	const char *program;
};

void monitor_init(struct interpose_monitor *monitor, const char *name,
		  const char *uuid, const struct interpose_limits *limits,
		  void (*log)(int level, const char *text));
int monitor_check(struct interpose_monitor *monitor);
int monitor_once(struct interpose_monitor *monitor);

#endif
