// SPDX-License-Identifier: GPL-2.0
/*
 * libdevmapper-event-interpose.so, a plugin of dmeventd. It has a thread for
 * each snapshot, calls register_device() at its begin, process_event() at each
 * timeout and event, and unregister_device() at the end, and nobody else then
 * has the snapshot.
 *
 * Only these three symbols are exported: all that a plugin has in common with
 * the daemon, and with other plugins, is a name that clashes.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <libdevmapper.h>
#include <libdevmapper-event.h>
#include "monitor.h"
#include "settings.h"

#define EXPORT __attribute__((visibility("default")))

__attribute__((format(printf, 2, 3)))
static void log_line(int level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	dm_event_log("interpose", level, __FILE__, __LINE__, 0, format,
		     arguments);
	va_end(arguments);
}

static void log_text(int level, const char *text)
{
	log_line(level, "%s", text);
}

static void log_setting(const char *what, void *data)
{
	(void)data;
	log_line(MONITOR_ERR, "%s", what);
}

EXPORT int register_device(const char *name, const char *uuid, int major,
			   int minor, void **user)
{
	struct interpose_monitor *monitor = malloc(sizeof(*monitor));
	struct interpose_settings settings = INTERPOSE_SETTINGS_DEFAULT;
	int error;

	(void)major;
	(void)minor;
	if (!monitor)
		return 0;
	settings_load(log_setting, NULL, &settings);
	monitor_init(monitor, name, uuid, &settings.limits, log_text);
	error = monitor_check(monitor);
	if (error) {
		log_line(MONITOR_ERR, "cannot monitor %s: %s", name,
			 error == -EOPNOTSUPP ?
			 "it is not a snapshot of an interposed device" :
			 strerror(-error));
		free(monitor);
		return 0;
	}
	*user = monitor;
	log_line(MONITOR_NOTICE, "monitoring snapshot %s", name);
	return 1;
}

EXPORT int unregister_device(const char *name, const char *uuid, int major,
			     int minor, void **user)
{
	(void)uuid;
	(void)major;
	(void)minor;
	free(*user);
	*user = NULL;
	log_line(MONITOR_NOTICE, "no longer monitoring snapshot %s", name);
	return 1;
}

EXPORT void process_event(struct dm_task *task, enum dm_event_mask events,
			  void **user)
{
	struct interpose_monitor *monitor = *user;
	int result = monitor_once(monitor);

	(void)task;
	(void)events;
	if (result < 0)
		log_line(MONITOR_ERR, "snapshot %s: %s", monitor->name,
			 strerror(-result));
}
