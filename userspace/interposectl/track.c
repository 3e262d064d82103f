// SPDX-License-Identifier: GPL-2.0
/*
 * track: changed-block tracking that lives on
 *
 *     on       metadata with a series -> attach era, pinned -> a line in interposetab
 *     off      the line goes -> detach
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
#include "process.h"
#include "series.h"

#define TRACK_BLOCK	128		/* sectors: 64 KiB */

struct request {
	const char *meta;
	const char *vg;
	const char *name;
	const char *tab;
	bool wipe;
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
	memset(meta, 0, sizeof(*meta));
	if (!cow_make(&cow, record, meta->path, sizeof(meta->path)))
		return false;
	snprintf(meta->shown, sizeof(meta->shown), "%s", meta->path);
	return options.dry_run || device_of_node(meta->path, meta);
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

/*
 * The file
 */

/* @line: to be added, or NULL */
static bool write_tab(FILE *from, const char *name, const char *line, FILE *to)
{
	bool good = !from || tab_copy_without(from, name, to);

	if (good && line)
		good = fprintf(to, "%s\n", line) > 0;
	return good && !fflush(to) && !fsync(fileno(to)) &&
	       !fchmod(fileno(to), 0644);
}

/* The old one or the new one, also if the power fails */
static bool replace_line(const char *file, const char *name, const char *line)
{
	char path[PATH_MAX], new[PATH_MAX + 8];
	FILE *from, *to;
	bool good;

	if (!(line ? step("echo '%s' >> %s", line, file) :
	      step("sed -i '/^%s[[:blank:]]/d' %s", name, file)))
		return true;
	if (!realpath(file, path))
		snprintf(path, sizeof(path), "%s", file);
	snprintf(new, sizeof(new), "%s.new", path);
	from = fopen(path, "re");
	to = from || errno == ENOENT ? fopen(new, "we") : NULL;
	good = to && write_tab(from, name, line, to);
	if (from)
		fclose(from);
	if (to && fclose(to))
		good = false;
	if (good && !rename(new, path))
		return true;
	complain("cannot write %s: %s", file, strerror(errno));
	unlink(new);
	return false;
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
	if (!access("/run/systemd/system", F_OK) && !run(reload) && on)
		run(start);
	device_usage(device->name, &usage);
	if (usage.root)
		say("it is the root file system: for the next boot, run: update-initramfs -u");
}

static bool add_line(const struct request *request, const char *name,
		     const struct device *device, const struct device *meta)
{
	char of_device[TAB_LINE_MAX], of_meta[TAB_LINE_MAX];
	char line[2 * TAB_LINE_MAX + 128];

	spelling(device, true, of_device, sizeof(of_device));
	spelling(meta, false, of_meta, sizeof(of_meta));
	snprintf(line, sizeof(line), "%s %s nofail,pin era %s %%d %u", name, of_device,
		 of_meta, TRACK_BLOCK);
	return replace_line(request->tab, name, line);
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

/* @record: of what goes again if it cannot be attached, or NULL */
static enum status attach_era(const struct request *request, const char *name,
			      const struct device *device,
			      const struct device *meta, struct record *record)
{
	const struct attach_options how = { .name = name, .pin = true,
					    .limit = request->limit,
					    .replace_word = "--wipe" };
	char block[16];
	enum status status;

	snprintf(block, sizeof(block), "%u", TRACK_BLOCK);
	status = attach_if_safe(device->path, &how, 4,
				(char *[]){ "era", (char *)meta->path,
					    (char *)device->path, block });
	if (record && status == DONE)
		record_end(record);
	else if (record)
		record_roll_back(record);
	if (status != DONE)
		return status;
	return add_line(request, name, device, meta) ? DONE : FAILED;
}

static enum status on_device(const struct request *request, const char *name,
			     const struct device *device)
{
	struct device meta;

	if (!device_find(request->meta, &meta) ||
	    !prepare(request, device, &meta))
		return FAILED;
	return attach_era(request, name, device, &meta, NULL);
}

/* With a volume that is not there */
static enum status would_attach(const struct request *request, const char *name,
				const struct device *device,
				const struct device *meta, struct record *record)
{
	struct series series = { .block = TRACK_BLOCK };
	char params[2 * PATH_MAX + 64];

	snprintf(params, sizeof(params), "%s 1 pin era %s %s %u", device->path,
		 meta->path, device->path, TRACK_BLOCK);
	series_format(meta->path, &series);
	map_create_step(name, MAP_INTERPOSER, device->sectors, "interpose", params);
	add_line(request, name, device, meta);
	record_free(record);
	return DONE;
}

/* Of a command that fails or is killed no volume is left */
static enum status on_new_volume(const struct request *request,
				 const char *name, const struct device *device)
{
	struct record record;
	struct device meta;
	char of_record[160];

	snprintf(of_record, sizeof(of_record), "track-%s", name);
	if (!record_begin(&record, of_record))
		return FAILED;
	if (make_volume(request, device, name, &record, &meta)) {
		if (options.dry_run)
			return would_attach(request, name, device, &meta, &record);
		if (prepare(request, device, &meta))
			return attach_era(request, name, device, &meta, &record);
	}
	record_roll_back(&record);
	return interrupted() ? UNDONE : FAILED;
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
	status = request->vg ? on_new_volume(request, name, &device) :
		on_device(request, name, &device);
	if (status != DONE)
		return status;
	tell_boot(request, &device, true);
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
		status = unpin_and_detach(name);
	if (status != DONE || !replace_line(request->tab, name, NULL))
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

static enum status track_refresh(void)
{
	enum status status = DONE;
	struct stack stack;

	if (!stack_read(&stack))
		return FAILED;
	for (size_t i = 0; i < stack.n_interposers; i++)
		if (!continuity_refresh(&stack.interposers[i],
					continuity_is_pinned(&stack.interposers[i])))
			status = FAILED;
	stack_free(&stack);
	return status;
}

/*
 * The command line
 */

static enum status act(const struct request *request, const char *action,
		       int argc, char **argv)
{
	const bool on = !strcmp(action, "on"), off = !strcmp(action, "off");

	if (!strcmp(action, "status") && !request->meta && !request->vg &&
	    !request->name && !request->wipe)
		return track_status(request, argc, argv);
	if ((request->meta || request->vg || request->name || request->wipe) && !on) {
		complain("--meta, --vg, --name and --wipe can only be used with track on");
		return usage_error("track");
	}
	if (request->json) {
		complain("--json can only be used with track status");
		return usage_error("track");
	}
	if (!strcmp(action, "refresh"))
		return argc ? too_many("track", argv[0]) : track_refresh();
	if (!on && !off) {
		complain("track: unknown action '%s'; use on, off, status or refresh",
			 action);
		return usage_error("track");
	}
	if (!argc)
		return missing("track", "a device");
	if (argc > 1)
		return too_many("track", argv[1]);
	if (off)
		return track_off(request, argv[0]);
	if (request->meta && request->vg)
		complain("use only one of --meta and --vg");
	else if (request->meta || request->vg)
		return track_on(request, argv[0]);
	else
		complain("the place for what is recorded is missing; use --meta or --vg");
	return usage_error("track");
}

enum status track_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "meta", required_argument, NULL, 'm' },
		{ "vg", required_argument, NULL, 'v' + 256 },
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
