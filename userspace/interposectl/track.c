// SPDX-License-Identifier: GPL-2.0
/*
 * track: changed-block tracking that lives on
 *
 *     on       metadata with a series -> attach era, pinned -> a line in interposetab
 *     off      detach -> the line goes, and the file with the metadata
 *     status   since when all changes are known
 *     refresh  what is compared after a crash; for a timer and the shutdown
 *
 * Pinned, as what is written after somebody else has detached it would be missed,
 * and a crash would hide that.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "attach.h"
#include "commands.h"
#include "content.h"
#include "continuity.h"
#include "cow.h"
#include "interposetab.h"
#include "json.h"
#include "metafile.h"
#include "newfile.h"
#include "own.h"
#include "process.h"
#include "series.h"
#include "tabline.h"
#include "undo.h"

#define TRACK_BLOCK	128		/* sectors: 64 KiB */

struct request {
	const char *meta;
	const char *vg;
	const char *file;
	const char *name;
	const char *tab;
	bool wipe;
	bool keep;
	bool json;
	unsigned int limit;		/* seconds */
};

/*
 * The metadata device
 */

/* Its first block; false: it cannot be read */
static bool is_blank(const char *path, bool *blank)
{
	char block[SERIES_BLOCK];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = pread(fd, block, sizeof(block), 0);
		close(fd);
	}
	if (n != sizeof(block)) {
		complain("cannot read %s: %s", path, strerror(errno));
		return false;
	}
	while (n > 0 && !block[n - 1])
		n--;
	*blank = !n;
	return true;
}

static uint64_t metadata_size(const struct device *device)
{
	return series_metadata_size((device->sectors + TRACK_BLOCK - 1) /
				    TRACK_BLOCK);
}

static bool is_large_enough(const struct device *device,
			    const struct device *meta)
{
	uint64_t least = metadata_size(device);

	if (meta->sectors * 512 >= least)
		return true;
	complain("%s is too small to record the changes of %s; it needs %" PRIu64 " MiB",
		 meta->shown, device->shown, (least >> 20) + 1);
	return false;
}

static bool lies_elsewhere(const struct device *device,
			   const struct device *meta)
{
	if (meta->dev != device->dev && !sysfs_lies_on(meta->name, device->name) &&
	    !sysfs_lies_on(device->name, meta->name))
		return true;
	complain("%s and %s share data: recording a write would be a write to be recorded; name a device on another disk or partition",
		 meta->shown, device->shown);
	return false;
}

static bool is_unused(const struct device *meta)
{
	struct usage usage;

	device_usage(meta->name, &usage);
	if (!*usage.mountpoint && !usage.swap && device_is_free(meta->path))
		return true;
	complain("%s is in use; name another device with --meta", meta->shown);
	return false;
}

/* Somebody's data, or records of an era that has no series? */
static bool is_to_be_overwritten(const struct device *meta, bool wipe)
{
	char type[64];
	bool blank;

	if (!is_blank(meta->path, &blank))
		return false;
	device_signature(meta->path, type, sizeof(type));
	if (wipe || (blank && !*type))
		return true;
	if (*type)
		complain("%s holds data (%s), which would be overwritten; name another device, or, if the data is not needed, add --wipe",
			 meta->shown, type);
	else
		complain("%s does not begin with zeroes, and would be overwritten; name another device, or, if its data is not needed, add --wipe",
			 meta->shown);
	return false;
}

/* What has a series, but is not a device that can be chosen */
static bool is_its_own(const struct device *device, const struct metafile *file)
{
	struct series series;
	struct witness now;

	switch (series_read(file->node, &series)) {
	case SERIES_NONE:
		complain("%s exists, and holds no record of changes; name a new file",
			 file->path);
		return false;
	case SERIES_DAMAGED:
		complain("%s exists, and its record of changes is damaged; name a new file, or begin a new series in it with --wipe",
			 file->path);
		return false;
	case SERIES_GOOD:
		break;
	}
	witness_read(device->path, &series.witness, &now);
	if (series.sectors == device->sectors &&
	    !witness_is_of_another(&series.witness, &now))
		return true;
	complain("%s exists, and holds the record of changes of another device than %s; name a new file, or, if that record is not needed, add --wipe",
		 file->path, device->shown);
	return false;
}

