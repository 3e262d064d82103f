// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libmount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>

#include "newfile.h"
#include "say.h"
#include "series.h"
#include "settled.h"
#include "stack.h"
#include "state.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC	0x58465342
#endif

/* "BOOT-ID NAME": when it was made, and for which mapped device */
#define ATTRIBUTE	"trusted.interposectl"
/* "NAME", of one that outlives its boot */
#define ATTRIBUTE_LASTS	"trusted.interposectl.track"
#define BOOT_SIZE	64

/*
 * Where there can be one
 */

/* On these nothing but an ioctl moves the blocks of a file, and none an immutable one's */
static bool stays_on(const struct statfs *fs)
{
	return fs->f_type == EXT4_SUPER_MAGIC || fs->f_type == XFS_SUPER_MAGIC;
}

/* Also of a directory: what is made in it inherits this */
static const char *bad_flag(int fd)
{
	struct fsxattr attributes;
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) ||
	    ioctl(fd, FS_IOC_FSGETXATTR, &attributes))
		return "has no attributes that can be read";
	if (st.stx_attributes & STATX_ATTR_ENCRYPTED)
		return "is encrypted";
	if (st.stx_attributes & STATX_ATTR_COMPRESSED)
		return "is compressed";
	if (st.stx_attributes & STATX_ATTR_VERITY)
		return "is protected by fs-verity";
	if (st.stx_attributes & STATX_ATTR_DAX ||
	    attributes.fsx_xflags & FS_XFLAG_DAX)
		return "is for DAX";
	if (attributes.fsx_xflags & (FS_XFLAG_REALTIME | FS_XFLAG_RTINHERIT))
		return "is on the realtime device of an XFS";
	return NULL;
}

bool settled_suits(const char *directory, char *why, size_t size)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *flag = NULL;
	struct statfs fs;
	bool good = false;

	if (fd < 0 || fstatfs(fd, &fs)) {
		snprintf(why, size, "cannot be opened (%s)", strerror(errno));
	} else if (!stays_on(&fs)) {
		snprintf(why, size, "is neither on an ext4 nor on an XFS, and only on these the blocks of a file stay where they are");
	} else {
		flag = bad_flag(fd);
		good = !flag;
		if (flag)
			snprintf(why, size, "%s", flag);
	}
	if (fd >= 0)
		close(fd);
	return good;
}

/* Also of a mount with data=journal, where the data comes later than the journal */
static const char *unfit(int fd)
{
	const char *flag = bad_flag(fd);
	struct statx st;

	if (flag)
		return flag;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) ||
	    !(st.stx_mask & STATX_DIOALIGN) || !st.stx_dio_offset_align)
		return "takes no direct I/O, as with data=journal";
	return NULL;
}

/*
 * Making it
 */

static bool boot_id(char *id)
{
	char path[PATH_MAX];
	FILE *file = fopen(proc_path("sys/kernel/random/boot_id", path,
				     sizeof(path)), "re");
	bool good = file && fscanf(file, "%63s", id) == 1;

	if (file)
		fclose(file);
	return good;
}

static bool refuse_file(const struct settled *file, const char *why)
{
	if (file->lasts)
		complain("what changes cannot be recorded in %s: it %s; name a file on another disk, or use --meta or --vg",
			 file->path, why);
	else
		complain("the COW store cannot be in %s: it %s; put it on another disk, or use --ram",
			 file->path, why);
	return false;
}

static bool failed(const struct settled *file)
{
	complain("cannot make %s: %s", file->path, strerror(errno));
	return false;
}

static bool sign(const struct settled *file, int fd)
{
	char text[BOOT_SIZE + MAP_NAME_MAX + 2], boot[BOOT_SIZE];

	if (file->lasts)
		return !fsetxattr(fd, ATTRIBUTE_LASTS, file->store,
				  strlen(file->store), XATTR_CREATE);
	if (!boot_id(boot))
		return false;
	snprintf(text, sizeof(text), "%s %s", boot, file->store);
	return !fsetxattr(fd, ATTRIBUTE, text, strlen(text), XATTR_CREATE);
}

/* Whole blocks of the file system, and of the device */
static unsigned int unit_of(const struct settled *file, unsigned int block)
{
	unsigned int least = sysfs_block_size(file->on->name);
	unsigned int unit = block < 4096 ? block : 4096;

	return unit < least ? least : unit;
}

