// SPDX-License-Identifier: GPL-2.0
/*
 * Has dmeventd watch snapshots of interposed devices:
 *
 *	interpose-monitor on|off [--interval SECONDS] NAME...|--all
 *	interpose-monitor list
 *
 * Without dmeventd, "interposectl monitor" does the same.
 *
 * "--all" are all snapshots of interposed devices that there are: that is what
 * to say after dmeventd was killed, since it knows nothing of what it watched.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libdevmapper.h>
#include <libdevmapper-event.h>
#include "monitor.h"
#include "settings.h"

#ifndef PLUGIN
#define PLUGIN "libdevmapper-event-interpose.so"
#endif

struct options {
	struct interpose_settings settings;
	bool all;
	const char *plugin;
};

static void log_text(int level, const char *text)
{
	fprintf(stderr, "%s%s\n", level == MONITOR_ERR ? "error: " : "", text);
}

/*
 * Since 2014 libdevmapper warns at each registration that plugins of dmeventd
 * are deprecated. There is nothing else.
 */
static void log_libdevmapper(int level, const char *file, int line,
			     int error_or_class, const char *format, ...)
{
	va_list arguments;

	(void)file;
	(void)line;
	(void)error_or_class;
	if ((level & 7) > MONITOR_WARNING || strstr(format, "deprecated"))
		return;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

/* dmeventd knows devices by UUID; plain dmsetup gives none */
static int uuid_of(const char *name, char *uuid, size_t size)
{
	struct dm_task *task = dm_task_create(DM_DEVICE_INFO);
	struct dm_info info;
	int error = -ENXIO;

	if (task && dm_task_set_name(task, name) && dm_task_run(task) &&
	    dm_task_get_info(task, &info) && info.exists) {
		snprintf(uuid, size, "%s", dm_task_get_uuid(task));
		error = 0;
	}
	if (task)
		dm_task_destroy(task);
	return error;
}

static int uuid_set(const char *name, char *uuid, size_t size)
{
	struct dm_task *task = dm_task_create(DM_DEVICE_RENAME);
	int done;

	snprintf(uuid, size, "INTERPOSE-SNAP-%s", name);
	done = task && dm_task_set_name(task, name) &&
	       dm_task_set_newuuid(task, uuid) && dm_task_run(task);
	if (task)
		dm_task_destroy(task);
	return done ? 0 : -EIO;
}

enum what { OFF, ON, LIST };

/* Nothing is done about a device that is no snapshot of an interposed one */
static int switch_one(const struct options *options, const char *name,
		      enum what what)
{
	struct dm_event_handler *handler;
	struct interpose_monitor monitor;
	char uuid[129];
	int error, done;

	if (uuid_of(name, uuid, sizeof(uuid)))
		return -ENXIO;
	monitor_init(&monitor, name, uuid, &options->settings.limits, log_text);
	error = monitor_check(&monitor);
	if (error)
		return error;
	if (!*uuid && (what != ON || uuid_set(name, uuid, sizeof(uuid))))
		return -EINVAL;
	handler = dm_event_handler_create();
	if (!handler || dm_event_handler_set_uuid(handler, uuid) ||
	    dm_event_handler_set_dso(handler, options->plugin))
		return -ENOMEM;
	dm_event_handler_set_event_mask(handler,
					DM_EVENT_ALL_ERRORS | DM_EVENT_TIMEOUT);
	dm_event_handler_set_timeout(handler, options->settings.interval);
	if (what == LIST)
		done = !dm_event_get_registered_device(handler, 0);
	else if (what == ON)
		done = dm_event_register_handler(handler);
	else
		done = dm_event_unregister_handler(handler);
	dm_event_handler_destroy(handler);
	if (what == LIST && done)
		puts(name);
	return done || what == LIST ? 0 : -EIO;
}

static int switch_all(const struct options *options, enum what what)
{
	struct dm_task *task = dm_task_create(DM_DEVICE_LIST);
	struct dm_names *names;
	int status = 0, error;

	if (!task || !dm_task_run(task))
		errx(1, "cannot list the mapped devices; run this as root, on a kernel with device-mapper");
	names = dm_task_get_names(task);
	while (names && names->dev) {
		error = switch_one(options, names->name, what);
		if (error == -EIO || error == -ENOMEM) {
			warnx("%s: dmeventd does not accept it; check that it is running",
			      names->name);
			status = 1;
		}
		if (!names->next)
			break;
		names = (struct dm_names *)((char *)names + names->next);
	}
	dm_task_destroy(task);
	return status;
}

static const char *reason(int error)
{
	switch (error) {
	case -EOPNOTSUPP:
		return "it is not a snapshot of an interposed device";
	case -ENXIO:
		return "there is no such device";
	case -EINVAL:
		return "it has no UUID";
	default:
		return "dmeventd does not accept it; check that it is running";
	}
}

static _Noreturn void usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: interpose-monitor on|off [--interval SECONDS] NAME...|--all\n"
		"       interpose-monitor list\n");
	exit(status);
}

static void warn_of_setting(const char *what, void *data)
{
	(void)data;
	warnx("%s", what);
}

static struct options options_get(int argc, char **argv)
{
	static const struct option known[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "interval", required_argument, NULL, 'i' },
		{ "plugin", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options options = {
		.settings = INTERPOSE_SETTINGS_DEFAULT,
		.plugin = PLUGIN,
	};
	char why[256];
	int option;

	settings_load(warn_of_setting, NULL, &options.settings);
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'a':
			options.all = true;
			break;
		case 'i':
			if (!settings_set(&options.settings, "interval", optarg,
					  why, sizeof(why)))
				errx(2, "--%s", why);
			break;
		case 'p':
			options.plugin = optarg;
			break;
		case 'h':
			usage(0);
		default:
			usage(2);
		}
	}
	return options;
}

static int run(const struct options *options, enum what what, char **names,
	       int count)
{
	int status = 0, error;

	if (what == LIST || options->all)
		return switch_all(options, what);
	for (int i = 0; i < count; i++) {
		error = switch_one(options, names[i], what);
		if (error) {
			warnx("%s: %s", names[i], reason(error));
			status = 1;
		}
	}
	return status;
}

int main(int argc, char **argv)
{
	struct options options = options_get(argc, argv);
	const char *command = optind < argc ? argv[optind] : "";
	int names = argc - optind - 1;

	dm_log_with_errno_init(log_libdevmapper);
	if (!strcmp(command, "list") && !names)
		return run(&options, LIST, NULL, 0);
	if (names < 0 || options.all != !names)
		usage(2);
	if (!strcmp(command, "on"))
		return run(&options, ON, argv + optind + 1, names);
	if (!strcmp(command, "off"))
		return run(&options, OFF, argv + optind + 1, names);
	usage(2);
}