/* A file that is to be overwritten has held such a record, and nothing else */
static bool may_be_used(const struct request *request,
			const struct device *device, const struct metafile *file)
{
	struct series series;

	if (!request->wipe)
		return is_its_own(device, file);
	if (series_read(file->node, &series) != SERIES_NONE)
		return true;
	complain("%s exists, and holds no record of changes, so it is not overwritten; name a new file",
		 file->path);
	return false;
}

static bool prepare(const struct request *request, const struct device *device,
		    const struct device *meta)
{
	struct series series = { };

	if (!lies_elsewhere(device, meta) || !is_unused(meta) ||
	    !is_large_enough(device, meta))
		return false;
	if (!request->wipe && series_read(meta->path, &series) == SERIES_GOOD)
		return true; /* it goes on */
	if (!is_to_be_overwritten(meta, request->wipe))
		return false;
	memset(&series, 0, sizeof(series));
	series.sectors = device->sectors;
	series.block = TRACK_BLOCK;
	return series_format(meta->path, &series);
}

/*
 * A new logical volume for it, of the size that it needs
 */

/* That is asked of any metadata device; see lies_elsewhere() */
static enum lies is_asked_later(const char *name, const void *data, char *why,
				size_t size)
{
	(void)name;
	(void)data;
	(void)why;
	(void)size;
	return LIES_NOT;
}

static bool make_volume(const struct request *request,
			const struct device *device, const char *name,
			struct record *record, struct device *meta)
{
	char size[32], volume[160];
	struct cow_options options_of_cow = {
		.kind = COW_LV, .where = request->vg, .size = size };
	const struct cow_request cow = {
		.options = &options_of_cow, .origin = device,
		.snapshot = name, .volume = volume, .reaches = is_asked_later };

	snprintf(volume, sizeof(volume), "%s-era", name);
	snprintf(size, sizeof(size), "%" PRIu64, metadata_size(device));
	return cow_make(&cow, record, meta->path, sizeof(meta->path));
}

/*
 * A file, or one that is there from an earlier time
 */

static bool use_file(const struct request *request, const struct device *device,
		     struct record *record, struct metafile *file)
{
	char path[PATH_MAX];
	uint64_t bytes = metadata_size(device);

	if (!metafile_place(device, request->file, path, sizeof(path)))
		return false;
	if (!file_exists(path))
		return metafile_make(file, path, (bytes + SERIES_BLOCK - 1) /
				     SERIES_BLOCK * SERIES_BLOCK, record);
	return metafile_open(file, path) &&
	       (options.dry_run || may_be_used(request, device, file));
}

/*
 * Where it is recorded
 */

struct place {
	struct device meta;
	struct metafile file;
	const char *own;		/* or the path in the file system of the device */
	bool to_be_made;		/* it is a dry run, so it is not there */
};

static bool find_place(const struct request *request, const char *name,
		       const struct device *device, struct record *record,
		       struct place *place)
{
	struct device *meta = &place->meta;

	memset(place, 0, sizeof(*place));
	place->file.fd = -1;
	if (request->meta)
		return device_find(request->meta, meta);
	if (request->file) {
		if (!use_file(request, device, record, &place->file))
			return false;
		snprintf(meta->path, sizeof(meta->path), "%s", place->file.node);
	} else if (!make_volume(request, device, name, record, meta)) {
		return false;
	}
	place->to_be_made = options.dry_run;
	if (!options.dry_run && !device_of_node(meta->path, meta))
		return false;
	if (options.dry_run || request->file)
		snprintf(meta->shown, sizeof(meta->shown), "%.256s",
			 request->file ? place->file.path : meta->path);
	return true;
}

/*
 * How a device is written in interposetab
 */

/* As in fstab, because mounts are found by that spelling */
static bool fstab_spelling(const struct device *device, char *word, size_t size)
{
	FILE *file = setmntent("/etc/fstab", "re");
	char path[TAB_PATH_MAX];
	struct mntent *mount;
	bool found = false;
	struct stat st;

	while (!found && file && (mount = getmntent(file))) {
		if (!tab_is_device(mount->mnt_fsname) ||
		    !tab_path(mount->mnt_fsname, path, sizeof(path)) ||
		    stat(path, &st) || !S_ISBLK(st.st_mode) ||
		    st.st_rdev != device->dev)
			continue;
		found = (size_t)snprintf(word, size, "%s", mount->mnt_fsname) <
			size;
	}
	if (file)
		endmntent(file);
	return found;
}

