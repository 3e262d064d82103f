// SPDX-License-Identifier: GPL-2.0
/*
 * The opposite of each step. What is not there any more, or never was, is no
 * error: who wrote the line may have ended before the step, and somebody else
 * may have removed it. What was made is known by its number, also if it was renamed:
 *
 *     mapped devices, loop devices   253:3/42   device number, diskseq
 *     files                          1234/1700000000.5/7.0   inode, birth, fsid
 *     logical volumes                LVM-...    the UUID of their mapped device
 *
 * The kernel gives each disk that appears a diskseq of its own, until the next
 * boot, and the records live as long. Whatever has the name, but another
 * number, is somebody else's and stays. Space is not touched while it is in use.
 *
 * Without a number nobody has seen it made. A process that was killed in between
 * may have left it, so this much is undone, and no more:
 *
 *     mapped devices    with the UUID of what was to be made, and still that name
 *     files             empty ones, as they are before their number is known; an
 *                       immutable one is never without its number
 *     loop devices      of the file that was made for it, by the number of that
 *     lines             of an interposetab, by the name in them
 *     logical volumes   with the tag that was chosen for it alone
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/loop.h>

#include "continuity.h"
#include "interposetab.h"
#include "loop.h"
#include "map.h"
#include "own.h"
#include "say.h"
#include "settled.h"
#include "stack.h"
#include "tabline.h"
#include "undo.h"

#define LOOK_TENTHS	50		/* of a second, for a mount to go */

/*
 * Numbers
 */

static bool disk_identity(dev_t dev, char *identity)
{
	char name[NAME_SIZE], seq[32];

	if (!sysfs_name(dev, name) ||
	    !sysfs_read(name, "diskseq", seq, sizeof(seq)))
		return false;
	snprintf(identity, IDENTITY_MAX, "%u:%u/%s", major(dev), minor(dev),
		 seq);
	return true;
}

static bool find_disk(const char *identity, dev_t *dev)
{
	unsigned int major, minor;
	char now[IDENTITY_MAX];

	if (sscanf(identity, "%u:%u/", &major, &minor) != 2)
		return false;
	*dev = makedev(major, minor);
	return disk_identity(*dev, now) && !strcmp(now, identity);
}

/* Of the file system, which may be mounted elsewhere, or not, by then */
static bool file_system_identity(const char *path, char *identity, size_t size)
{
	char directory[PATH_MAX];
	struct statfs fs;

	snprintf(directory, sizeof(directory), "%s", path);
	if (statfs(dirname(directory), &fs))
		return false;
	snprintf(identity, size, "/%x.%x", fs.f_fsid.__val[0],
		 fs.f_fsid.__val[1]);
	return true;
}

static bool file_number(const char *path, char *identity)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW,
		  STATX_INO | STATX_BTIME, &st))
		return false;
	snprintf(identity, IDENTITY_MAX, "%llu/%lld.%u",
		 (unsigned long long)st.stx_ino,
		 (long long)(st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec : 0),
		 st.stx_mask & STATX_BTIME ? st.stx_btime.tv_nsec : 0);
	return true;
}

static bool file_identity(const char *path, char *identity)
{
	size_t n;

	if (!file_number(path, identity))
		return false;
	n = strlen(identity);
	return file_system_identity(path, identity + n, IDENTITY_MAX - n);
}

/* Just made, so that nothing else has that UUID, by whatever name */
static bool identity_of_interposer(const char *name, char *identity)
{
	struct map_info info;

	return map_made(MAP_INTERPOSER, name, &info) &&
	       disk_identity(info.dev, identity);
}

/* It was there before, and may not have been made by interposectl */
static bool identity_of_map(const char *name, char *identity)
{
	struct map_info info;

	return map_info(name, &info) && disk_identity(info.dev, identity);
}

static bool identity_of_snapshot(const char *name, char *identity)
{
	struct map_info info;

	return map_made(MAP_SNAPSHOT, name, &info) &&
	       disk_identity(info.dev, identity);
}