/*
 * One that outlives its boot may be copied meanwhile, and on an XFS a copy shares its
 * blocks (cp does that by itself). They stay allocated as long as either file has them,
 * and a write to the copy goes elsewhere. The copy alone changes with what is recorded,
 * and it is of no use: that holds also for who has the same blocks by a deduplication,
 * for they were equal to a part of a record, or to a mark.
 */
static bool read_extents(const struct settled *file, int fd,
			 struct extents *extents)
{
	char why[256];
	struct statfs fs;
	bool good;

	if (fstatfs(fd, &fs))
		return failed(file);
	good = extents_read(fd, file->bytes, extents, why, sizeof(why));
	if (good && file->lasts)
		extents_let_share(extents);
	good = good &&
	       extents_check(extents, file->bytes, file->on->sectors * 512,
			     fs.f_bsize, why, sizeof(why));
	if (good) {
		extents_join(extents);
		good = extents->n <= EXTENTS_MOST;
		snprintf(why, sizeof(why), "is in %zu pieces, which are too many",
			 extents->n);
	}
	if (good)
		return true;
	extents_free(extents);
	return refuse_file(file, why);
}

static bool mark(struct settled *file, int fd)
{
	struct extents extents;
	struct statfs fs;
	bool good;

	if (fstatfs(fd, &fs) ||
	    getrandom(file->mark.id, sizeof(file->mark.id), 0) !=
	    sizeof(file->mark.id) ||
	    fcntl(fd, F_SETFL, O_DIRECT))
		return failed(file);
	file->mark.unit = unit_of(file, fs.f_bsize);
	if (!read_extents(file, fd, &extents))
		return false;
	good = extents_mark(fd, &extents, &file->mark) && !fsync(fd);
	extents_free(&extents);
	return good || failed(file);
}

bool settled_allocate(struct settled *file, int fd)
{
	const char *why = unfit(fd);
	struct stat st;

	if (why)
		return refuse_file(file, why);
	if (fstat(fd, &st) || !sign(file, fd))
		return failed(file);
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	if (fallocate(fd, 0, 0, file->bytes))
		return errno == EOPNOTSUPP ?
		       refuse_file(file, "cannot be allocated without being written, as on an ext3") :
		       failed(file);
	return (!file->choose || file->choose(file, fd, file->data)) &&
	       mark(file, fd);
}

bool settled_read(struct settled *file, int fd)
{
	settled_forget(file);
	return read_extents(file, fd, &file->extents);
}

static bool cut_out(int fd, uint64_t from, uint64_t to, bool last)
{
	/* also if there is nothing of it: what could not get larger may have got it */
	if (last)
		return !ftruncate(fd, from);
	return from == to ||
	       !fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, from, to - from);
}

/* From the end, so that what comes before stays where it is in the file */
bool settled_keep_spare(struct settled *file, int fd)
{
	uint64_t end = file->bytes;
	bool good = true;

	extents_sort(&file->spare);
	for (size_t i = file->spare.n; i-- && good; ) {
		const struct extent *one = &file->spare.v[i];

		good = cut_out(fd, one->logical + one->length, end,
			       end == file->bytes);
		end = one->logical;
	}
	good = good && cut_out(fd, 0, end, false);
	file->bytes = extents_bytes(&file->spare);
	return good || failed(file);
}

static bool set_immutable(int fd, bool on)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return false;
	flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	return !ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* The file that it was, and not what may have its name by now; -1: it is not there */