/* A link of udev's, and the tag for it */
static bool link_spelling(const struct device *device, const char *directory,
			  const char *tag, char *word, size_t size)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	bool found = false;
	struct stat st;

	while (!found && dir && (entry = readdir(dir))) {
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) ||
		    !S_ISBLK(st.st_mode) || st.st_rdev != device->dev)
			continue;
		found = (size_t)snprintf(word, size, "%s%s", tag,
					 entry->d_name) < size;
	}
	if (dir)
		closedir(dir);
	return found;
}

static void spelling(const struct device *device, bool has_content, char *word,
		     size_t size)
{
	if (has_content && fstab_spelling(device, word, size))
		return;
	if (!strncmp(device->shown, "/dev/mapper/", 12)) {
		snprintf(word, size, "%s", device->shown);
		return;
	}
	if ((has_content &&
	     link_spelling(device, "/dev/disk/by-uuid", "UUID=", word, size)) ||
	    link_spelling(device, "/dev/disk/by-partuuid", "PARTUUID=", word,
			  size) ||
	    link_spelling(device, "/dev/disk/by-id", "/dev/disk/by-id/", word,
			  size))
		return;
	snprintf(word, size, "%s", device->shown);
	say("%s has no name that is the same after each boot; use one that has, or edit its line in "
	    TAB_FILE, device->shown);
}

static bool systemd_is_told(const struct request *request)
{
	return !strcmp(request->tab, TAB_FILE) &&
	       !access("/run/systemd/system", F_OK);
}

/* systemd learns of it; the initramfs has a copy that takes long to be made */
static void tell_boot(const struct request *request,
		      const struct device *device, bool on)
{
	const char *reload[] = { "systemctl", "daemon-reload", NULL };
	const char *start[] = { "systemctl", "start", "interpose-track.timer",
				NULL };
	struct usage usage;

	if (strcmp(request->tab, TAB_FILE))
		return;
	if (systemd_is_told(request) && !run(reload) && on)
		run(start);
	device_usage(device->name, &usage);
	if (usage.root)
		say("it is the root file system: for the next boot, run: update-initramfs -u");
}

/*
 * It is stopped at shutdown, before the file system with the file is unmounted. It
 * waits for the end of this command, and this one does not wait for it.
 */
static void start_unit(const struct request *request, const char *name)
{
	char unit[TAB_NAME_MAX + 32];
	const char *start[] = { "systemctl", "start", "--no-block", unit, NULL };

	snprintf(unit, sizeof(unit), "interpose@%s.service", name);
	if (systemd_is_told(request))
		run(start);
}

/* A file alone is told from others: who has copied it, or has named a wrong one */
static void spell_file(const struct place *place, char *word, size_t size,
		       char *series, size_t series_size)
{
	struct series found;

	if (place->own)
		tab_own_word(place->own, word, size);
	else
		tab_file_word(place->file.path, word, size);
	if (options.dry_run ||
	    series_read(place->meta.path, &found) != SERIES_GOOD)
		return;
	snprintf(series, series_size, ",series=");
	series_uuid_text(found.uuid, series + strlen(series),
			 series_size - strlen(series));
}

static bool add_line(const struct request *request, const char *name,
		     const struct device *device, const struct place *place)
{
	char of_device[TAB_LINE_MAX], of_meta[TAB_LINE_MAX], series[64] = "";
	char line[2 * TAB_LINE_MAX + 128];

	spelling(device, true, of_device, sizeof(of_device));
	if (place->own || *place->file.path)
		spell_file(place, of_meta, sizeof(of_meta), series, sizeof(series));
	else
		spelling(&place->meta, false, of_meta, sizeof(of_meta));
	snprintf(line, sizeof(line), "%s %s nofail,pin%s era %s %%d %u", name,
		 of_device, series, of_meta, TRACK_BLOCK);
	return tabline_add(request->tab, name, line);
}

