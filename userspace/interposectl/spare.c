// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "content.h"
#include "fsmap.h"
#include "loop.h"
#include "process.h"
#include "replay.h"
#include "say.h"
#include "spare.h"

#define MARK	"interposectl spare"

/* In memory that this process shares with the one that mounts */
struct search {
	const char *name;		/* of the snapshot */
	dev_t dev;
	char node[PATH_MAX];
	char type[64];
	struct extents from;		/* a copy of it is in that process */
	size_t n;
	struct extent v[EXTENTS_MOST];
};

struct both {
	const struct extents *from;
	struct extents to;
};

static bool add_free(uint64_t start, uint64_t length, void *data)
{
	struct both *both = data;

	return extents_add_free(&both->to, both->from, start, length);
}

/* Of an ext4 that has noticed errors: what it says is free may be used */
static bool has_errors(const struct search *search)
{
	enum { STATE = 1024 + 0x3a, ERRORS = 2 };
	int fd = open(search->node, O_RDONLY | O_CLOEXEC);
	uint16_t state = 0;
	bool good;

	good = fd >= 0 && pread(fd, &state, sizeof(state), STATE) ==
	       sizeof(state);
	if (fd >= 0)
		close(fd);
	return !good || (!strcmp(search->type, "ext4") &&
			 le16toh(state) & ERRORS);
}

static bool read_free(struct search *search)
{
	struct both both = { .from = &search->from };
	int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsmap_each_free(fd, search->dev, add_free, &both);

	if (fd >= 0)
		close(fd);
	extents_join(&both.to);
	search->n = both.to.n < EXTENTS_MOST ? both.to.n : EXTENTS_MOST;
	if (good && search->n)
		memcpy(search->v, both.to.v, search->n * sizeof(*search->v));
	extents_free(&both.to);
	return good;
}

static bool find(void *data)
{
	struct search *search = data;
	bool mounted, good;

	if (has_errors(search)) {
		complain("what is free in the snapshot %s is unknown, because its file system has errors",
			 search->name);
		return false;
	}
	mounted = replay_mount(search->node, search->type);
	good = mounted && read_free(search);
	if (!good)
		complain("what is free in the snapshot %s cannot be told (%s)",
			 search->name, strerror(errno));
	if (mounted)
		umount(state_dir);
	return good;
}

static bool search_in_time(struct search *search, struct sparing *sparing)
{
	struct process process = { .run = find, .data = search,
				   .limit = sparing->limit,
				   .record = sparing->record };
	enum ending ending = process_in_time(&process);

	sparing->hangs = process.hangs;
	if (ending == ENDED_LATE)
		complain("given up after %u seconds: the snapshot %s cannot be read",
			 process.limit, search->name);
	return ending == ENDED_WELL;
}

/* It goes with @fd, or with what lies on it */
static bool show_again(const struct snapshot *snap, char *node, size_t size,
		       int *fd)
{
	char name[NAME_SIZE], path[PATH_MAX];
	int backing;
	bool good;

	if (!sysfs_name(snap->map.dev, name))
		return false;
	device_node(name, path, sizeof(path));
	backing = open(path, O_RDONLY | O_CLOEXEC);
	good = backing >= 0 && loop_hold(path, backing, MARK, node, size, fd);
	if (backing >= 0)
		close(backing);
	return good;
}

/* On @node, by another name, where it can be written to */
static bool search_on(const struct replay *replay, struct search *search,
		      struct sparing *sparing)
{
	char name[NAME_SIZE];
	struct map_info info;
	bool good;

	if (!replay_show(replay))
		return false;
	good = map_info(replay->name, &info) && sysfs_name(info.dev, name);
	if (good) {
		search->dev = info.dev;
		device_node(name, search->node, sizeof(search->node));
		good = search_in_time(search, sparing);
	}
	if (!sparing->hangs)
		replay_hide(replay);
	return good;
}

/* What no snapshot that was looked at before needs of the file, gets less */
static bool look_at(const struct snapshot *snap, struct settled *file,
		    const char *type, struct sparing *sparing)
{
	struct search *search = process_share(sizeof(*search));
	char look[MAP_NAME_MAX], node[PATH_MAX];
	struct device at = *file->on;
	struct replay replay = { .device = &at, .beneath = node, .name = look,
				 .limit = sparing->limit,
				 .record = sparing->record };
	bool good = false;
	int fd = -1;

	if (!search)
		return false;
	at.sectors = snap->sectors;
	snprintf(look, sizeof(look), "%.110s-look", file->store);
	search->name = snap->map.name;
	search->from = file->spare;
	snprintf(search->type, sizeof(search->type), "%s", type);
	if (show_again(snap, node, sizeof(node), &fd))
		good = search_on(&replay, search, sparing) &&
		       extents_copy(&file->spare, search->v, search->n);
	if (fd >= 0)
		close(fd);
	process_unshare(search, sizeof(*search));
	return good;
}

bool spare_find(struct settled *file, struct sparing *sparing)
{
	const struct stack *stack = sparing->stack;
	struct content content;
	bool good = extents_copy(&file->spare, file->extents.v, file->extents.n);

	content_read(file->on->path, &content);
	for (size_t i = 0; good && i < stack->n_snapshots; i++) {
		const struct snapshot *snap = &stack->snapshots[i];

		/* one that is lost needs nothing */
		if (stack_of_snapshot(stack, snap) != sparing->ip ||
		    !strcmp(snap->status.problem, "Invalid") ||
		    !file->spare.n)
			continue;
		good = look_at(snap, file, content.type, sparing);
	}
	extents_cut(&file->spare, extents_bytes(&file->spare) /
				  sparing->unit * sparing->unit);
	return good;
}
