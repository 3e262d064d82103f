// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sem.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <libdevmapper.h>

#include "map.h"
#include "reason.h"
#include "say.h"
#include "sysfs.h"

/*
 * libdevmapper itself
 */

static char last_error[512];

/* Kept for the message of who asked; what is no error is of no interest */
static void keep_error(int level, const char *file, int line,
		       int dm_errno_or_class, const char *format, ...)
{
	va_list args;

	(void)file;
	(void)line;
	(void)dm_errno_or_class;
	/* of LOG_ERR; the first one is the cause, and others follow from it */
	if ((level & 7) > 3 || *last_error)
		return;
	va_start(args, format);
	vsnprintf(last_error, sizeof(last_error), format, args);
	va_end(args);
}

void map_setup(void)
{
	dm_log_with_errno_init(keep_error);
	reason_setup();
}

void map_warm_up(void)
{
	struct map_info info;

	dm_udev_get_sync_support();
	map_info("interposectl", &info);
}

/* No semaphore is made that only the end of map_wait() would remove */
void map_without_udev(void)
{
	dm_udev_set_sync_support(0);
}

/* libdevmapper gives the reason why it cannot use the kernel only once */
static char unusable[sizeof(last_error)];

static struct dm_task *create(int type)
{
	struct dm_task *dmt;

	last_error[0] = '\0';
	errno = 0;
	dmt = dm_task_create(type);
	if (!dmt && *last_error)
		memcpy(unusable, last_error, sizeof(unusable));
	return dmt;
}

/* "236 device-mapper"; if the list cannot be read, it may be there */
static bool is_registered(void)
{
	char path[PATH_MAX], line[128], name[64];
	FILE *misc = fopen(proc_path("misc", path, sizeof(path)), "re");
	bool found = !misc;

	while (misc && !found && fgets(line, sizeof(line), misc))
		found = sscanf(line, "%*u %63s", name) == 1 &&
			!strcmp(name, "device-mapper");
	if (misc)
		fclose(misc);
	return found;
}

/* Tried first: the node loads a module */
bool map_is_missing(void)
{
	struct dm_task *dmt = create(DM_DEVICE_LIST);

	if (dmt)
		dm_task_destroy(dmt);
	return !dmt && !is_registered();
}

static void complain_of_task(int error)
{
	char why[sizeof(last_error)];
	struct utsname kernel;

	snprintf(why, sizeof(why), "%s", *last_error ? last_error :
		 error == ENOMEM ? "out of memory" :
		 *unusable ? unusable : strerror(error));
	if (map_is_missing() && !uname(&kernel))
		complain("this kernel (%s) has no device-mapper; " MAP_REMEDY,
			 kernel.release, "dm-mod");
	else
		complain("device-mapper: %s", why);
}

bool map_is_usable(void)
{
	struct dm_task *dmt = create(DM_DEVICE_LIST);

	if (!dmt) {
		complain_of_task(errno);
		return false;
	}
	dm_task_destroy(dmt);
	return true;
}

static struct dm_task *task(int type, const char *name)
{
	struct dm_task *dmt = create(type);

	if (dmt && (!name || dm_task_set_name(dmt, name)))
		return dmt;
	complain_of_task(errno);
	if (dmt)
		dm_task_destroy(dmt);
	return NULL;
}

/* The table of a mapped device; @table is empty if it cannot be read */
static dev_t look_up(const char *name, char *table, size_t size)
{
	struct map_info info;
	struct map_line line;

	*table = '\0';
	if (!map_info(name, &info))
		return 0;
	if (map_table(name, &line)) {
		snprintf(table, size, "%s %s", line.type, line.params);
		map_line_free(&line);
	}
	return info.dev;
}