/*
 * on
 */

static enum status already_on(const struct interposer *ip)
{
	struct series series;
	char path[PATH_MAX];

	if (continuity_series(ip, path, sizeof(path), &series) != SERIES_GOOD)
		return refuse("%s is interposed by %s with the target %s; first: interposectl detach %s",
			      ip->shown, ip->map.name, ip->table.inner,
			      ip->map.name);
	say("%s is already tracked, by %s", ip->shown, ip->map.name);
	return DONE;
}

static enum status end_with_line(const struct request *request,
				 const char *name, const struct device *device,
				 const struct place *place, struct record *record)
{
	if (record_undo(record, "line %s %s", name, request->tab) &&
	    add_line(request, name, device, place)) {
		record_end(record);
		return DONE;
	}
	record_roll_back(record);
	return FAILED;
}

/* All that is in @record goes again in a failure */
static enum status attach_era(const struct request *request, const char *name,
			      const struct device *device,
			      const struct place *place, struct record *record)
{
	const struct attach_options how = { .name = name, .pin = true,
					    .limit = request->limit,
					    .replace_word = "--wipe",
					    .record = record };
	char block[16];
	enum status status;

	snprintf(block, sizeof(block), "%u", TRACK_BLOCK);
	status = attach_if_safe(device->path, &how, 4,
				(char *[]){ "era", (char *)place->meta.path,
					    (char *)device->path, block });
	if (status != DONE)
		return status;
	return end_with_line(request, name, device, place, record);
}

/* On the device itself, so nothing is there before something is attached */
static enum status begin_on_itself(const struct request *request,
				   const char *name, const struct device *device,
				   struct record *record)
{
	struct own own = { .device = device, .name = name, .pin = true,
			   .wipe = request->wipe, .block = TRACK_BLOCK,
			   .limit = request->limit };
	struct place place = { .own = own.path };
	enum status status;

	status = own_begin(&own, request->file, metadata_size(device), record);
	if (status != DONE)
		return status;
	place.meta = own.meta;
	return end_with_line(request, name, device, &place, record);
}

/* With metadata that are not there */
static enum status would_attach(const struct request *request, const char *name,
				const struct device *device,
				const struct place *place)
{
	struct series series = { .block = TRACK_BLOCK };
	char params[2 * PATH_MAX + 64];

	snprintf(params, sizeof(params), "%s 1 pin era %s %s %u", device->path,
		 place->meta.path, device->path, TRACK_BLOCK);
	series_format(place->meta.path, &series);
	map_create_step(name, MAP_INTERPOSER, device->sectors, "interpose", params);
	add_line(request, name, device, place);
	return DONE;
}

/* Of a command that fails or is killed no volume is left, no file and no line */
static enum status begin_tracking(const struct request *request,
				  const char *name, const struct device *device)
{
	enum status status;
	struct record record;
	char of_record[160];
	struct place place;

	snprintf(of_record, sizeof(of_record), "track-%s", name);
	if (!record_begin(&record, of_record))
		return FAILED;
	if (request->file && own_is_on(device, request->file))
		return begin_on_itself(request, name, device, &record);
	if (!find_place(request, name, device, &record, &place) ||
	    (!place.to_be_made && !prepare(request, device, &place.meta))) {
		record_roll_back(&record);
		status = interrupted() ? UNDONE : FAILED;
	} else if (place.to_be_made) {
		status = would_attach(request, name, device, &place);
	} else {
		status = attach_era(request, name, device, &place, &record);
	}
	metafile_close(&place.file);
	record_free(&record);
	return status;
}

static enum status track_on(const struct request *request, const char *argument)
{
	const struct interposer *ip;
	struct device device;
	enum status status;
	struct stack stack;
	char name[128];

	if (!device_find(argument, &device) || !stack_read(&stack))
		return FAILED;
	ip = stack_of_device(&stack, device.name);
	status = ip ? already_on(ip) : DONE;
	stack_free(&stack);
	if (ip)
		return status;
	default_name(&device, name, sizeof(name));
	if (request->name)
		snprintf(name, sizeof(name), "%s", request->name);
	if (!name_is_good(name))
		return FAILED;
	status = begin_tracking(request, name, &device);
	if (status != DONE)
		return status;
	tell_boot(request, &device, true);
	if (request->file && !own_is_on(&device, request->file))
		start_unit(request, name);
	say("%s is tracked; after a full backup, and after each further one: interposectl changed --mark %s",
	    device.shown, name);
	return DONE;
}

