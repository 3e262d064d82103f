// SPDX-License-Identifier: GPL-2.0
/*
 * monitor: keeps COW stores from filling up, as the plugin of dmeventd does
 *
 *     the snapshots there are, or those named --> one look at each: lib/monitor.c
 *          ^                                            |
 *          +--------------- the interval ---------------+
 *
 * It holds no lock and keeps no record: other commands go on beside it, and
 * who starts it again after it was killed misses nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "device.h"
#include "monitor.h"
#include "settings.h"
#include "stack.h"
#include "state.h"

struct watch {
	struct interpose_settings settings;
	bool once;
	bool listed;			/* the snapshots, at least once */
	bool all;			/* also those that are yet to come */
	struct interpose_monitor *v;
	size_t n;
};

static void log_text(int level, const char *text)
{
	if (level <= MONITOR_WARNING)
		complain("%s", text);
	else
		say("%s", text);
}

static bool do_step(const char *command)
{
	return step("%s", command);
}

static bool is_watched(const struct watch *watch, const char *name,
		       const char *uuid)
{
	for (size_t i = 0; i < watch->n; i++)
		if (*uuid ? !strcmp(watch->v[i].uuid, uuid) :
		    !strcmp(watch->v[i].name, name))
			return true;
	return false;
}

static bool add(struct watch *watch, const char *name, const char *uuid)
{
	struct interpose_monitor *more;

	if (is_watched(watch, name, uuid))
		return true;
	more = reallocarray(watch->v, watch->n + 1, sizeof(*more));
	if (!more) {
		complain("no memory");
		return false;
	}
	watch->v = more;
	monitor_init(&more[watch->n], name, uuid, &watch->settings.limits,
		     log_text);
	more[watch->n].program = "/proc/self/exe";
	more[watch->n++].step = do_step;
	return true;
}

/*
 * Those that are there now. That they cannot be listed this time is said, and is
 * no reason to end; if that is so from the beginning, it will remain so.
 */
static bool add_all(struct watch *watch)
{
	struct stack stack;
	bool good = true;

	if (!stack_read(&stack))
		return watch->listed && !watch->once;
	watch->listed = true;
	for (size_t i = 0; good && i < stack.n_snapshots; i++) {
		const struct snapshot *snap = &stack.snapshots[i];

		if (stack_of_snapshot(&stack, snap))
			good = add(watch, snap->map.name, snap->map.uuid);
	}
	stack_free(&stack);
	return good;
}

/* All those of a device that is interposed; 0: there is none, -1: said why */
static int add_of_device(struct watch *watch, const char *argument)
{
	const struct interposer *ip;
	struct device device;
	struct stack stack;
	int found = device_look(argument, &device);

	if (found <= 0)
		return found;
	if (!stack_read(&stack))
		return -1;
	ip = stack_of_device(&stack, device.name);
	found = 0;
	for (size_t i = 0; ip && found >= 0 && i < stack.n_snapshots; i++) {
		const struct snapshot *snap = &stack.snapshots[i];

		if (stack_of_snapshot(&stack, snap) == ip)
			found = add(watch, snap->map.name, snap->map.uuid) ? 1 : -1;
	}
	stack_free(&stack);
	return found;
}

static bool add_named(struct watch *watch, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		int found;

		if (!add(watch, map_name(argv[i]), ""))
			return false;
		if (!monitor_check(&watch->v[watch->n - 1]))
			continue;
		watch->n--;
		found = add_of_device(watch, argv[i]);
		if (found > 0)
			continue;
		if (!found && map_is_usable())
			complain("%s is neither a snapshot nor a device that has one; interposectl snapshot --list lists them all",
				 argv[i]);
		return false;
	}
	return true;
}

/* Forgets those that are gone, or are something else by now */
static enum status look(struct watch *watch)
{
	enum status status = DONE;
	size_t left = 0;

	for (size_t i = 0; i < watch->n; i++) {
		struct interpose_monitor *monitor = &watch->v[i];
		int result = monitor_once(monitor);

		if (result == MONITOR_GONE || result == -EOPNOTSUPP)
			continue;
		if (result < 0) {
			complain("snapshot %s: %s", monitor->name,
				 strerror(-result));
			status = FAILED;
		}
		if (left != i)
			watch->v[left] = *monitor;
		left++;
	}
	watch->n = left;
	return status;
}

static enum status look_again(struct watch *watch)
{
	for (;;) {
		enum status status = FAILED;

		if (watch->all && !add_all(watch))
			return FAILED;
		status = look(watch);
		if (watch->once)
			return status;
		if (!watch->all && !watch->n)
			return DONE;
		sleep(watch->settings.interval);
	}
}

static void complain_of_setting(const char *what, void *data)
{
	(void)data;
	complain("%s", what);
}

/* The names of the options are those of the settings */
static bool set(struct watch *watch, const char *name, const char *value)
{
	char why[256];

	if (settings_set(&watch->settings, name, value, why, sizeof(why)))
		return true;
	complain("--%s", why);
	return false;
}

enum status monitor_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "interval", required_argument, NULL, 's' },
		{ "warn", required_argument, NULL, 's' },
		{ "drop", required_argument, NULL, 's' },
		{ "step", required_argument, NULL, 's' },
		{ "horizon", required_argument, NULL, 's' },
		{ "once", no_argument, NULL, '1' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct watch watch = { .settings = INTERPOSE_SETTINGS_DEFAULT };
	enum status status = FAILED;
	int option, index;

	state_leave();
	settings_load(complain_of_setting, NULL, &watch.settings);
	while ((option = next_option(argc, argv, "", longs, &index)) != -1) {
		switch (option) {
		case 's':
			if (!set(&watch, longs[index].name, optarg))
				return usage_error("monitor");
			break;
		case '1': watch.once = true; break;
		case 'h': return help("monitor");
		default: return usage_error("monitor");
		}
	}
	watch.all = optind == argc;
	watch.once |= options.dry_run;
	if (add_named(&watch, argc - optind, argv + optind))
		status = look_again(&watch);
	free(watch.v);
	return status;
}