static int open_it(const struct settled *file)
{
	int fd = open(file->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && st.st_dev == file->dev &&
	    st.st_ino == file->ino)
		return fd;
	complain("%s is not there any more, or is another file", file->path);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Nor will anybody have: no lease for reading is given beside a writer */
static bool has_no_writer(const struct settled *file, int fd)
{
	if (!fcntl(fd, F_SETLEASE, F_RDLCK) && !fcntl(fd, F_SETLEASE, F_UNLCK))
		return true;
	if (errno == EAGAIN)
		complain("%s is open for writing in another process, which could still move it; try again",
			 file->path);
	else
		complain("whether %s is open for writing cannot be told: %s",
			 file->path, strerror(errno));
	return false;
}

/* @fd is that by which it was written, and is closed */
bool settled_fix(struct settled *file, int fd)
{
	int reader = open_it(file);
	bool good = reader >= 0;

	if (good && (!set_immutable(reader, true) || fsync(reader)))
		good = failed(file);
	close(fd);
	good = good && has_no_writer(file, reader);
	/* its directory, too, and what was freed before is not written back later */
	if (good && syncfs(reader))
		good = failed(file);
	if (reader >= 0)
		close(reader);
	return good;
}

bool settled_make(struct settled *file, struct record *record)
{
	char line[PATH_MAX + MAP_NAME_MAX + 16];
	int fd = -1;
	bool good = true;

	if (file->extends)
		snprintf(line, sizeof(line), "extension %s %s", file->store,
			 file->path);
	else
		snprintf(line, sizeof(line), "file %s", file->path);
	if (!record_undo(record, "%s", line))
		return false;
	if (step("fallocate -l %" PRIu64 " %s", file->bytes, file->path)) {
		fd = file_create(record, line, file->path);
		good = fd >= 0 && settled_allocate(file, fd);
	}
	if (good && step("chattr +i %s; sync -f %s", file->path, file->path)) {
		good = settled_fix(file, fd);
		fd = -1;
	}
	if (fd >= 0)
		close(fd);
	return good;
}

/*
 * Using it
 */

static bool is_immutable(int fd)
{
	struct statx st;

	return !statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) &&
	       st.stx_attributes & STATX_ATTR_IMMUTABLE;
}

static bool look(const struct settled *file, struct extents *extents)
{
	int fd = open_it(file);
	bool good = fd >= 0;

	if (good && !is_immutable(fd)) {
		complain("%s is not immutable any more", file->path);
		good = false;
	}
	good = good && read_extents(file, fd, extents);
	if (fd >= 0)
		close(fd);
	return good;
}

bool settled_prove(struct settled *file, const char *beneath)
{
	char why[256];
	bool good;
	int fd;

	settled_forget(file);
	if (!look(file, &file->extents))
		return false;
	fd = open(beneath, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0) {
		complain("cannot open %s: %s", beneath, strerror(errno));
		return false;
	}
	good = extents_prove(fd, &file->extents, &file->mark, why, sizeof(why));
	close(fd);
	return good || refuse_file(file, why);
}

/* As extents_pieces() does it */
static bool lay_step(const struct settled *file, const char *beneath)
{
	return step("filefrag -b512 -e %s | sed 's/[.:]/ /g' | awk '$1 ~ /^[0-9]+$/ { print $2, $6, \"linear\", on, $4 }' on=%s | dmsetup create %s --uuid INTERPOSE-COW-%s",
		    file->path, beneath, file->store, file->store);
}

static bool lay(const struct settled *file, const char *beneath)
{
	const struct extents *places = file->spare.n ? &file->spare :
						       &file->extents;
	struct map_piece *pieces = calloc(places->n, sizeof(*pieces));
	uint32_t cookie = 0;
	bool good, made;

	if (!pieces)
		return false;
	extents_pieces(places, 0, pieces);
	good = map_make_pieces(file->store, MAP_STORE, pieces, places->n,
			       beneath, &cookie, &made);
	free(pieces);
	map_wait(cookie);
	if (good)
		map_make_node(file->store);
	return good;
}

bool settled_lay(const struct settled *file, const char *beneath,
		 struct record *record)
{
	if (!record_undo(record, "store %s", file->store))
		return false;
	if (!lay_step(file, beneath))
		return true;
	if (lay(file, beneath))
		return record_made(record, "store %s", file->store);
	record_made_nothing(record, "store %s", file->store);
	return false;
}

bool settled_check(const struct settled *file)
{
	struct extents now;
	bool good;

	if (!look(file, &now))
		return false;
	good = extents_same(&now, &file->extents);
	extents_free(&now);
	return good || refuse_file(file, "has been moved");
}

void settled_forget(struct settled *file)
{
	extents_free(&file->extents);
	extents_free(&file->spare);
}

/*
 * One that outlives its boot
 */

/* Without links, so that nobody but root can have put it there */
static int open_beneath(int root, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
			 O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_XDEV,
	};

	return syscall(SYS_openat2, root, path + strspn(path, "/"), &how,
		       sizeof(how));
}