/*
 * off
 */

static enum status unpin_and_detach(const char *name)
{
	char *unpin[] = { "unpin", "--quiet", (char *)name, NULL };
	enum status status = FAILED;
	const struct interposer *ip;
	struct stack stack;

	if (!stack_read(&stack))
		return FAILED;
	ip = stack_of_map(&stack, name);
	if (ip && continuity_is_pinned(ip)) {
		bool quiet = options.quiet;

		optind = 0;
		status = unpin_command(3, unpin);
		options.quiet = quiet;
		stack_free(&stack);
		if (status != DONE || options.dry_run || !stack_read(&stack))
			return status;
		ip = stack_of_map(&stack, name);
		status = FAILED;
	}
	if (ip)
		status = detach(&stack, ip, false);
	stack_free(&stack);
	return status;
}

/* By their numbers, before anything is changed */
static bool note_parts(struct record *record, const struct request *request,
		       const char *name, const char *file)
{
	char line[MAP_NAME_MAX + 32], identity[IDENTITY_MAX];

	if (!record_undo_there(record, "file %s", file) ||
	    !record_undo(record, "line %s %s", name, request->tab))
		return false;
	snprintf(line, sizeof(line), "origin %.100s-origin", name);
	if (undo_identity(line, identity) &&
	    !record_undo_of(record, identity, "%s", line))
		return false;
	snprintf(line, sizeof(line), "resume %s", name);
	return undo_identity(line, identity) &&
	       record_undo_of(record, identity, "pinned %s", name) &&
	       own_note(record, name);
}

/* If this is killed from the detach on, the next command does the rest */
static enum status remove_all(const struct request *request, const char *name,
			      const char *file)
{
	enum status status = DONE;
	struct record record;
	char of_record[160];

	snprintf(of_record, sizeof(of_record), ".track-%s", name);
	if (!record_begin(&record, of_record))
		return FAILED;
	if (!note_parts(&record, request, name, file) || !record_show(&record))
		status = FAILED;
	else if (!options.dry_run)
		status = unpin_and_detach(name);
	if (status != DONE)
		record_end(&record);
	else if (!record_roll_back(&record))
		status = FAILED;
	else
		say("%s, where it was recorded, is removed", file);
	return status;
}

/* Its file, or "" if that cannot be told, or not be reached */
static bool file_of(const struct request *request, const char *name,
		    const struct device *device, const char *meta, char *file,
		    size_t size)
{
	char path[TAB_LINE_MAX + 1];

	if (!own_is_meta(meta))
		return metafile_of(meta, file, size);
	if (!tabline_own(request->tab, name, path, sizeof(path)) ||
	    !own_mounted_path(device, path, file, size) ||
	    !own_lies_in(meta, file))
		*file = '\0';
	return true;
}

static enum status stop_tracking(const struct request *request,
				 const char *name, const struct device *device,
				 const char *meta)
{
	char file[PATH_MAX];
	bool is_file = file_of(request, name, device, meta, file, sizeof(file));

	if (is_file && *file && !request->keep)
		return remove_all(request, name, file);
	if (unpin_and_detach(name) != DONE ||
	    !tabline_remove(request->tab, name))
		return FAILED;
	if (is_file && !*file && !request->keep)
		complain("the file where it was recorded is not there: its file system is not mounted, or it was renamed; remove it, if it is still there (chattr -i, rm)");
	return DONE;
}

static enum status track_off(const struct request *request, const char *argument)
{
	char name[MAP_NAME_MAX], path[PATH_MAX];
	const struct interposer *ip;
	struct series series;
	struct device device;
	enum status status = FAILED;
	char snapshots[1024];
	struct stack stack;
	bool tracked = false;