static bool identity_of_origin(const char *name, char *identity)
{
	struct map_info info;

	return map_made(MAP_ORIGIN, name, &info) &&
	       disk_identity(info.dev, identity);
}

static bool identity_of_look(const char *name, char *identity)
{
	struct map_info info;

	return map_made(MAP_LOOK, name, &info) &&
	       disk_identity(info.dev, identity);
}

static bool identity_of_store(const char *name, char *identity)
{
	struct map_info info;

	return map_made(MAP_STORE, name, &info) &&
	       disk_identity(info.dev, identity);
}

static bool identity_of_loop(const char *path, char *identity)
{
	char name[NAME_SIZE];
	dev_t dev;

	return loop_of_file(path, name) && sysfs_devno(name, &dev) &&
	       disk_identity(dev, identity);
}

/* "vg/lv" --> the UUID by which device-mapper knows it */
static bool identity_of_lv(const char *name, char *identity)
{
	char node[PATH_MAX], kernel_name[NAME_SIZE];
	struct stat st;

	snprintf(node, sizeof(node), "/dev/%s", name);
	return !stat(node, &st) && sysfs_name(st.st_rdev, kernel_name) &&
	       sysfs_read(kernel_name, "dm/uuid", identity, IDENTITY_MAX) &&
	       !strncmp(identity, "LVM-", 4) && !strchr(identity, ' ');
}

/*
 * Space that is in use
 */

static bool copy_name(const char *entry, void *data)
{
	if (!sysfs_read(entry, "dm/name", data, NAME_SIZE))
		snprintf(data, NAME_SIZE, "%s", entry);
	return true;
}

static bool is_held(const char *name, const char *what)
{
	char holder[NAME_SIZE] = "", shown[SHOWN_SIZE];

	if (!sysfs_each(name, "holders", copy_name, holder))
		return false;
	complain("%s (%s) is in use by %s", what,
		 device_shown(name, shown, sizeof(shown)), holder);
	return true;
}

/*
 * Mapped devices
 */

static bool map_of(const char *name, const char *identity,
		   struct map_info *info)
{
	dev_t dev;

	return *identity ? find_disk(identity, &dev) &&
			   map_info_of(dev, "", info) : map_info(name, info);
}

static bool map_that_was_made(enum map_kind kind, const char *name,
			      const char *identity, struct map_info *info)
{
	if (*identity)
		return map_of(name, identity, info);
	if (!map_made(kind, name, info))
		return false;
	if (!strcmp(info->name, name))
		return true;
	complain("%s was created as %s and renamed, and is left alone",
		 info->name, name);
	return false;
}

/* Only if no snapshot needs it */
static bool remove_interposer(const char *name, const char *identity,
			      bool pinned)
{
	char names[1024] = "";
	struct map_info info;
	struct stack stack;
	const struct interposer *ip;
	size_t snapshots = 0;
	bool good = true;

	if (!map_that_was_made(MAP_INTERPOSER, name, identity, &info))
		return true;
	if (!stack_read(&stack))
		return false;
	ip = stack_of_map(&stack, info.name);
	if (ip && !options.dry_run)
		snapshots = stack_snapshots_of(&stack, ip, names, sizeof(names));
	if (ip && pinned && !snapshots && continuity_is_pinned(ip))
		good = continuity_unpin(ip);
	stack_free(&stack);
	return snapshots || (good && map_remove(info.name));
}

static bool undo_interposer(const char *name, const char *identity)
{
	return remove_interposer(name, identity, false);
}

/* One that was made so, by a command that did not get to its end */
static bool undo_pinned(const char *name, const char *identity)
{
	return remove_interposer(name, identity, true);
}

static bool undo_resume(const char *name, const char *identity)
{
	struct map_info info;
	uint32_t cookie = 0;
	bool good = true;

	if (map_of(name, identity, &info) && info.suspended) {
		good = map_resume(info.name, &cookie);
		map_wait(cookie);
	}
	return good;
}

/* An era may lie on it by now, and then it goes with that */
static bool undo_origin(const char *name, const char *identity)
{
	struct map_info info;

	return !map_that_was_made(MAP_ORIGIN, name, identity, &info) ||
	       (info.open_count && !options.dry_run) || map_remove(info.name);
}