/* @table: what is being loaded into @dev, or NULL: what is there already counts */
static bool run_for(struct dm_task *dmt, const char *what, const char *name,
		    dev_t dev, const char *table)
{
	char text[2600], found[4200];
	struct reason reason;
	int error;

	reason_mark();
	if (dm_task_run(dmt))
		return true;
	error = dm_task_get_errno(dmt);
	snprintf(text, sizeof(text), "%s", last_error);
	if (error) {
		if (!table)
			dev = look_up(name, found, sizeof(found));
		reason_begin(&reason, dev, table ?: found);
		reason_read(&reason);
		reason_text(&reason, error, text, sizeof(text));
	}
	complain("%s %s: %s", what, name, text);
	return false;
}

static bool finish(struct dm_task *dmt, const char *what, const char *name)
{
	bool good = run_for(dmt, what, name, 0, NULL);

	dm_task_destroy(dmt);
	return good;
}

/*
 * Reading
 */

int map_each(bool (*each)(const char *name, dev_t dev, void *data), void *data)
{
	struct dm_task *dmt = task(DM_DEVICE_LIST, NULL);
	struct dm_names *names;
	unsigned int next = 0;

	if (!dmt)
		return -1;
	if (!dm_task_run(dmt)) {
		complain("cannot list mapped devices (%s); are you root, and is dm_mod loaded?",
			 last_error);
		dm_task_destroy(dmt);
		return -1;
	}
	names = dm_task_get_names(dmt);
	if (names && names->dev) {
		do {
			names = (void *)((char *)names + next);
			if (each(names->name, names->dev, data))
				break;
			next = names->next;
		} while (next);
	}
	dm_task_destroy(dmt);
	return 0;
}

static struct dm_task *task_of(int type, dev_t dev)
{
	struct dm_task *dmt = task(type, NULL);

	if (dmt) {
		dm_task_set_major(dmt, major(dev));
		dm_task_set_minor(dmt, minor(dev));
	}
	return dmt;
}

static bool read_info(struct dm_task *dmt, const char *name,
		      struct map_info *out)
{
	struct dm_info info;
	const char *uuid;

	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", name);
	if (!dmt)
		return false;
	if (dm_task_run(dmt) && dm_task_get_info(dmt, &info) && info.exists) {
		uuid = dm_task_get_uuid(dmt);
		snprintf(out->uuid, sizeof(out->uuid), "%s", uuid ? uuid : "");
		out->dev = makedev(info.major, info.minor);
		out->exists = true;
		out->suspended = info.suspended;
		out->loaded = info.inactive_table;
		if (!*name)
			snprintf(out->name, sizeof(out->name), "%s",
				 dm_task_get_name(dmt) ?: "");
		out->open_count = info.open_count > 0 ? info.open_count : 0;
	}
	dm_task_destroy(dmt);
	return out->exists;
}

bool map_info(const char *name, struct map_info *out)
{
	return read_info(task(DM_DEVICE_INFO, name), name, out);
}

bool map_info_of(dev_t dev, const char *name, struct map_info *out)
{
	return read_info(task_of(DM_DEVICE_INFO, dev), name, out);
}

bool map_with_uuid(const char *uuid, struct map_info *out)
{
	struct dm_task *dmt = task(DM_DEVICE_INFO, NULL);

	if (dmt && !dm_task_set_uuid(dmt, uuid)) {
		dm_task_destroy(dmt);
		dmt = NULL;
	}
	return read_info(dmt, "", out) && *out->name;
}

/* Its module is loaded for that, if there is one */
int map_has_target(const char *type)
{
	struct dm_task *dmt = task(DM_DEVICE_GET_TARGET_VERSION, type);
	int error, has = 1;

	if (!dmt)
		return -1;
	if (!dm_task_run(dmt)) {
		error = dm_task_get_errno(dmt);
		has = error == EINVAL ? 0 : -1;
	}
	dm_task_destroy(dmt);
	return has;
}

