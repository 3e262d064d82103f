// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <libmount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "backing.h"
#include "say.h"
#include "place.h"

#define MIB		(1024 * 1024)
#define LEAST		(4 * (uint64_t)MIB)

static bool lies_apart(const struct place_request *request, const char *name)
{
	char why[512];

	return request->reaches(name, request->data, why, sizeof(why)) == LIES_NOT;
}

/*
 * Volume groups
 */

static FILE *ask_lvm(const char *command)
{
	fflush(NULL);
	keep_descriptors();
	return popen(command, "re");
}

static bool node_lies_apart(const struct place_request *request,
			    const char *node)
{
	char name[NAME_SIZE];
	struct stat st;

	return !stat(node, &st) && S_ISBLK(st.st_mode) &&
	       sysfs_name(st.st_rdev, name) && lies_apart(request, name);
}

/* All of its disks: which of them a new volume gets is not known before */
static bool group_lies_apart(const struct place_request *request,
			     const char *group)
{
	char line[PATH_MAX + 256], of[128], node[PATH_MAX];
	FILE *pvs = ask_lvm("pvs --quiet --noheadings -o vg_name,pv_name 2>/dev/null");
	bool apart = pvs, any = false;

	while (pvs && fgets(line, sizeof(line), pvs)) {
		if (sscanf(line, " %127s %4095s", of, node) != 2 ||
		    strcmp(of, group))
			continue;
		any = true;
		apart = apart && node_lies_apart(request, node);
	}
	if (pvs && pclose(pvs))
		apart = false;
	return apart && any;
}

/* Writable, not exported, no disk missing, and of this machine alone */
static bool is_usable(const char *attributes)
{
	return strlen(attributes) >= 6 && attributes[0] == 'w' &&
	       attributes[2] == '-' && attributes[3] == '-' &&
	       attributes[5] == '-';
}

static bool choose_group(const struct place_request *request,
			 struct cow_options *options)
{
	static char best[128];
	char line[512], group[128], attributes[16];
	FILE *vgs = ask_lvm("vgs --quiet --noheadings --units b --nosuffix -o vg_name,vg_attr,vg_free 2>/dev/null");
	uint64_t free_bytes, most = 0;

	while (vgs && fgets(line, sizeof(line), vgs))
		if (sscanf(line, " %127s %15s %" SCNu64, group, attributes,
			   &free_bytes) == 3 && is_usable(attributes) &&
		    free_bytes >= request->bytes && free_bytes > most &&
		    group_lies_apart(request, group)) {
			snprintf(best, sizeof(best), "%s", group);
			most = free_bytes;
		}
	if (vgs)
		pclose(vgs);
	if (!most)
		return false;
	options->kind = COW_LV;
	options->where = best;
	say("%s: the COW store is made in the volume group %s, which has %" PRIu64 " MiB free",
	    request->name, best, most / MIB);
	return true;
}

/*
 * File systems
 */

static bool is_local(const char *type)
{
	static const char *const types[] = { "ext4", "xfs", "btrfs", "f2fs",
		"ext3", "ext2" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

/* What somebody has plugged in may be pulled out */
static bool stays(const char *target)
{
	return strncmp(target, "/media/", 7) &&
	       strncmp(target, "/run/media/", 11);
}

/* Nobody but root can put anything else there */
static bool is_ours(const char *directory)
{
	struct stat st;

	return !stat(directory, &st) && S_ISDIR(st.st_mode) && !st.st_uid &&
	       !(st.st_mode & 022) && !access(directory, W_OK);
}

static bool directory_lies_apart(const struct place_request *request,
				 const char *directory)
{
	struct backing *backing = calloc(1, sizeof(*backing));
	bool apart = backing;

	if (backing)
		backing_of_directory(directory, backing);
	apart = apart && !*backing->unknown && backing->n;
	for (size_t i = 0; apart && i < backing->n; i++)
		apart = lies_apart(request, backing->names[i]);
	free(backing);
	return apart;
}

static uint64_t room_on(const char *directory)
{
	struct statvfs fs;

	if (statvfs(directory, &fs) || fs.f_flag & ST_RDONLY)
		return 0;
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}

/* The one with the most free space, of those for which that is true; 0: none */
static uint64_t find_room(const struct place_request *request,
			  bool (*suits)(const struct place_request *request,
					const char *directory, uint64_t room),
			  char *path)
{
	struct libmnt_table *table = device_mounts();
	struct libmnt_iter *at = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	uint64_t most = 0;

	while (table && at && !mnt_table_next_fs(table, at, &fs)) {
		const char *target = mnt_fs_get_target(fs) ?: "";
		uint64_t room;

		if (!is_local(mnt_fs_get_fstype(fs) ?: "") || !stays(target) ||
		    !is_ours(target))
			continue;
		settled_clean(target);
		room = room_on(target);
		if (room <= most || !suits(request, target, room))
			continue;
		snprintf(path, PATH_MAX, "%s/.interposectl-%s.cow",
			 strcmp(target, "/") ? target : "", request->name);
		most = room;
	}
	mnt_free_iter(at);
	mnt_unref_table(table);
	return most;
}

static bool has_room(const struct place_request *request,
		     const char *directory, uint64_t room)
{
	return room / 2 >= request->bytes &&
	       directory_lies_apart(request, directory);
}

static bool choose_file(const struct place_request *request,
			struct cow_options *options)
{
	static char path[PATH_MAX];
	uint64_t room = find_room(request, has_room, path);

	if (!room)
		return false;
	options->kind = COW_FILE;
	options->where = path;
	say("%s: the COW store is the file %s, where %" PRIu64 " MiB are free",
	    request->name, path, room / MIB);
	return true;
}

static bool is_on_origin(const struct place_request *request,
			 const char *directory, uint64_t room)
{
	char why[256];

	return room / 2 >= LEAST * request->n &&
	       request->beneath(directory, request->data) &&
	       settled_suits(directory, why, sizeof(why));
}

/* If it is not to be smaller than it could be in memory */
static bool choose_file_on_origin(const struct place_request *request,
				  struct cow_options *options)
{
	static char path[PATH_MAX];
	uint64_t room = find_room(request, is_on_origin, path);

	if (!room || (room / 2 < request->bytes &&
		      (options->size || room / 2 < request->memory)))
		return false;
	options->kind = COW_FILE;
	options->where = path;
	say("%s: the COW store is the file %s, on the disk of the snapshot itself, where %" PRIu64 " MiB are free",
	    request->name, path, room / MIB);
	return true;
}

/*
 * All
 */

bool place_choose(const struct place_request *request,
		  struct cow_options *options)
{
	if (choose_group(request, options) || choose_file(request, options) ||
	    choose_file_on_origin(request, options))
		return true;
	if (request->memory >= (options->size ? request->bytes : LEAST)) {
		options->kind = COW_RAM;
		return true; /* and how much of it is said when it is taken */
	}
	complain("%s: there is no place for its COW store: no volume group has %" PRIu64 " MiB free, no file system twice as much, and memory is short; name one with --vg, --cow, --file or --ram",
		 request->name, (request->bytes + MIB - 1) / MIB);
	return false;
}
