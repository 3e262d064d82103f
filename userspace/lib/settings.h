/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How snapshots are watched: /etc/interpose-monitor.conf, see
 * interpose-monitor.conf(5), and the options of the same names. What cannot be
 * meant is complained about and left out; it never stops the rest. Pure
 * functions: nothing here looks at the system.
 */
#ifndef INTERPOSE_SETTINGS_H
#define INTERPOSE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "policy.h"

#define SETTINGS_FILE	"/etc/interpose-monitor.conf"

/**
 * struct interpose_settings - how to watch
 * @interval: seconds from one look to the next
 * @limits: what is to be done when
 */
struct interpose_settings {
	unsigned int interval;
	struct interpose_limits limits;
};

#define INTERPOSE_SETTINGS_DEFAULT \
	{ .interval = 5, .limits = INTERPOSE_LIMITS_DEFAULT }

/* @what: "FILE:LINE: what is wrong; what to do", without a newline */
typedef void settings_complain(const char *what, void *data);

/* False: "NAME=VALUE: what is wrong; what to do" is in @why, nothing is set */
bool settings_set(struct interpose_settings *settings, const char *name,
		  const char *value, char *why, size_t size);
/* False: @file cannot be read to its end. @name is for the complaints. */
bool settings_read(FILE *file, const char *name, settings_complain *complain,
		   void *data, struct interpose_settings *settings);
/* SETTINGS_FILE; that it is not there is as good */
void settings_load(settings_complain *complain, void *data,
		   struct interpose_settings *settings);

#endif