static bool first_line(struct dm_task *dmt, struct map_line *line)
{
	char *target = NULL, *params = NULL;
	uint64_t start, length;

	memset(line, 0, sizeof(*line));
	if (!dmt)
		return false;
	dm_task_no_flush(dmt);
	if (dm_task_run(dmt)) {
		dm_get_next_target(dmt, NULL, &start, &length, &target,
				   &params);
		if (target) {
			line->length = length;
			line->type = strdup(target);
			line->params = strdup(params ? params : "");
		}
	}
	dm_task_destroy(dmt);
	if (line->type && line->params)
		return true;
	map_line_free(line);
	return false;
}

bool map_status(const char *name, struct map_line *line)
{
	return first_line(task(DM_DEVICE_STATUS, name), line);
}

bool map_status_of(dev_t dev, struct map_line *line)
{
	return first_line(task_of(DM_DEVICE_STATUS, dev), line);
}

bool map_table(const char *name, struct map_line *line)
{
	return first_line(task(DM_DEVICE_TABLE, name), line);
}

bool map_table_of(dev_t dev, struct map_line *line)
{
	return first_line(task_of(DM_DEVICE_TABLE, dev), line);
}

/* "8:1 2048" */
static bool add_piece(struct map_piece **pieces, size_t *n, uint64_t start,
		      uint64_t length, const char *params)
{
	struct map_piece *more = reallocarray(*pieces, *n + 1, sizeof(*more));
	unsigned long long at;

	if (!more)
		return false;
	*pieces = more;
	if (sscanf(params, "%*u:%*u %llu", &at) != 1)
		return false;
	more[(*n)++] = (struct map_piece) { start, length, at };
	return true;
}

bool map_pieces(dev_t dev, bool loaded, struct map_piece **pieces, size_t *n)
{
	struct dm_task *dmt = task_of(DM_DEVICE_TABLE, dev);
	uint64_t start, length;
	char *type, *params;
	void *next = NULL;
	bool good;

	*pieces = NULL;
	*n = 0;
	good = dmt && (!loaded || dm_task_query_inactive_table(dmt)) &&
	       dm_task_run(dmt);
	while (good) {
		next = dm_get_next_target(dmt, next, &start, &length, &type,
					  &params);
		good = type && !strcmp(type, "linear") &&
		       add_piece(pieces, n, start, length, params);
		if (!next)
			break;
	}
	if (dmt)
		dm_task_destroy(dmt);
	return good;
}

const char *map_name(const char *argument)
{
	static const char directory[] = "/dev/mapper/";
	size_t length = strlen(directory);

	return strncmp(argument, directory, length) ? argument :
	       argument + length;
}

void map_line_free(struct map_line *line)
{
	free(line->type);
	free(line->params);
	memset(line, 0, sizeof(*line));
}

/*
 * Steps
 */

struct kind {
	const char *prefix;
	uint16_t udev_flags;
};

/* The udev rules know them by the prefix; see userspace/udev */
static const struct kind kinds[] = {
	[MAP_INTERPOSER] = {
		"INTERPOSE-TARGET-",
		DM_UDEV_DISABLE_DISK_RULES_FLAG |
		DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG |
		DM_UDEV_DISABLE_OTHER_RULES_FLAG,
	},
	[MAP_SNAPSHOT] = {
		"INTERPOSE-SNAP-",
		DM_UDEV_DISABLE_DISK_RULES_FLAG | DM_UDEV_LOW_PRIORITY_FLAG,
	},
	[MAP_ORIGIN] = {
		"INTERPOSE-ORIGIN-",
		DM_UDEV_DISABLE_DISK_RULES_FLAG |
		DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG |
		DM_UDEV_DISABLE_OTHER_RULES_FLAG,
	},
	[MAP_STORE] = {
		"INTERPOSE-COW-",
		DM_UDEV_DISABLE_DISK_RULES_FLAG |
		DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG |
		DM_UDEV_DISABLE_OTHER_RULES_FLAG,
	},
	[MAP_LOOK] = {
		"INTERPOSE-LOOK-",
		DM_UDEV_DISABLE_DISK_RULES_FLAG |
		DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG |
		DM_UDEV_DISABLE_OTHER_RULES_FLAG,
	},
};