static const char *not_ours(int fd, const struct stat *st)
{
	char store[MAP_NAME_MAX];

	if (!S_ISREG(st->st_mode) || st->st_uid || !st->st_size)
		return "is not a file of root's";
	if (fgetxattr(fd, ATTRIBUTE_LASTS, store, sizeof(store)) <= 0)
		return "was not made by interposectl";
	if (!is_immutable(fd))
		return "is not immutable any more, so it may lie elsewhere by now";
	return NULL;
}

bool settled_find(struct settled *file, int root)
{
	int fd = open_beneath(root, file->path);
	const char *why = NULL;
	struct stat st;
	bool good;

	if (fd < 0 || fstat(fd, &st))
		why = errno == ENOENT ? "is not there any more" :
		      "cannot be opened without following a link";
	else
		why = not_ours(fd, &st) ?: bad_flag(fd);
	if (why)
		complain("%s on %s, where it is recorded what changes, %s; begin anew once it is mounted: interposectl track on --file NEW-FILE %s",
			 file->path, file->on->shown, why, file->on->shown);
	file->bytes = why ? 0 : st.st_size;
	good = !why && read_extents(file, fd, &file->extents);
	if (fd >= 0)
		close(fd);
	return good;
}

/*
 * What is left of it
 */

bool settled_is_fixed(const char *path)
{
	struct statx st;

	return !statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS,
		      &st) && st.stx_attributes & STATX_ATTR_IMMUTABLE;
}

bool settled_release(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool good = fd >= 0 && set_immutable(fd, false);

	if (!good)
		complain("cannot make %s removable (chattr -i): %s", path,
			 strerror(errno));
	if (fd >= 0)
		close(fd);
	return good;
}

