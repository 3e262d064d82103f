// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "backing.h"
#include "cow.h"
#include "loop.h"
#include "memory.h"
#include "names.h"
#include "newfile.h"
#include "parse.h"
#include "say.h"
#include "undo.h"

#define MIB		(1024 * 1024)
#define LEAST		(4 * (uint64_t)MIB)

/*
 * device-mapper takes a COW store only if its end is that of a block of the
 * origin and of the store's own disk; 4 KiB do for both, or what is larger.
 */
static uint64_t whole_blocks(uint64_t bytes, unsigned int block)
{
	if (block < 4096)
		block = 4096;
	return (bytes + block - 1) / block * block;
}

unsigned int cow_unit(const char *origin, const char *on)
{
	unsigned int one = whole_blocks(1, sysfs_block_size(origin));
	unsigned int other = whole_blocks(1, sysfs_block_size(on));

	return one > other ? one : other;
}

/* The kernel requires whole blocks of both; a dry run has made no store */
unsigned int cow_chunk(const struct device *origin, const char *node)
{
	unsigned int chunk = 4096, block = sysfs_block_size(origin->name);
	char name[NAME_SIZE];
	struct stat st;

	if (chunk < block)
		chunk = block;
	block = !stat(node, &st) && sysfs_name(st.st_rdev, name) ?
		sysfs_block_size(name) : 0;
	if (chunk < block)
		chunk = block;
	return chunk / 512;
}

/* Found before anything is frozen, not by the kernel while all is */
static bool blocks_fit(const struct cow_request *request,
		       const struct device *cow)
{
	unsigned int of_origin = sysfs_block_size(request->origin->name);
	unsigned int of_cow = sysfs_block_size(cow->name);

	if (of_cow > of_origin &&
	    request->origin->sectors % (of_cow / 512)) {
		complain("%s has sectors of %u bytes, and the size of %s is not a multiple of that; name a device with sectors of %u bytes",
			 cow->shown, of_cow, request->origin->shown, of_origin);
		return false;
	}
	if (cow->sectors % (of_origin / 512)) {
		complain("%s has sectors of %u bytes, and the size of %s is not a multiple of that; name a device or partition whose size is a multiple",
			 request->origin->shown, of_origin, cow->shown);
		return false;
	}
	return true;
}

bool cow_size(const struct cow_request *request, uint64_t *bytes)
{
	const char *size = request->options->size ?: "20%";

	if (!parse_size(size, request->origin->sectors * 512, bytes)) {
		complain("'%s' is not a size; use --size 512M, 2G or 20%%", size);
		return false;
	}
	if (*bytes < LEAST)
		*bytes = LEAST;
	*bytes = whole_blocks(*bytes, sysfs_block_size(request->origin->name));
	return true;
}

uint64_t cow_memory(size_t n)
{
	return memory_available() / 2 / n;
}

/* Memory that is taken is never swapped out: not more than does no harm */
static bool size_in_memory(const struct cow_request *request, uint64_t *bytes)
{
	uint64_t most = request->memory & ~(uint64_t)4095;

	if (!cow_size(request, bytes))
		return false;
	if (*bytes > most && (request->options->size || most < LEAST)) {
		complain("%" PRIu64 " MiB of memory is too much for %s: half of the free memory, shared by all COW stores, is %" PRIu64 " MiB for each; use --size %" PRIu64 "M or less, or a COW store on a disk (--vg, --cow or --file)",
			 *bytes / MIB, request->snapshot, most / MIB,
			 most / MIB);
		return false;
	}
	if (*bytes > most)
		*bytes = whole_blocks(most,
				      sysfs_block_size(request->origin->name));
	say("%s: %" PRIu64 " MiB of memory for the COW store (%s)",
	    request->snapshot, *bytes / MIB,
	    *bytes < most ? "less than half of what is free" :
	    "half of what is free, and less than 20% of the device");
	return true;
}