/* As a shell reads it; what it is to expand, such as "$(...)", stays */
#define SHELL_MAX (4 * MAP_UUID_MAX + 8)

static char *shell(const char *name, char *word)
{
	return quote(name, word, SHELL_MAX);
}

static char *in_quotes(const char *params, char *out, size_t size)
{
	size_t n = 0;

	for (; *params && n + 2 < size; out[n++] = *params++)
		if (strchr("\"\\`", *params))
			out[n++] = '\\';
	out[n] = '\0';
	return out;
}

static void uuid_of(enum map_kind kind, const char *name, char *uuid)
{
	snprintf(uuid, MAP_UUID_MAX, "%s%s", kinds[kind].prefix, name);
}

bool map_made(enum map_kind kind, const char *name, struct map_info *info)
{
	char uuid[MAP_UUID_MAX];

	uuid_of(kind, name, uuid);
	return map_with_uuid(uuid, info);
}

bool map_is_of(enum map_kind kind, const char *uuid)
{
	return !strncmp(uuid, kinds[kind].prefix, strlen(kinds[kind].prefix));
}

const char *map_made_as(enum map_kind kind, const char *uuid)
{
	return map_is_of(kind, uuid) ? uuid + strlen(kinds[kind].prefix) : NULL;
}

static bool is_ours(const char *uuid)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (map_is_of(i, uuid))
			return true;
	return false;
}

/* Of a name the UUID is made, which stays when it is renamed */
bool map_is_free(enum map_kind kind, const char *name, const char *remedy)
{
	char word[SHELL_MAX];
	struct map_info info;

	if (map_info(name, &info)) {
		if (is_ours(info.uuid))
			complain("the mapped device %s already exists; %s",
				 name, remedy);
		else
			complain("the mapped device %s already exists; %s, or first: dmsetup rename %s OTHER",
				 name, remedy, shell(name, word));
		return false;
	}
	if (!map_made(kind, name, &info))
		return true;
	complain("the mapped device %s was created as %s and renamed, and keeps the UUID %s; %s",
		 info.name, name, info.uuid, remedy);
	return false;
}

/* Step by step: the kernel's messages name the device by its number */
static bool create_empty(const char *name, const char *uuid, dev_t *dev,
			 bool *made)
{
	struct dm_task *dmt = task(DM_DEVICE_CREATE, name);
	struct dm_info info;
	bool good;

	if (!dmt)
		return false;
	*made = dm_task_set_uuid(dmt, uuid) &&
		run_for(dmt, "cannot create", name, 0, "");
	good = *made && dm_task_get_info(dmt, &info);
	if (good)
		*dev = makedev(info.major, info.minor);
	dm_task_destroy(dmt);
	return good;
}

static bool load(const char *name, dev_t dev, uint64_t sectors,
		 const char *type, const char *params)
{
	struct dm_task *dmt = task(DM_DEVICE_RELOAD, name);
	char table[4200];
	bool good;

	if (!dmt)
		return false;
	snprintf(table, sizeof(table), "%s %s", type, params);
	good = dm_task_add_target(dmt, 0, sectors, type, params) &&
	       run_for(dmt, "cannot create", name, dev, table);
	dm_task_destroy(dmt);
	return good;
}

static bool load_pieces(const char *name, dev_t dev,
			const struct map_piece *pieces, size_t n,
			const char *beneath)
{
	struct dm_task *dmt = task(DM_DEVICE_RELOAD, name);
	char params[512], table[512];
	bool good = dmt;

	for (size_t i = 0; i < n && good; i++) {
		snprintf(params, sizeof(params), "%.256s %llu", beneath,
			 (unsigned long long)pieces[i].at);
		good = dm_task_add_target(dmt, pieces[i].start,
					  pieces[i].length, "linear", params);
	}
	snprintf(table, sizeof(table), "linear %.256s", beneath);
	good = good && run_for(dmt, "cannot create", name, dev, table);
	if (dmt)
		dm_task_destroy(dmt);
	return good;
}