static bool undo_snapshot(const char *name, const char *identity)
{
	struct map_info info;

	if (!map_that_was_made(MAP_SNAPSHOT, name, identity, &info))
		return true;
	if (info.open_count && !options.dry_run) {
		complain("/dev/mapper/%s is in use (umount it)", info.name);
		return false;
	}
	return map_remove(info.name);
}

static bool undo_store(const char *name, const char *identity)
{
	struct map_info info;

	if (!map_that_was_made(MAP_STORE, name, identity, &info))
		return true;
	if (info.open_count && !options.dry_run) {
		complain("/dev/mapper/%s is in use, and with it the file in which it lies",
			 info.name);
		return false;
	}
	return map_remove(info.name);
}

/* The process that had mounted it is gone, and so is its mount, or soon will be */
static bool undo_look(const char *name, const char *identity)
{
	struct map_info info = { };

	for (int i = 0; i < LOOK_TENTHS; i++) {
		if (!map_that_was_made(MAP_LOOK, name, identity, &info))
			return true;
		if (!info.open_count || options.dry_run)
			break;
		usleep(100000);
	}
	return map_remove(info.name);
}

/* It goes on without era, and what lies on it can go */
static bool undo_era(const char *name, const char *identity)
{
	struct map_info info;

	return !map_of(name, identity, &info) || own_release(info.name);
}

/* Who else has dropped it has left nothing to do: "8/512 3 -" */
static bool undo_metadata_snapshot(const char *name, const char *identity)
{
	char word[WORD_MAX];
	struct map_info info;
	struct stack stack;
	const struct interposer *ip;
	bool held = true;

	if (!map_of(name, identity, &info))
		return true;
	if (!stack_read(&stack))
		return false;
	ip = stack_of_map(&stack, info.name);
	if (!ip || strcmp(ip->table.inner, "era") ||
	    (ip->has_status &&
	     parse_nth_word(ip->status.inner_status, 3, word, sizeof(word)) &&
	     !strcmp(word, "-")))
		held = false;
	stack_free(&stack);
	return !held || map_message(info.name, "drop_metadata_snap");
}

/*
 * Space
 */