/* A write to the origin would wait for the copy, and the copy for a write */
static bool is_allowed(const struct cow_request *request, const char *name)
{
	char why[512];

	switch (request->reaches(name, request->data, why, sizeof(why))) {
	case LIES_NOT:
		return true;
	case LIES_ON:
		complain("the COW store would lie on an origin of the snapshot (through %s), and the first write would hang; put it on another disk, or use --ram",
			 name);
		return false;
	case LIES_UNKNOWN:
		complain("%s, which may be an origin of the snapshot, and then the first write would hang; put the COW store on another disk, or use --ram",
			 why);
		return false;
	}
	return false;
}

/* Where a file is to be made: all devices of that file system */
static bool is_allowed_directory(const struct cow_request *request,
				 const char *directory, const char *path)
{
	struct backing *backing = calloc(1, sizeof(*backing));
	bool good = backing;

	if (!backing)
		return false;
	backing_of_directory(directory, backing);
	if (*backing->unknown) {
		complain("%s %s; put the COW store on another disk, or use --ram", path,
			 backing->unknown);
		good = false;
	} else if (!backing->n) {
		complain("%s does not lie on a block device; use --ram for a COW store in memory",
			 path);
		good = false;
	}
	for (size_t i = 0; i < backing->n && good; i++)
		good = is_allowed(request, backing->names[i]);
	free(backing);
	return good;
}

/*
 * Clearing it: a header that is left there would be taken for the snapshot's
 */

static bool clear(const char *node)
{
	bool good;
	int fd;

	if (!step("dd if=/dev/zero of=%s bs=4096 count=1 conv=fsync", node))
		return true;
	fd = open(node, O_WRONLY | O_CLOEXEC | O_EXCL);
	good = write_zeroes(fd, node, 4096, false);
	if (fd >= 0)
		close(fd);
	return good;
}

/*
 * Where it comes from
 */

static bool make_device(const struct cow_request *request, char *node,
			size_t size)
{
	char signature[64];
	struct device cow;

	if (!device_find(request->options->where, &cow) ||
	    !is_allowed(request, cow.name))
		return false;
	if (!blocks_fit(request, &cow))
		return false;
	if (!device_is_free(cow.path)) {
		complain("%s is in use; name another device", cow.shown);
		return false;
	}
	device_signature(cow.path, signature, sizeof(signature));
	if (*signature && !request->options->wipe) {
		complain("%s holds data (%s); name another device, or add --wipe if the data is not needed",
			 cow.shown, signature);
		return false;
	}
	snprintf(node, size, "%s", cow.path);
	return clear(node);
}

/* "vg0", which may also be typed as "/dev/vg0" */
static const char *group_of(const struct cow_request *request)
{
	const char *group = request->options->where;

	return strncmp(group, "/dev/", 5) ? group : group + 5;
}

/* Active or not; false also if that cannot be told */
static bool lv_exists(const char *name)
{
	const char *const look[] = { "lvs", "--quiet", name, NULL };

	return looks(look);
}

/* By which it is known whatever becomes of lvcreate, or of this process */
static bool choose_tag(char *identity, size_t size)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
		complain("cannot get a random number: %s", strerror(errno));
		return false;
	}
	snprintf(identity, size, "?%s-%016" PRIx64, LV_TAG, number);
	return true;
}

static bool make_lv(const struct cow_request *request, struct record *record,
		    char *node, size_t size)
{
	const char *group = group_of(request);
	char name[128], path[256], bytes_text[32], identity[64];
	const char *const create[] = { "lvcreate", "--quiet", "--yes",
		"--wipesignatures", "y", "--zero", "y", "--addtag", LV_TAG,
		"--addtag", identity + 1,
		"--name", name, "--size", bytes_text, group, NULL };
	struct device cow;
	uint64_t bytes;

	if (!cow_size(request, &bytes))
		return false;
	snprintf(bytes_text, sizeof(bytes_text), "%" PRIu64 "b", bytes);
	if (request->volume && name_is_good_for_lv(request->volume))
		snprintf(name, sizeof(name), "%s", request->volume);
	else
		name_lv(request->snapshot, name, sizeof(name));
	snprintf(node, size, "/dev/%s/%s", group, name);
	snprintf(path, sizeof(path), "%s/%s", group, name);
	if (file_exists(node) || lv_exists(path)) {
		complain("%s already exists; choose another --name", node);
		return false;
	}
	if (!choose_tag(identity, sizeof(identity)) ||
	    !record_undo_of(record, identity, "lv %s", path))
		return false;
	if (run(create)) {
		complain("lvcreate failed; use another --vg or --size");
		if (!lv_exists(path))
			record_made_nothing(record, "lv %s", path);
		return false;
	}
	if (options.dry_run)
		return clear(node);
	return record_made(record, "lv %s", path) &&
	       device_of_node(node, &cow) && is_allowed(request, cow.name) &&
	       clear(node);
}