	if (!stack_read(&stack))
		return FAILED;
	ip = stack_find(&stack, argument);
	if (ip) {
		tracked = continuity_series(ip, path, sizeof(path), &series) !=
			  SERIES_NONE;
		snprintf(name, sizeof(name), "%s", ip->map.name);
		if (!tracked)
			complain("%s is not tracked; interposectl track status lists what is",
				 ip->shown);
		tracked &= device_of_number(ip->table.device, &device);
	}
	if (tracked && stack_snapshots_of(&stack, ip, snapshots, sizeof(snapshots)))
		/* before it is unpinned */
		complain("%s has snapshots, which would become invalid: %s; first: interposectl snapshot --remove NAME",
			 name, snapshots);
	else if (tracked)
		status = DONE;
	stack_free(&stack);
	if (status == DONE)
		status = stop_tracking(request, name, &device, path);
	if (status != DONE)
		return FAILED;
	tell_boot(request, &device, false);
	return DONE;
}

/*
 * status
 */

struct shown {
	const struct interposer *ip;
	struct series series;
	struct era_status era;
	char path[PATH_MAX];
	char file[PATH_MAX];		/* or "" */
	char why[SERIES_WHY];		/* or "": all since the first point is known */
	bool known;
};

static bool look(const struct interposer *ip, struct shown *shown)
{
	enum series_found found;

	memset(shown, 0, sizeof(*shown));
	shown->ip = ip;
	found = continuity_series(ip, shown->path, sizeof(shown->path),
				  &shown->series);
	if (found == SERIES_NONE)
		return false;
	metafile_of(shown->path, shown->file, sizeof(shown->file));
	if (ip->has_status)
		parse_era_status(ip->status.inner_status, &shown->era);
	if (found == SERIES_DAMAGED)
		snprintf(shown->why, sizeof(shown->why),
			 "the record of the series on %.128s is damaged",
			 shown->path);
	else
		shown->known = continuity_holds(&shown->series, ip, shown->why,
						sizeof(shown->why));
	return true;
}

static void show(const struct shown *shown)
{
	char uuid[POINT_MAX], first[POINT_MAX], when[64];
	time_t created = shown->series.created;
	struct tm tm;

	series_uuid_text(shown->series.uuid, uuid, sizeof(uuid));
	point_text(&shown->series, shown->series.first, first, sizeof(first));
	strftime(when, sizeof(when), "%F %T", localtime_r(&created, &tm));
	printf("name:        %s\n", shown->ip->map.name);
	printf("device:      %s\n", shown->ip->shown);
	printf("metadata:    %s\n", shown->path);
	if (*shown->file)
		printf("file:        %s\n", shown->file);
	printf("series:      %s, since %s\n", uuid, when);
	printf("block size:  %" PRIu32 " KiB\n", shown->series.block / 2);
	printf("era:         %" PRIu64 "\n", shown->era.current);
	if (shown->known)
		printf("complete:    since %s%s%s\n", first,
		       *shown->series.why ? "; full backup needed for what was before: " : "",
		       shown->series.why);
	else
		printf("complete:    no; full backup needed: %s\n", shown->why);
}

static void show_json(const struct shown *shown)
{
	char text[POINT_MAX];

	json_open(NULL, '{');
	json_text("name", shown->ip->map.name);
	json_text("device", shown->ip->shown);
	json_text("metadata", shown->path);
	json_text("file", *shown->file ? shown->file : NULL);
	series_uuid_text(shown->series.uuid, text, sizeof(text));
	json_text("series", text);
	json_number("created", shown->series.created);
	json_number("size", shown->series.sectors * 512);
	json_number("block_size", shown->series.block * 512ULL);
	json_number("era", shown->era.current);
	point_text(&shown->series, shown->series.first, text, sizeof(text));
	json_text("since", shown->known ? text : NULL);
	json_text("gap", shown->known ? *shown->series.why ? shown->series.why :
		  NULL : shown->why);
	json_close();
}

static enum status show_all(const struct stack *stack, bool json, int argc,
			    char **argv)
{
	enum status status = DONE;
	struct shown shown;
	size_t n = argc ? (size_t)argc : stack->n_interposers;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const struct interposer *ip = argc ?
			stack_find(stack, argv[i]) : &stack->interposers[i];

		if (!ip) {
			status = FAILED;
		} else if (!look(ip, &shown)) {
			if (argc)
				status = refuse("%s is not tracked", ip->shown);
		} else if (json) {
			show_json(&shown);
		} else {
			if (any)
				putchar('\n');
			show(&shown);
			any = true;
		}
	}
	return status;
}