static bool clear_loop(const char *name)
{
	char node[NAME_SIZE + 8];
	bool good = true;
	int fd;

	if (is_held(name, "the loop device"))
		return false;
	snprintf(node, sizeof(node), "/dev/%s", name);
	fd = open(node, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	if (step("losetup -d %s", node) && ioctl(fd, LOOP_CLR_FD) &&
	    errno != ENXIO) {
		complain("cannot detach %s: %s", node, strerror(errno));
		good = false;
	}
	close(fd);
	return good;
}

static bool undo_loop(const char *path, const char *identity)
{
	char name[NAME_SIZE], file[IDENTITY_MAX];
	dev_t dev;

	if (*identity == '?')
		return !file_identity(path, file) ||
		       strcmp(file, identity + 1) ||
		       !loop_of_file(path, name) || clear_loop(name);
	return !find_disk(identity, &dev) || !sysfs_name(dev, name) ||
	       !sysfs_exists(name, "loop/backing_file") || clear_loop(name);
}

/* That it is not there does not mean that nothing is left of it */
static bool is_elsewhere(const char *path, const char *identity)
{
	char now[IDENTITY_MAX];
	const char *fs = strrchr(identity, '/');

	if (fs && file_system_identity(path, now, sizeof(now)) &&
	    strcmp(now, fs))
		complain("the file system with %s is no longer mounted; mount it and remove the file",
			 path);
	return true;
}

/* "1234/1700000000.5" is of "1234/1700000000.5/7.0" */
static bool is_that_file(const char *now, const char *identity)
{
	size_t n = strlen(now);

	return !strncmp(now, identity, n) && identity[n] == '/';
}

/* As from the open() that makes it; see make_file() */
static bool is_just_made(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISREG(st.st_mode) && !st.st_size &&
	       !st.st_uid && st.st_nlink == 1;
}

static bool undo_file(const char *path, const char *identity)
{
	char now[IDENTITY_MAX], name[NAME_SIZE];

	if (!file_number(path, now)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return is_elsewhere(path, identity);
		complain("cannot look at %s: %s", path, strerror(errno));
		return false;
	}
	if (*identity && !is_that_file(now, identity)) {
		complain("%s is a different file now, and is left alone", path);
		return true;
	}
	if (!*identity && !is_just_made(path)) {
		complain("%s may not be a file that interposectl has created, and is left alone",
			 path);
		return true;
	}
	if (loop_of_file(path, name) && !loop_goes(name)) {
		complain("%s is in use by /dev/%s", path, name);
		return false;
	}
	if (settled_in_use(path, name, sizeof(name))) {
		complain("%s is in use by /dev/mapper/%s", path, name);
		return false;
	}
	if (*identity && settled_is_fixed(path) &&
	    step("chattr -i %s", path) && !settled_release(path))
		return false;
	if (!step("rm %s", path) || !unlink(path) || errno == ENOENT)
		return true;
	complain("cannot remove %s: %s", path, strerror(errno));
	return false;
}

/* "STORE FILE": what is to make a COW store larger --> the file */
static const char *extension_file(const char *argument)
{
	const char *blank = strchr(argument, ' ');

	return blank ? blank + 1 : "";
}

static bool identity_of_extension(const char *argument, char *identity)
{
	return file_identity(extension_file(argument), identity);
}

/*
 * Once the store is larger, the file belongs to the snapshot, whose record names it.
 * Until then nothing is written there, if what was loaded is not resumed later.
 */
static bool undo_extension(const char *argument, const char *identity)
{
	const char *path = extension_file(argument);
	char store[MAP_NAME_MAX], by[MAP_NAME_MAX];
	struct map_info info;

	snprintf(store, sizeof(store), "%.*s", (int)strcspn(argument, " "),
		 argument);
	if (map_made(MAP_STORE, store, &info) && info.loaded &&
	    !map_clear(info.name))
		return false;
	return settled_in_use(path, by, sizeof(by)) || undo_file(path, identity);
}

/* "NAME FILE": the line of that name in an interposetab */
static bool undo_tab_line(const char *argument, const char *identity)
{
	char name[TAB_NAME_MAX + 1];
	const char *file = strchr(argument, ' ');

	(void)identity;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument, " "), argument);
	return !file || tabline_remove(file + 1, name);
}

static bool undo_ram(const char *directory, const char *identity)
{
	(void)identity;
	if (access(directory, F_OK) ||
	    !step("umount %s; rmdir %s", directory, directory))
		return true;
	if (umount(directory) && errno != EINVAL && errno != ENOENT) {
		complain("cannot unmount %s: %s", directory, strerror(errno));
		return false;
	}
	if (!rmdir(directory) || errno == ENOENT)
		return true;
	complain("cannot remove %s: %s", directory, strerror(errno));
	return false;
}

/* "LVM-", 32 characters of the group, 32 of the volume --> as LVM writes it */
static bool lv_uuid(const char *identity, char *uuid, size_t size)
{
	const char *v = identity + 36;

	if (strlen(identity) < 68 || strspn(v, "abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") < 32)
		return false;
	snprintf(uuid, size, "%.6s-%.4s-%.4s-%.4s-%.4s-%.4s-%.6s", v, v + 6,
		 v + 10, v + 14, v + 18, v + 22, v + 26);
	return true;
}

/* The name of the one that @select selects, such as lv_uuid=... */
static bool find_lv(const char *select, char *name, size_t size)
{
	char command[512];
	FILE *lvs;
	bool found;

	if (strchr(select, '\''))
		return false;
	snprintf(command, sizeof(command),
		 "lvs --quiet --noheadings -o lv_full_name -S '%s' 2>/dev/null",
		 select);
	fflush(NULL);
	keep_descriptors();
	lvs = popen(command, "re");
	if (!lvs)
		return false;
	found = fgets(name, size, lvs);
	pclose(lvs);
	if (!found)
		return false;
	name[strcspn(name, "\n")] = '\0';
	memmove(name, name + strspn(name, " "), strlen(name + strspn(name, " ")) + 1);
	return *name;
}