static bool start(const char *name, dev_t dev, enum map_kind kind,
		  const char *type, const char *params, uint32_t *cookie)
{
	struct dm_task *dmt = task(DM_DEVICE_RESUME, name);
	char table[4200];
	bool good;

	if (!dmt)
		return false;
	snprintf(table, sizeof(table), "%s %s", type, params);
	good = dm_task_set_cookie(dmt, cookie, kinds[kind].udev_flags) &&
	       run_for(dmt, "cannot create", name, dev, table);
	dm_task_destroy(dmt);
	return good;
}

/* With the cookie of the whole: this may be no moment to wait for udev */
static bool remove_empty(const char *name, uint32_t *cookie)
{
	struct dm_task *dmt = task(DM_DEVICE_REMOVE, name);
	bool good;

	if (!dmt)
		return false;
	good = dm_task_set_cookie(dmt, cookie, 0) && dm_task_run(dmt);
	dm_task_destroy(dmt);
	return good;
}

bool map_create_step(const char *name, enum map_kind kind, uint64_t sectors,
		     const char *type, const char *params)
{
	char word[SHELL_MAX], uuid_word[SHELL_MAX], line[8192];
	char uuid[MAP_UUID_MAX];

	uuid_of(kind, name, uuid);
	return step("dmsetup create %s --uuid %s --table \"0 %llu %s %s\"",
		    shell(name, word), shell(uuid, uuid_word),
		    (unsigned long long)sectors, type,
		    in_quotes(params, line, sizeof(line)));
}

bool map_make(const char *name, enum map_kind kind, uint64_t sectors,
	      const char *type, const char *params, uint32_t *cookie,
	      bool *made, void (*loaded)(void *data), void *data)
{
	char uuid[MAP_UUID_MAX];
	bool good;
	dev_t dev;

	*made = false;
	uuid_of(kind, name, uuid);
	if (!map_is_free(kind, name, MAP_OTHER_NAME))
		return false;
	good = create_empty(name, uuid, &dev, made) &&
	       load(name, dev, sectors, type, params);
	if (good && loaded)
		loaded(data);
	good = good && start(name, dev, kind, type, params, cookie);
	if (!good && *made)
		*made = !remove_empty(name, cookie);
	return good;
}

bool map_make_pieces(const char *name, enum map_kind kind,
		     const struct map_piece *pieces, size_t n,
		     const char *beneath, uint32_t *cookie, bool *made)
{
	char uuid[MAP_UUID_MAX];
	bool good;
	dev_t dev;

	*made = false;
	uuid_of(kind, name, uuid);
	if (!map_is_free(kind, name, MAP_OTHER_NAME))
		return false;
	good = create_empty(name, uuid, &dev, made) &&
	       load_pieces(name, dev, pieces, n, beneath) &&
	       start(name, dev, kind, "linear", beneath, cookie);
	if (!good && *made)
		*made = !remove_empty(name, cookie);
	return good;
}

bool map_create(const char *name, enum map_kind kind, uint64_t sectors,
		const char *type, const char *params, uint32_t *cookie,
		bool *made)
{
	*made = false;
	return !map_create_step(name, kind, sectors, type, params) ||
	       map_make(name, kind, sectors, type, params, cookie, made, NULL,
			NULL);
}

