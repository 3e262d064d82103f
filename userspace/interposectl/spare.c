// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "content.h"
#include "fsmap.h"
#include "process.h"
#include "say.h"
#include "spare.h"

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

/*
 * A log that is still to be replayed, if the file system was not frozen at the
 * moment; s_feature_incompat of an ext4. That of an XFS does not tell.
 */
static bool is_settled(const struct search *search)
{
	enum { INCOMPAT = 1024 + 0x60, NEEDS_RECOVERY = 4 };
	int fd = open(search->node, O_RDONLY | O_CLOEXEC);
	uint32_t incompat = 0;
	bool good;

	good = fd >= 0 && pread(fd, &incompat, sizeof(incompat), INCOMPAT) ==
	       sizeof(incompat);
	if (fd >= 0)
		close(fd);
	return good && (strcmp(search->type, "ext4") ||
			!(le32toh(incompat) & NEEDS_RECOVERY));
}

/* Nobody else sees it, and it goes with this process, whatever ends that */
static bool mount_it(const struct search *search)
{
	const char *how = strcmp(search->type, "xfs") ?
			  "noload,errors=continue" : "norecovery,nouuid";

	return !unshare(CLONE_NEWNS) &&
	       !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount(search->node, state_dir, search->type, MS_RDONLY |
		      MS_NOSUID | MS_NODEV | MS_NOEXEC, how);
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
	bool good = false;

	if (!is_settled(search)) {
		complain("what is free in the snapshot %s is unknown, because its journal was not written back at its moment",
			 search->name);
		return false;
	}
	if (mount_it(search)) {
		good = read_free(search);
		umount(state_dir);
	}
	if (!good)
		complain("what is free in the snapshot %s cannot be told (%s); if it is mounted for writing, unmount it",
			 search->name, strerror(errno));
	return good;
}

static bool take_over(const struct search *search, struct extents *extents)
{
	extents_free(extents);
	if (!search->n)
		return true;
	extents->v = malloc(search->n * sizeof(*search->v));
	if (!extents->v)
		return false;
	extents->n = search->n;
	memcpy(extents->v, search->v, search->n * sizeof(*search->v));
	return true;
}

/* @left: of the file, what no snapshot that was looked at before needs */
static bool look_at(const struct snapshot *snap, const char *type,
		    struct extents *left, struct process *process)
{
	struct search *search = process_share(sizeof(*search));
	char name[NAME_SIZE];
	enum ending ending = ENDED_BADLY;
	bool good;

	if (!search)
		return false;
	search->name = snap->map.name;
	search->dev = snap->map.dev;
	search->from = *left;
	snprintf(search->type, sizeof(search->type), "%s", type);
	process->data = search;
	if (sysfs_name(snap->map.dev, name)) {
		device_node(name, search->node, sizeof(search->node));
		ending = process_in_time(process);
	}
	if (ending == ENDED_LATE)
		complain("given up after %u seconds: the snapshot %s cannot be read",
			 process->limit, snap->map.name);
	good = ending == ENDED_WELL && take_over(search, left);
	process_unshare(search, sizeof(*search));
	return good;
}

static bool copy(const struct extents *from, struct extents *to)
{
	extents_free(to);
	to->v = malloc(from->n * sizeof(*from->v));
	if (!to->v)
		return false;
	to->n = from->n;
	memcpy(to->v, from->v, from->n * sizeof(*from->v));
	return true;
}

bool spare_find(struct settled *file, struct sparing *sparing)
{
	const struct stack *stack = sparing->stack;
	struct process process = { .run = find, .limit = sparing->limit,
				   .record = sparing->record };
	struct content content;
	bool good = copy(&file->extents, &file->spare);

	content_read(file->on->path, &content);
	for (size_t i = 0; good && i < stack->n_snapshots; i++) {
		const struct snapshot *snap = &stack->snapshots[i];

		/* one that is lost needs nothing */
		if (stack_of_snapshot(stack, snap) != sparing->ip ||
		    *snap->status.problem || !file->spare.n)
			continue;
		good = look_at(snap, content.type, &file->spare, &process);
	}
	sparing->hangs = process.hangs;
	extents_cut(&file->spare, extents_bytes(&file->spare) /
				  sparing->unit * sparing->unit);
	return good;
}