/* Known by its file as long as its number is not */
static bool make_loop(struct record *record, const char *file, int fd,
		      char *node, size_t size)
{
	char line[PATH_MAX + 8], identity[IDENTITY_MAX + 1] = "";

	snprintf(line, sizeof(line), "file %s", file);
	if (!options.dry_run && !undo_identity(line, identity + 1)) {
		complain("%s is not there any more", file);
		return false;
	}
	if (!options.dry_run)
		*identity = '?';
	if (!record_undo_of(record, identity, "loop %s", file))
		return false;
	if (loop_attach(file, fd, node, size))
		return record_made(record, "loop %s", file);
	record_made_nothing(record, "loop %s", file);
	return false;
}

/*
 * A file on an origin itself. The origin's hook would send a write there to the copy
 * of what it overwrites; beneath the hook, nobody but the snapshot sees it.
 */

uint64_t cow_free(const char *directory)
{
	struct statvfs fs;

	return statvfs(directory, &fs) ? 0 : (uint64_t)fs.f_bavail * fs.f_frsize;
}

uint64_t cow_room(const char *directory)
{
	return cow_free(directory) / 2;
}

/* What is set aside for root stays, too */
static bool size_on_origin(const struct cow_request *request,
			   const char *directory, uint64_t *bytes)
{
	uint64_t room = cow_room(directory) & ~(uint64_t)4095;

	if (!cow_size(request, bytes))
		return false;
	if (request->options->size && *bytes <= cow_free(directory))
		return true;
	if (request->options->size || room < LEAST) {
		complain("%s: there is no room for a COW store of %" PRIu64 " MiB in %s, which has %" PRIu64 " MiB free; use another --size, or a COW store on another disk (--vg, --cow or --file)",
			 request->snapshot, *bytes / MIB, directory,
			 cow_free(directory) / MIB);
		return false;
	}
	if (*bytes > room) {
		*bytes = room / whole_blocks(1, sysfs_block_size(request->origin->name)) *
			 whole_blocks(1, sysfs_block_size(request->origin->name));
		say("%s: %" PRIu64 " MiB for the COW store: half of what is free in %s, and less than 20%% of the device",
		    request->snapshot, *bytes / MIB, directory);
	}
	return true;
}

static bool make_on_origin(const struct cow_request *request,
			   const struct device *origin, const char *directory,
			   const char *path, struct record *record, char *node,
			   size_t size)
{
	struct settled *file = request->file;
	char why[256];

	if (!settled_suits(directory, why, sizeof(why))) {
		complain("the COW store would lie on an origin of the snapshot (%s), and cannot: %s %s; put it on another disk, or use --ram",
			 origin->shown, directory, why);
		return false;
	}
	if (!size_on_origin(request, directory, &file->bytes))
		return false;
	snprintf(file->path, sizeof(file->path), "%s", path);
	snprintf(file->store, sizeof(file->store), "%.120s-cow",
		 request->snapshot);
	file->on = origin;
	snprintf(node, size, "/dev/mapper/%s", file->store);
	return map_is_free(MAP_STORE, file->store, MAP_OTHER_NAME) &&
	       settled_make(file, record);
}