static enum status track_status(const struct request *request, int argc,
				char **argv)
{
	enum status status;
	struct stack stack;

	if (!stack_read(&stack))
		return FAILED;
	if (request->json) {
		json_begin();
		json_open("tracked", '[');
	}
	status = show_all(&stack, request->json, argc, argv);
	if (request->json) {
		json_close();
		json_end();
	}
	stack_free(&stack);
	return status;
}

/*
 * refresh
 */

static bool is_in_place(const struct request *request,
			const struct interposer *ip)
{
	char path[TAB_LINE_MAX + 1];

	return !own_is_used(ip) ||
	       !tabline_own(request->tab, ip->map.name, path, sizeof(path)) ||
	       own_check(ip, path);
}

static enum status track_refresh(const struct request *request)
{
	enum status status = DONE;
	struct stack stack;

	if (!stack_read(&stack))
		return FAILED;
	for (size_t i = 0; i < stack.n_interposers; i++)
		if (!is_in_place(request, &stack.interposers[i]) ||
		    !continuity_refresh(&stack.interposers[i],
					continuity_is_pinned(&stack.interposers[i])))
			status = FAILED;
	stack_free(&stack);
	return status;
}

/*
 * The command line
 */

/* No option is ignored silently */
static bool goes_together(const struct request *request, bool on, bool off,
			  bool status)
{
	const int places = !!request->meta + !!request->vg + !!request->file;

	if ((places || request->name || request->wipe) && !on)
		complain("--meta, --vg, --file, --name and --wipe can only be used with track on");
	else if (request->keep && !off)
		complain("--keep-file can only be used with track off");
	else if (request->json && !status)
		complain("--json can only be used with track status");
	else if (places > 1)
		complain("use only one of --meta, --vg and --file");
	else if (on && !places)
		complain("the place for what is recorded is missing; use --meta, --vg or --file");
	else
		return true;
	return false;
}

static enum status act(const struct request *request, const char *action,
		       int argc, char **argv)
{
	const bool on = !strcmp(action, "on"), off = !strcmp(action, "off");
	const bool status = !strcmp(action, "status");
	const bool refresh = !strcmp(action, "refresh");

	if (!on && !off && !status && !refresh) {
		complain("track: unknown action '%s'; use on, off, status or refresh",
			 action);
		return usage_error("track");
	}
	if ((on || off) && !argc)
		return missing("track", "a device");
	if (!goes_together(request, on, off, status))
		return usage_error("track");
	if (status)
		return track_status(request, argc, argv);
	if (argc > !refresh)
		return too_many("track", argv[!refresh]);
	return refresh ? track_refresh(request) : on ? track_on(request, argv[0]) :
	       track_off(request, argv[0]);
}

enum status track_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "meta", required_argument, NULL, 'm' },
		{ "vg", required_argument, NULL, 'v' + 256 },
		{ "file", required_argument, NULL, 'f' },
		{ "keep-file", no_argument, NULL, 'k' },
		{ "name", required_argument, NULL, 'N' },
		{ "wipe", no_argument, NULL, 'w' },
		{ "tab", required_argument, NULL, 't' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct request request = { .tab = TAB_FILE, .limit = LIMIT_SECONDS };
	bool good = true;
	int option;

	while ((option = next_option(argc, argv, "J", longs, NULL)) != -1) {
		switch (option) {
		case 'm': request.meta = optarg; break;
		case 'v' + 256: request.vg = optarg; break;
		case 'f': request.file = optarg; break;
		case 'k': request.keep = true; break;
		case 'N': request.name = optarg; break;
		case 'w': request.wipe = true; break;
		case 't': request.tab = optarg; break;
		case 'T': good &= attach_limit(optarg, &request.limit); break;
		case 'J': request.json = true; break;
		case 'h': return help("track");
		default: return usage_error("track");
		}
	}
	if (!good)
		return usage_error("track");
	if (argc == optind)
		return missing("track", "on, off, status or refresh");
	return act(&request, argv[optind], argc - optind - 1, argv + optind + 1);
}
