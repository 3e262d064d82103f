// SPDX-License-Identifier: GPL-2.0
/*
 * The opposite of each step. What is not there any more, or never was, is no
 * error: who wrote the line may have ended before the step.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "loop.h"
#include "map.h"
#include "say.h"
#include "stack.h"
#include "undo.h"

/* Only if no snapshot needs it */
static bool undo_interposer(const char *name)
{
	char names[1024] = "";
	struct map_info info;
	struct stack stack;
	const struct interposer *ip;
	size_t snapshots = 0;

	if (!map_info(name, &info) ||
	    strncmp(info.uuid, "INTERPOSE-TARGET-", 17))
		return true;
	if (!stack_read(&stack))
		return false;
	ip = stack_of_map(&stack, name);
	if (ip && !options.dry_run)
		snapshots = stack_snapshots_of(&stack, ip, names, sizeof(names));
	stack_free(&stack);
	return snapshots || map_remove(name);
}

static bool undo_resume(const char *name)
{
	struct map_info info;
	uint32_t cookie = 0;
	bool good = true;

	if (map_info(name, &info) && info.suspended) {
		good = map_resume(name, &cookie);
		map_wait(cookie);
	}
	return good;
}

static bool undo_snapshot(const char *name)
{
	struct map_info info;

	return !map_info(name, &info) ||
	       strncmp(info.uuid, "INTERPOSE-SNAP-", 15) || map_remove(name);
}

static bool undo_file(const char *path)
{
	if (access(path, F_OK) || !step("rm %s", path))
		return true;
	return !unlink(path) || errno == ENOENT;
}

static bool undo_ram(const char *directory)
{
	if (access(directory, F_OK) ||
	    !step("umount %s; rmdir %s", directory, directory))
		return true;
	if (umount(directory) && errno != EINVAL && errno != ENOENT)
		return false;
	return !rmdir(directory) || errno == ENOENT;
}

static bool undo_lv(const char *name)
{
	const char *const look[] = { "lvs", "--noheadings", "-o", "lv_name",
		name, NULL };
	const char *const remove[] = { "lvremove", "--quiet", "--yes", name,
		NULL };

	return !looks(look) || !run(remove);
}

static bool undo_metadata_snapshot(const char *name)
{
	struct map_info info;

	return !map_info(name, &info) ||
	       map_message(name, "drop_metadata_snap");
}

static const struct {
	const char *word;
	bool (*undo)(const char *argument);
} undos[] = {
	{ "interposer ", undo_interposer },
	{ "resume ", undo_resume },
	{ "snapshot ", undo_snapshot },
	{ "loop ", loop_detach },
	{ "file ", undo_file },
	{ "ram ", undo_ram },
	{ "lv ", undo_lv },
	{ "metadata-snapshot ", undo_metadata_snapshot },
};

bool undo(const char *line)
{
	for (size_t i = 0; i < sizeof(undos) / sizeof(*undos); i++) {
		size_t length = strlen(undos[i].word);

		if (!strncmp(line, undos[i].word, length))
			return undos[i].undo(line + length);
	}
	complain("unknown: undo %s", line);
	return false;
}