static bool find_spare(struct settled *file, struct sparing *sparing)
{
	uint64_t bytes;

	if (!spare_find(file, sparing))
		return false;
	bytes = extents_bytes(&file->spare);
	if (bytes < LEAST) {
		complain("the COW store cannot be in %s: an older snapshot needs all but %" PRIu64 " MiB of it, which held data at its moment; put it on another disk, or use --ram",
			 file->path, bytes / MIB);
		return false;
	}
	if (bytes < file->bytes)
		say("%s: %" PRIu64 " MiB for the COW store: an older snapshot needs the rest of %s",
		    file->store, bytes / MIB, file->path);
	return true;
}

/* Nothing is written there before it is proved that it is the file's */
bool cow_lay(struct settled *file, const char *beneath,
	     struct sparing *sparing, struct record *record)
{
	char node[MAP_NAME_MAX + 16];

	snprintf(node, sizeof(node), "/dev/mapper/%s", file->store);
	if ((!options.dry_run && (!settled_prove(file, beneath) ||
				  !find_spare(file, sparing))) ||
	    !settled_lay(file, beneath, record))
		return false;
	return clear(node);
}

static bool make_file(const struct cow_request *request, struct record *record,
		      char *node, size_t size)
{
	const struct device *origin = NULL;
	char path[PATH_MAX], directory[PATH_MAX];
	uint64_t bytes;
	int fd = -1;
	bool good;

	snprintf(path, sizeof(path), "%s", request->options->where);
	snprintf(directory, sizeof(directory), "%s", path);
	dirname(directory);
	if (!cow_size(request, &bytes) || !file_path_is_good(path))
		return false;
	settled_clean(directory);
	if (file_exists(path)) {
		complain("%s already exists; name a new file", path);
		return false;
	}
	if (request->beneath)
		origin = request->beneath(directory, request->data);
	if (origin)
		return make_on_origin(request, origin, directory, path, record,
				      node, size);
	good = is_allowed_directory(request, directory, path) &&
	       file_make(record, path, bytes, &fd) &&
	       make_loop(record, path, fd, node, size) && clear(node);
	if (fd >= 0)
		close(fd);
	return good;
}

static bool mount_ram(struct record *record, const char *directory)
{
	if (!step("mkdir -p %s; mount -t ramfs none %s", directory, directory))
		return true;
	if (mkdir(directory, 0700)) {
		complain("cannot make %s: %s", directory, strerror(errno));
		record_made_nothing(record, "ram %s", directory);
		return false;
	}
	if (!mount("none", directory, "ramfs", 0, NULL))
		return true;
	complain("cannot mount a ramfs: %s", strerror(errno));
	return false;
}

/*
 * A ramfs, since a tmpfs is swapped out, perhaps to the origin. It is filled
 * now, so that no memory is needed when a write waits for the copy.
 */
static bool make_ram(const struct cow_request *request, struct record *record,
		     char *node, size_t size)
{
	char directory[256], file[300];
	bool good = true;
	uint64_t bytes;
	int fd = -1;

	snprintf(directory, sizeof(directory), "%s/ram-%s", state_dir,
		 request->snapshot);
	snprintf(file, sizeof(file), "%s/cow", directory);
	if (!size_in_memory(request, &bytes))
		return false;
	if (file_exists(directory)) {
		complain("%s already exists; choose another --name", directory);
		return false;
	}
	if (!record_undo(record, "ram %s", directory) ||
	    !mount_ram(record, directory))
		return false;
	if (step("head -c %" PRIu64 " /dev/zero > %s", bytes, file)) {
		fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		good = write_zeroes(fd, file, bytes, true);
	}
	good = good && make_loop(record, file, fd, node, size);
	if (fd >= 0)
		close(fd);
	return good;
}

bool cow_make(const struct cow_request *request, struct record *record,
	      char *node, size_t size)
{
	switch (request->options->kind) {
	case COW_LV:
		return make_lv(request, record, node, size);
	case COW_DEVICE:
		return make_device(request, node, size);
	case COW_FILE:
		return make_file(request, record, node, size);
	case COW_RAM:
		return make_ram(request, record, node, size);
	case COW_NONE:
		break;
	}
	return false;
}