static bool change(int type, const char *name, const char *what,
		   uint32_t *resumed)
{
	struct dm_task *dmt = task(type, name);
	uint32_t cookie = 0;
	bool good;

	if (!dmt)
		return false;
	if (type == DM_DEVICE_REMOVE)
		dm_task_retry_remove(dmt);
	if (type == DM_DEVICE_REMOVE)
		dm_task_set_cookie(dmt, &cookie, 0);
	if (type == DM_DEVICE_RESUME)
		dm_task_set_cookie(dmt, resumed,
				   kinds[MAP_INTERPOSER].udev_flags);
	good = finish(dmt, what, name);
	if (type == DM_DEVICE_REMOVE)
		map_wait(cookie);
	return good;
}

bool map_load(const char *name, uint64_t sectors, const char *type,
	      const char *params)
{
	char word[SHELL_MAX], line[8192];
	struct map_info info;

	if (!step("dmsetup load %s --table \"0 %llu %s %s\"", shell(name, word),
		  (unsigned long long)sectors, type,
		  in_quotes(params, line, sizeof(line))))
		return true;
	return map_info(name, &info) &&
	       load(name, info.dev, sectors, type, params);
}

bool map_load_pieces(const char *name, const struct map_piece *pieces, size_t n,
		     const char *beneath)
{
	struct map_info info;

	return map_info(name, &info) &&
	       load_pieces(name, info.dev, pieces, n, beneath);
}

bool map_clear(const char *name)
{
	char word[SHELL_MAX];

	return !step("dmsetup clear %s", shell(name, word)) ||
	       change(DM_DEVICE_CLEAR, name, "cannot clear", NULL);
}

bool map_swap(const char *name, uint32_t *cookie)
{
	char word[SHELL_MAX];
	struct dm_task *dmt;

	if (!step("dmsetup resume --noflush --nolockfs %s", shell(name, word)))
		return true;
	dmt = task(DM_DEVICE_RESUME, name);
	if (!dmt)
		return false;
	dm_task_no_flush(dmt);
	dm_task_skip_lockfs(dmt);
	dm_task_set_cookie(dmt, cookie, kinds[MAP_STORE].udev_flags);
	return finish(dmt, "cannot resume", name);
}

bool map_remove(const char *name)
{
	char word[SHELL_MAX];

	return !step("dmsetup remove --retry %s", shell(name, word)) ||
	       change(DM_DEVICE_REMOVE, name, "cannot remove", NULL);
}

bool map_suspend(const char *name)
{
	char word[SHELL_MAX];

	return !step("dmsetup suspend %s", shell(name, word)) ||
	       change(DM_DEVICE_SUSPEND, name, "cannot suspend",
		      NULL);
}

/* Without waiting for udev, whose programs may lie on what is suspended */
bool map_resume(const char *name, uint32_t *cookie)
{
	char word[SHELL_MAX];

	return !step("dmsetup resume %s", shell(name, word)) ||
	       change(DM_DEVICE_RESUME, name, "cannot resume",
		      cookie);
}

bool map_message(const char *name, const char *message)
{
	char word[SHELL_MAX];
	struct dm_task *dmt;

	if (!step("dmsetup message %s 0 %s", shell(name, word), message))
		return true;
	dmt = task(DM_DEVICE_TARGET_MSG, name);
	if (!dmt)
		return false;
	dm_task_set_sector(dmt, 0);
	dm_task_set_message(dmt, message);
	return finish(dmt, "cannot send a message to", name);
}

void map_wait(uint32_t cookie)
{
	if (!options.dry_run)
		dm_udev_wait(cookie);
}

/* libdevmapper removes it only when all whom it counts have answered */
void map_forget(uint32_t cookie)
{
	int semaphore = cookie ? semget((key_t)cookie, 1, 0) : -1;

	if (semaphore >= 0)
		semctl(semaphore, 0, IPC_RMID);
}

void map_make_node(const char *name)
{
	struct dm_task *dmt = task(DM_DEVICE_MKNODES, name);

	if (!dmt)
		return;
	dm_task_run(dmt);
	dm_task_destroy(dmt);
	dm_task_update_nodes();
}
