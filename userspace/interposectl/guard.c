// SPDX-License-Identifier: GPL-2.0
/*
 *     attach /mnt mirror core 1 1024 2 /dev/sdb1 0 /dev/sda1 0
 *                   |
 *              view_of() -----> what its users would see
 *                   |
 *     in use? ------+---------> refused, unless --replace-data
 *                   |
 *     other devices: with data, in use, or with records of an earlier time
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard.h"
#include "parse.h"
#include "say.h"
#include "view.h"

#define RECORDS_SIZE	4096		/* a superblock, in all of them */

struct guard {
	const struct device *device;
	bool replace;
	const char *word;
};

/* As the kernel does it: a number first, and then a path */
static dev_t named_device(const char *word)
{
	struct stat st;
	dev_t dev;

	if (parse_devno(word, &dev))
		return dev;
	if (!stat(word, &st) && S_ISBLK(st.st_mode))
		return st.st_rdev;
	return 0;
}

static bool is_own(const char *word, const void *data)
{
	const struct guard *guard = data;

	return named_device(word) == guard->device->dev;
}

/*
 * In use: mounted, swapped to, claimed, or with data that libblkid knows
 */

/* "is mounted on /home"; a device that cannot be examined counts as in use */
static bool in_use(const struct device *device, char *how, size_t size)
{
	char type[64];
	struct usage usage;

	device_usage(device->name, &usage);
	device_signature(device->path, type, sizeof(type));
	if (*usage.mountpoint)
		snprintf(how, size, "is mounted on %s", usage.mountpoint);
	else if (usage.swap)
		snprintf(how, size, "is active as swap");
	else if (*type)
		snprintf(how, size, "holds data (%s)", type);
	else if (!device_is_free(device->path))
		snprintf(how, size, "is in use");
	else
		return false;
	return true;
}

static bool guard_view(const struct guard *guard, const struct view *view)
{
	char how[PATH_MAX + 32];

	if (view->sight == SIGHT_SAME || guard->replace ||
	    !in_use(guard->device, how, sizeof(how)))
		return true;
	complain("%s %s, and %s; if that is what you want, add %s",
		 guard->device->shown, how, view->why, guard->word);
	return false;
}

/*
 * Other devices
 */

/* New metadata begins with zeroes */
static bool has_records(const char *path, unsigned long long sector)
{
	char buffer[RECORDS_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return true;
	n = pread(fd, buffer, sizeof(buffer), sector * 512);
	close(fd);
	while (n > 0 && !buffer[n - 1])
		n--;
	return n;
}

static bool guard_records(const struct guard *guard,
			  const struct view_device *written,
			  const struct device *other)
{
	char how[PATH_MAX + 32];

	if (!written->begins_anew || guard->replace ||
	    !has_records(other->path, written->at) ||
	    !in_use(guard->device, how, sizeof(how)))
		return true;
	complain("%s %s, and %s does not begin with zeroes: if this is metadata from an earlier use, what was written to %s since then would be hidden or lost; to start afresh: dd if=/dev/zero of=%s bs=4096 seek=%llu count=1 oflag=seek_bytes conv=fsync; or, if nothing has been written since, add %s",
		 guard->device->shown, how, other->shown, guard->device->shown,
		 other->path, written->at * 512, guard->word);
	return false;
}

static bool share_data(const struct device *a, const struct device *b)
{
	return a->dev != b->dev && (sysfs_lies_on(a->name, b->name) ||
				    sysfs_lies_on(b->name, a->name));
}

static bool guard_other(const struct guard *guard,
			const struct view_device *written)
{
	dev_t dev = named_device(written->word);
	char how[PATH_MAX + 32];
	struct device other;

	if (!dev) {
		complain("%s is not a block device", written->word);
		return false;
	}
	if (!device_of_number(dev, &other))
		return false;
	if (share_data(&other, guard->device)) {
		complain("%s and %s share data: a write to one is a write to the other; name a device on another disk",
			 other.shown, guard->device->shown);
		return false;
	}
	if (!guard->replace && in_use(&other, how, sizeof(how))) {
		complain("%s %s, and would be overwritten; name another device, or, if the data is not needed, add %s",
			 other.shown, how, guard->word);
		return false;
	}
	return guard_records(guard, written, &other);
}

/*
 * All of it
 */

/* As it is in the table; a line that does not fit is too long for the table, too */
static void join(char *line, size_t size, int argc, char **argv)
{
	size_t n = 0;

	for (int i = 0; i < argc && n < size; i++)
		n += snprintf(line + n, size - n, " %s", argv[i]);
}

static bool words_are_good(int argc, char **argv)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (!strchr(letters, *argv[0]) || !*argv[0]) {
		complain("'%s' is not a target; after the device, give the name of a target, such as linear, and then its arguments",
			 argv[0]);
		return false;
	}
	for (int i = 0; i < argc; i++) {
		if (*argv[i])
			continue;
		complain("argument %d of %s is empty; remove it or give a value",
			 i, argv[0]);
		return false;
	}
	return true;
}

bool guard_attach(const struct device *device, int argc, char **argv,
		  bool replace, const char *word)
{
	const struct guard guard = { device, replace, word };
	const char *words[VIEW_ARGS_MAX + 1];
	char line[4096];
	struct view view;
	int n;

	if (!argc)
		return true;
	if (!words_are_good(argc, argv))
		return false;
	join(line, sizeof(line), argc, argv);
	n = view_split(line, words, VIEW_ARGS_MAX);
	if (n < 1) {
		complain("too many arguments");
		return false;
	}
	if (n == 1) /* which is what the kernel makes of it */
		words[n++] = device->path;
	view_of(words[0], n - 1, words + 1, is_own, &guard, &view);
	if (!guard_view(&guard, &view))
		return false;
	for (size_t i = 0; i < view.n_devices; i++)
		if (!is_own(view.devices[i].word, &guard) &&
		    !guard_other(&guard, &view.devices[i]))
			return false;
	return true;
}