static bool remove_lv(const char *name)
{
	const char *const remove[] = { "lvremove", "--quiet", "--yes", name,
		NULL };

	if (!run(remove))
		return true;
	complain("lvremove %s failed", name);
	return false;
}

/* Its volume group may be away for a while, with its disks */
static bool undo_missing_lv(const char *name, const char *active)
{
	char group[256];
	const char *const look[] = { "vgs", "--quiet", group, NULL };

	snprintf(group, sizeof(group), "%.*s", (int)strcspn(name, "/"), name);
	if (looks(look))
		return true;
	if (*active) {
		complain("cannot remove the logical volume %s: volume group %s is missing (if it is gone for good: dmsetup remove %s)",
			 name, group, active);
		return false;
	}
	complain("volume group %s is gone; if it comes back: lvremove %s",
		 group, name);
	return true;
}

static bool undo_lv(const char *name, const char *identity)
{
	char select[512], uuid[64], now[256], kernel_name[NAME_SIZE];
	struct map_info info;

	info.name[0] = '\0';
	if (!*identity) {
		complain("the logical volume %s may not be one that interposectl has created, and is left alone",
			 name);
		return true;
	}
	if (lv_uuid(identity, uuid, sizeof(uuid))) {
		if (map_with_uuid(identity, &info) &&
		    sysfs_name(info.dev, kernel_name) &&
		    is_held(kernel_name, name))
			return false;
		snprintf(select, sizeof(select), "lv_uuid=%s", uuid);
	} else {
		snprintf(select, sizeof(select), "lv_tags=\"%.200s\"",
			 identity + (*identity == '?'));
	}
	return find_lv(select, now, sizeof(now)) ? remove_lv(now) :
		undo_missing_lv(name, info.name);
}

/*
 * Lines
 */

static const struct {
	const char *word;
	bool (*undo)(const char *argument, const char *identity);
	bool (*identify)(const char *argument, char *identity);
} undos[] = {
	{ "interposer ", undo_interposer, identity_of_interposer },
	{ "pinned ", undo_pinned, identity_of_interposer },
	{ "origin ", undo_origin, identity_of_origin },
	{ "store ", undo_store, identity_of_store },
	{ "era ", undo_era, identity_of_map },
	{ "look ", undo_look, identity_of_look },
	{ "resume ", undo_resume, identity_of_map },
	{ "snapshot ", undo_snapshot, identity_of_snapshot },
	{ "loop ", undo_loop, identity_of_loop },
	{ "file ", undo_file, file_identity },
	{ "extension ", undo_extension, identity_of_extension },
	{ "ram ", undo_ram, NULL },
	{ "lv ", undo_lv, identity_of_lv },
	{ "line ", undo_tab_line, NULL },
	{ "metadata-snapshot ", undo_metadata_snapshot, identity_of_map },
};

#define N_UNDOS (sizeof(undos) / sizeof(*undos))

static size_t find(const char *line, const char **argument)
{
	size_t i;

	for (i = 0; i < N_UNDOS; i++) {
		size_t length = strlen(undos[i].word);

		*argument = line + length;
		if (!strncmp(line, undos[i].word, length) && **argument)
			break;
	}
	return i;
}

bool undo_knows(const char *line)
{
	const char *argument;

	return find(line, &argument) < N_UNDOS;
}

bool undo_identity(const char *line, char *identity)
{
	const char *argument;
	size_t i = find(line, &argument);

	*identity = '\0';
	return i < N_UNDOS && undos[i].identify &&
	       undos[i].identify(argument, identity) && *identity;
}

bool undo(const char *line, const char *identity)
{
	const char *argument;
	size_t i = find(line, &argument);

	if (i < N_UNDOS)
		return undos[i].undo(argument, identity);
	complain("unknown: undo %s", line);
	return false;
}
