// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <libmount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "content.h"
#include "cow.h"
#include "loop.h"
#include "process.h"
#include "replay.h"
#include "say.h"

#define MARK	"interposectl replay"

bool replay_suits(const struct device *device, const char *remedy)
{
	struct content content;

	content_read(device->path, &content);
	if (strcmp(content.type, "ext4") && strcmp(content.type, "xfs"))
		complain("%s holds no ext4 and no XFS, and only on these the blocks of a file stay where they are; %s",
			 device->shown, remedy);
	else if (content_needs_others(&content))
		complain("the file system of %s lies on other devices, too (its journal, or data), so where a file lies could not be told before it is mounted; %s",
			 device->shown, remedy);
	else
		return true;
	return false;
}

/*
 * While it is mounted
 */

int replay_open_mounted(const struct device *device)
{
	struct libmnt_iter *at = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_table *table = device_mounts();
	struct libmnt_fs *fs;
	int fd = -1;

	while (fd < 0 && table && at && !mnt_table_next_fs(table, at, &fs))
		if (mnt_fs_get_devno(fs) == device->dev &&
		    !strcmp(mnt_fs_get_root(fs) ?: "", "/"))
			fd = open(mnt_fs_get_target(fs),
				  O_PATH | O_DIRECTORY | O_CLOEXEC);
	mnt_free_iter(at);
	mnt_unref_table(table);
	return fd;
}

static bool find_mounted(const struct replay *replay, struct settled *file)
{
	int root = replay_open_mounted(replay->device);
	bool good = root >= 0 && settled_find(file, root);

	if (root < 0)
		complain("%s is mounted, but no mount shows all of its file system; unmount it first",
			 replay->device->shown);
	else
		close(root);
	return good;
}

/*
 * While it is not
 */

/* In memory that this process shares with the one that mounts */
struct finding {
	const struct settled *file;
	char node[PATH_MAX];
	char type[64];
	uint64_t bytes;
	size_t n;
	struct extent v[EXTENTS_MOST];
};

bool replay_mount(const char *node, const char *type)
{
	/* never a panic, whatever its superblock asks for */
	const char *data = strcmp(type, "xfs") ? "errors=remount-ro" : "nouuid";

	return !unshare(CLONE_NEWNS) &&
	       !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount(node, state_dir, type, MS_RDONLY | MS_NOSUID |
		      MS_NODEV | MS_NOEXEC, data);
}

static bool find(void *data)
{
	struct finding *finding = data;
	struct settled file = *finding->file;
	bool good;
	int root;

	if (!replay_mount(finding->node, finding->type)) {
		complain("cannot mount a snapshot of the file system of %s to find %s (%s); mount it by hand to see what is wrong with it",
			 file.on->shown, file.path, strerror(errno));
		return false;
	}
	root = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	good = root >= 0 && settled_find(&file, root);
	if (root >= 0)
		close(root);
	if (good) {
		finding->bytes = file.bytes;
		finding->n = file.extents.n;
		memcpy(finding->v, file.extents.v,
		       file.extents.n * sizeof(*file.extents.v));
	}
	return !umount(state_dir) && good;
}

static bool find_in_time(struct replay *replay, struct settled *file)
{
	struct finding *finding = process_share(sizeof(*finding));
	struct process process = { .run = find, .data = finding,
				   .limit = replay->limit,
				   .record = replay->record };
	struct content content;
	struct map_info info;
	char name[NAME_SIZE];
	enum ending ending;
	bool good = false;

	if (!finding)
		return false;
	content_read(replay->device->path, &content);
	finding->file = file;
	snprintf(finding->type, sizeof(finding->type), "%s", content.type);
	if (map_info(replay->name, &info) && sysfs_name(info.dev, name)) {
		device_node(name, finding->node, sizeof(finding->node));
		ending = process_in_time(&process);
		replay->hangs = process.hangs;
		good = ending == ENDED_WELL &&
		       extents_copy(&file->extents, finding->v, finding->n);
		if (good)
			file->bytes = finding->bytes;
		if (ending == ENDED_LATE)
			complain("given up after %u seconds: the journal of %s cannot be read; if it is only slow, add --timeout SECONDS",
				 replay->limit, replay->device->shown);
	}
	process_unshare(finding, sizeof(*finding));
	return good;
}

/* Of memory, as much as is written; it goes with its last user */
static bool make_store(const struct replay *replay, char *node, size_t size,
		       int *loop)
{
	int memory = memfd_create("interposectl", MFD_CLOEXEC);
	bool good;

	good = memory >= 0 &&
	       !ftruncate(memory, (replay->device->sectors + 7) / 8 * 4096);
	if (!good)
		complain("no memory for a snapshot of %s: %s",
			 replay->device->shown, strerror(errno));
	good = good && loop_hold("memory", memory, MARK, node, size, loop);
	if (memory >= 0)
		close(memory);
	return good;
}

bool replay_show(const struct replay *replay)
{
	char params[2 * PATH_MAX + 32], store[PATH_MAX];
	uint32_t cookie = 0;
	bool good, made;
	int loop = -1;

	if (!make_store(replay, store, sizeof(store), &loop))
		return false;
	snprintf(params, sizeof(params), "%s %s N %u", replay->beneath, store,
		 cow_chunk(replay->device, store));
	good = record_undo(replay->record, "look %s", replay->name) &&
	       map_create(replay->name, MAP_LOOK, replay->device->sectors,
			  "snapshot", params, &cookie, &made);
	map_wait(cookie);
	if (loop >= 0)
		close(loop);
	return good && record_made(replay->record, "look %s", replay->name);
}

void replay_hide(const struct replay *replay)
{
	if (map_remove(replay->name))
		record_made_nothing(replay->record, "look %s", replay->name);
}

static bool find_unmounted(struct replay *replay, struct settled *file)
{
	bool good = replay_show(replay) && find_in_time(replay, file);

	if (replay->hangs)
		return false;
	if (good)
		replay_hide(replay);
	return good;
}

bool replay_find(struct replay *replay, struct settled *file)
{
	struct usage usage;
	bool good;
	int held;

	device_usage(replay->device->name, &usage);
	if (*usage.mountpoint)
		return find_mounted(replay, file);
	held = open(replay->device->path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (held < 0) {
		complain("%s is in use; stop using it first",
			 replay->device->shown);
		return false;
	}
	good = find_unmounted(replay, file);
	close(held);
	return good;
}