/* False: it is none of ours */
static bool read_sign(const char *path, char *boot, char *store)
{
	char text[BOOT_SIZE + MAP_NAME_MAX + 2];
	ssize_t n = lgetxattr(path, ATTRIBUTE, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return sscanf(text, "%63s %127s", boot, store) == 2;
}

static bool read_lasting_sign(const char *path, char *store)
{
	ssize_t n = lgetxattr(path, ATTRIBUTE_LASTS, store, MAP_NAME_MAX - 1);

	store[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool is_of_this_boot(const char *path, char *store)
{
	char boot[BOOT_SIZE], now[BOOT_SIZE];

	return read_sign(path, boot, store) && (!boot_id(now) ||
						!strcmp(boot, now));
}

bool settled_is_of(const char *path, const char *store)
{
	char made_for[MAP_NAME_MAX];

	return is_of_this_boot(path, made_for) && !strcmp(made_for, store);
}

/* All of it, also what is not used, and what of it there is so far */
static bool read_all(const char *path, struct extents *extents)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool good = fd >= 0 && extents_read_all(fd, extents);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Also if that cannot be told */
static bool is_written_by(const struct extents *extents, dev_t dev, bool loaded)
{
	struct map_piece *pieces;
	bool found;
	size_t n;

	found = !map_pieces(dev, loaded, &pieces, &n) ||
		extents_overlap(extents, pieces, n);
	free(pieces);
	return found;
}

bool settled_lies_in(const char *path, dev_t store)
{
	struct extents extents = { };
	struct map_piece *pieces = NULL;
	bool found;
	size_t n;

	found = read_all(path, &extents) &&
		map_pieces(store, false, &pieces, &n) &&
		extents_overlap(&extents, pieces, n);
	free(pieces);
	extents_free(&extents);
	return found;
}

/* Beneath the hook of that device; also if that cannot be told */
static bool may_lie_on(dev_t store, dev_t device)
{
	char name[NAME_SIZE], beneath[NAME_SIZE + 8];
	bool here = false, elsewhere = false;
	struct stack stack;

	if (!sysfs_name(store, name) || !stack_read(&stack))
		return true;
	for (size_t i = 0; i < stack.n_interposers; i++) {
		const struct interposer *ip = &stack.interposers[i];

		snprintf(beneath, sizeof(beneath), "slaves/%s", ip->beneath);
		if (!*ip->beneath || !sysfs_exists(name, beneath))
			continue;
		here |= ip->table.device == device;
		elsewhere |= ip->table.device != device;
	}
	stack_free(&stack);
	return here || !elsewhere;
}

struct use {
	const struct extents *extents;	/* or NULL: unknown */
	dev_t on;			/* the device of the file system */
	struct map_info by;
	bool found;
};

static bool is_user(const char *name, dev_t dev, void *data)
{
	struct use *use = data;

	use->found = map_info_of(dev, name, &use->by) &&
		     map_is_of(MAP_STORE, use->by.uuid) &&
		     may_lie_on(dev, use->on) &&
		     (!use->extents ||
		      is_written_by(use->extents, dev, false) ||
		      (use->by.loaded &&
		       is_written_by(use->extents, dev, true)));
	return use->found;
}

/* The name for which it was made may be another one: it can be kept, and used again */
bool settled_in_use(const char *path, char *by, size_t size)
{
	struct extents extents = { };
	char store[MAP_NAME_MAX];
	struct use use = { };
	struct stat st;

	if ((!is_of_this_boot(path, store) &&
	     !read_lasting_sign(path, store)) || lstat(path, &st))
		return false;
	use.on = st.st_dev;
	if (read_all(path, &extents))
		use.extents = &extents;
	map_each(is_user, &use);
	extents_free(&extents);
	if (use.found)
		snprintf(by, size, "%s", use.by.name);
	return use.found;
}

/* As it is until a series is written there, whose superblock comes last */
static bool begins_with_mark(const char *path)
{
	const size_t size = 4096;
	struct mark mark = { .unit = 2 * (sizeof(mark.id) + sizeof(uint64_t)) };
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_DIRECT |
		      O_CLOEXEC);
	unsigned char *block = NULL, wanted[64];
	ssize_t n = -1;
	bool found;

	if (fd >= 0 && !posix_memalign((void **)&block, size, size))
		n = pread(fd, block, size, 0);
	if (n == (ssize_t)size)
		memcpy(mark.id, block, sizeof(mark.id));
	mark_fill(&mark, 0, wanted);
	/* or with zeroes, or it is still empty */
	found = !n || (n == (ssize_t)size && !memcmp(block, wanted, mark.unit));
	free(block);
	if (fd >= 0)
		close(fd);
	return found;
}

/*
 * Nobody has a point in it: no era has begun there. What is written beneath the file
 * system it shows where a mark has been, at least, and that is where it begins.
 */
static bool is_unfinished(const char *path)
{
	struct series series;
	struct stat st;

	if (lstat(path, &st) || !S_ISREG(st.st_mode) || st.st_uid)
		return false;
	return begins_with_mark(path) ||
	       (series_read(path, &series) != SERIES_NONE && !series.era);
}

static bool is_left(const char *path, const char **by)
{
	char boot[BOOT_SIZE], store[MAP_NAME_MAX];

	*by = "a snapshot";
	if (read_sign(path, boot, store))
		return !is_of_this_boot(path, store);
	*by = "a command";
	return read_lasting_sign(path, store) && is_unfinished(path) &&
	       !settled_in_use(path, store, sizeof(store));
}

/* True: there was something to be removed */
static bool clean_one(const char *path)
{
	const char *by;

	if (!is_left(path, &by))
		return false;
	if (settled_is_fixed(path) && !settled_release(path))
		return true;
	if (unlink(path))
		complain("cannot remove %s, which %s before the last reboot has left: %s",
			 path, by, strerror(errno));
	else
		say("removed %s, which %s before the last reboot has left",
		    path, by);
	return true;
}

bool settled_clean(const char *directory)
{
	bool any = false;
	DIR *dir = options.dry_run ? NULL : opendir(directory);
	char path[PATH_MAX];
	struct dirent *entry;
	struct statfs fs;

	if (dir && (fstatfs(dirfd(dir), &fs) || !stays_on(&fs))) {
		closedir(dir);
		return false;
	}
	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN)
			continue;
		snprintf(path, sizeof(path), "%s/%s",
			 strcmp(directory, "/") ? directory : "", entry->d_name);
		any |= clean_one(path);
	}
	if (dir)
		closedir(dir);
	return any;
}

bool settled_clean_all(void)
{
	bool any = false;
	struct libmnt_iter *at = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_table *table = device_mounts();
	struct libmnt_fs *fs;

	while (table && at && !mnt_table_next_fs(table, at, &fs)) {
		const char *type = mnt_fs_get_fstype(fs) ?: "";

		if (mnt_fs_get_target(fs) &&
		    (!strcmp(type, "ext4") || !strcmp(type, "xfs")))
			any |= settled_clean(mnt_fs_get_target(fs));
	}
	mnt_free_iter(at);
	mnt_unref_table(table);
	return any;
}
