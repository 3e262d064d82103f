// SPDX-License-Identifier: GPL-2.0
/*
 * snapshot: of one device or of several at one instant
 *
 *     find the origins -> a COW store for each -> attach those that are not ->
 *     the instant -> "ready". What was done is undone if a step fails, and when
 *     the snapshot is removed. Of a COW store in a file on an origin there is only
 *     the file at first; it is laid beneath the hook when that is there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "args.h"
#include "attach.h"
#include "check.h"
#include "commands.h"
#include "content.h"
#include "continuity.h"
#include "cow.h"
#include "extend.h"
#include "instant.h"
#include "list.h"
#include "process.h"
#include "place.h"
#include "reach.h"
#include "state.h"
#include "undo.h"
#include "writeback.h"

struct request {
	struct origin origins[ORIGINS_MAX];
	size_t n;
	struct cow_options cow;
	const char *cows[ORIGINS_MAX];	/* the devices of --cow */
	size_t n_cows;
	unsigned int limit;		/* seconds, for each attach and the instant */
	bool hangs;			/* it was given up, and goes on */
	char name[80];
	char first[80];			/* word for the first device named */
};

/*
 * The origins
 */

/* The second argument of era: its data device */
static bool data_of_era(const struct interposer *ip, dev_t *data)
{
	char word[WORD_MAX];

	return !strcmp(ip->table.inner, "era") &&
	       parse_nth_word(ip->table.inner_args, 1, word, sizeof(word)) &&
	       parse_devno(word, data);
}

/* Of the moment that is to come: the resume after it begins that era, or a later one */
static void note_point(struct origin *origin, const struct interposer *ip)
{
	char path[PATH_MAX], why[SERIES_WHY];
	struct era_status era;
	struct series series;

	if (continuity_series(ip, path, sizeof(path), &series) == SERIES_GOOD &&
	    continuity_holds(&series, ip, why, sizeof(why)) && ip->has_status &&
	    parse_era_status(ip->status.inner_status, &era))
		point_text(&series, era.current + 1, origin->point,
			   sizeof(origin->point));
}

/*
 * era is to lie on a snapshot-origin: what it lets pass is copied then, if it is
 * overwritten. The first snapshot puts one there, and it stays until the detach.
 */
static bool use_era(struct origin *origin, const struct interposer *ip)
{
	char meta[WORD_MAX], block[WORD_MAX], name[NAME_SIZE];
	struct map_info info = { };
	dev_t data;

	if (!data_of_era(ip, &data))
		return false;
	snprintf(origin->base, sizeof(origin->base), "%.100s-origin",
		 ip->map.name);
	if (map_made(MAP_ORIGIN, origin->base, &info) && info.dev == data) {
		snprintf(origin->base, sizeof(origin->base), "%s", info.name);
	} else if ((data != ip->table.device && data != ip->beneath_dev) ||
		   !parse_nth_word(ip->table.inner_args, 0, meta, sizeof(meta)) ||
		   !parse_nth_word(ip->table.inner_args, 2, block, sizeof(block)) ||
		   !sysfs_name(data, name)) {
		return false;
	} else {
		snprintf(origin->table, sizeof(origin->table),
			 "%u:%u%s era %s /dev/mapper/%s %s", major(ip->table.device),
			 minor(ip->table.device),
			 continuity_is_pinned(ip) ? " 1 pin" : "", meta,
			 origin->base, block);
	}
	note_point(origin, ip);
	return true;
}

static bool use_interposer(struct origin *origin, const struct interposer *ip)
{
	if (strcmp(ip->table.inner, "snapshot-origin") && !use_era(origin, ip)) {
		complain("%s is interposed by %s with the target %s, but a snapshot needs snapshot-origin; first: interposectl detach %s",
			 ip->shown, ip->map.name, ip->table.inner,
			 ip->map.name);
		return false;
	}
	if (ip->map.suspended) {
		complain("%s is suspended; first: dmsetup resume %s",
			 ip->map.name, ip->map.name);
		return false;
	}
	origin->interposed = true;
	if (!sysfs_name(ip->map.dev, origin->map))
		*origin->map = '\0';
	snprintf(origin->interposer, sizeof(origin->interposer), "%s",
		 ip->map.name);
	return true;
}

/* Its name is not chosen, but another one can be attached before */
static bool interposer_is_free(const struct origin *origin)
{
	char remedy[NAME_SIZE + PATH_MAX];

	snprintf(remedy, sizeof(remedy),
		 "first: interposectl attach --name OTHER %s snapshot-origin",
		 origin->device.path);
	return map_is_free(MAP_INTERPOSER, origin->interposer, remedy);
}

static bool find_origin(const struct stack *stack, struct origin *origin,
			const char *argument)
{
	struct findings findings = { };
	const struct interposer *ip;
	bool good;

	if (!device_find(argument, &origin->device))
		return false;
	ip = stack_of_device(stack, origin->device.name);
	if (ip)
		return use_interposer(origin, ip);
	check_device(stack, &origin->device, &findings);
	findings_complain(&findings);
	good = !findings_refuse(&findings);
	findings_free(&findings);
	default_name(&origin->device, origin->interposer,
		     sizeof(origin->interposer));
	return good && interposer_is_free(origin);
}

static bool overlap(const char *a, const char *b)
{
	char disk_a[NAME_SIZE], disk_b[NAME_SIZE];

	sysfs_disk(a, disk_a);
	sysfs_disk(b, disk_b);
	return !strcmp(a, b) || !strcmp(a, disk_b) || !strcmp(b, disk_a);
}

/* Also its records of what changes */
static bool lies_on(const struct origin *origin, const char *other)
{
	return sysfs_lies_on(origin->device.name, other) ||
	       (*origin->map && sysfs_lies_on(origin->map, other));
}

/* An origin that lies on another one comes before it, and is resumed after it */
static bool add_origin(struct request *request, const struct origin *origin)
{
	size_t at = request->n;

	for (size_t i = 0; i < request->n; i++) {
		const char *other = request->origins[i].device.name;

		if (overlap(other, origin->device.name)) {
			complain("%s and %s share data; name each device once, and either a disk or its partitions",
				 request->origins[i].device.shown,
				 origin->device.shown);
			return false;
		}
		if (at == request->n && lies_on(origin, other))
			at = i;
	}
	memmove(&request->origins[at + 1], &request->origins[at],
		(request->n - at) * sizeof(*origin));
	request->origins[at] = *origin;
	request->n++;
	return true;
}

static bool find_origins(struct request *request, int argc, char **argv)
{
	struct origin origin;
	struct stack stack;
	bool good = true;

	if (argc > ORIGINS_MAX) {
		complain("%d devices are too many for one command; name at most %d",
			 argc, ORIGINS_MAX);
		return false;
	}
	if (!stack_read(&stack))
		return false;
	for (int i = 0; i < argc && good; i++) {
		memset(&origin, 0, sizeof(origin));
		if (request->n_cows)
			origin.space = request->cows[i];
		good = find_origin(&stack, &origin, argv[i]) &&
		       add_origin(request, &origin);
		if (good && !i)
			device_word(&origin.device, request->first,
				    sizeof(request->first));
	}
	stack_free(&stack);
	return good;
}

static bool name_snapshots(struct request *request)
{
	struct origin *origins = request->origins;
	char word[80];

	if (!*request->name)
		snprintf(request->name, sizeof(request->name), "%.60s-snap",
			 request->first);
	if (!name_is_good(request->name))
		return false;
	for (size_t i = 0; i < request->n; i++) {
		device_word(&origins[i].device, word, sizeof(word));
		snprintf(origins[i].snapshot, sizeof(origins[i].snapshot),
			 request->n > 1 ? "%s-%s" : "%s", request->name, word);
		if (!map_is_free(MAP_SNAPSHOT, origins[i].snapshot,
				 MAP_OTHER_NAME))
			return false;
	}
	return true;
}

/*
 * The COW stores
 */

static enum lies reaches(const char *name, const struct request *request,
			 const char *beneath, char *why, size_t size)
{
	const char *names[ORIGINS_MAX];

	for (size_t i = 0; i < request->n; i++)
		names[i] = request->origins[i].device.name;
	return reach(name, names, request->n, beneath, why, size);
}

static enum lies reaches_origin(const char *name, const void *data, char *why,
				size_t size)
{
	return reaches(name, data, NULL, why, size);
}

/* The file system itself is on it, and no other hook is on the way down from there */
static const struct device *beneath_origin(const char *directory,
					   const void *data)
{
	const struct request *request = data;
	char why[512];
	struct stat st;

	if (stat(directory, &st))
		return NULL;
	for (size_t i = 0; i < request->n; i++) {
		const struct device *device = &request->origins[i].device;

		if (device->dev == st.st_dev &&
		    reaches(device->name, request, device->name, why,
			    sizeof(why)) == LIES_NOT)
			return device;
	}
	return NULL;
}

/* Nothing was said */
static bool choose_space(struct request *request)
{
	struct place_request space = {
		.memory = cow_memory(1),
		.name = request->name,
		.n = request->n,
		.reaches = reaches_origin,
		.beneath = beneath_origin,
		.data = request,
	};

	for (size_t i = 0; i < request->n; i++) {
		struct cow_request one = {
			.options = &request->cow,
			.origin = &request->origins[i].device,
		};
		uint64_t bytes;

		if (!cow_size(&one, &bytes))
			return false;
		space.bytes += bytes;
	}
	return place_choose(&space, &request->cow);
}

static bool make_space(struct request *request, struct record *record)
{
	uint64_t memory = cow_memory(request->n);

	for (size_t i = 0; i < request->n; i++) {
		struct origin *origin = &request->origins[i];
		struct cow_options cow = request->cow;
		char path[PATH_MAX];
		struct cow_request make = {
			.options = &cow,
			.origin = &origin->device,
			.snapshot = origin->snapshot,
			.memory = memory,
			.reaches = reaches_origin,
			.beneath = beneath_origin,
			.data = request,
			.file = &origin->file,
		};

		if (cow.kind == COW_DEVICE)
			cow.where = origin->space;
		if (cow.kind == COW_FILE && request->n > 1) {
			snprintf(path, sizeof(path), "%s-%s", cow.where,
				 origin->device.name);
			cow.where = path;
		}
		if (cow.kind == COW_DEVICE || cow.kind == COW_FILE)
			snprintf(origin->store, sizeof(origin->store), "%s",
				 cow.where);
		if (interrupted() ||
		    !cow_make(&make, record, origin->cow, sizeof(origin->cow)))
			return false;
		origin->chunk = cow_chunk(&origin->device, origin->cow);
	}
	return true;
}

/*
 * The interposers
 */

struct made_before {
	char identity[IDENTITY_MAX];
	char line[MAP_NAME_MAX + 16];	/* with the name that it had then */
};

static bool has_made(struct record *record, void *data)
{
	struct made_before *made = data;

	for (size_t i = 0; i < record->n; i++) {
		if (record->done[i] || !record->is[i] ||
		    strncmp(record->undo[i], "interposer ", 11) ||
		    strcmp(record->is[i], made->identity))
			continue;
		snprintf(made->line, sizeof(made->line), "%s", record->undo[i]);
		return true;
	}
	return false;
}

/* An interposer that another snapshot attached goes with the last of them */
static bool attach_origin(struct request *request, struct origin *origin,
			  struct record *record)
{
	static char type[] = "snapshot-origin";
	char *inner[] = { type, NULL }, line[MAP_NAME_MAX + 16];
	struct attachment attachment = {
		.device = &origin->device,
		.name = origin->interposer,
		.argc = 1,
		.argv = inner,
		.limit = request->limit,
		.record = record,
	};
	struct made_before made;
	bool good;

	if (!origin->interposed) {
		good = attach_device(&attachment);
		request->hangs = attachment.hangs;
		return good;
	}
	/* by its name, as "resume" */
	snprintf(line, sizeof(line), "resume %s", origin->interposer);
	return !undo_identity(line, made.identity) ||
	       !record_each(has_made, &made) ||
	       record_undo_of(record, made.identity, "%s", made.line);
}

static bool attach_origins(struct request *request, struct record *record)
{
	for (size_t i = 0; i < request->n; i++)
		if (interrupted() ||
		    !attach_origin(request, &request->origins[i], record))
			return false;
	return true;
}

/* Nobody uses them yet */
static bool make_bases(struct request *request, struct record *record)
{
	uint32_t cookie = 0;
	bool good = true, made;

	for (size_t i = 0; i < request->n && good; i++) {
		struct origin *origin = &request->origins[i];

		if (!*origin->table)
			continue;
		if (interrupted() ||
		    !record_undo(record, "origin %s", origin->base))
			return false;
		good = map_create(origin->base, MAP_ORIGIN, origin->device.sectors,
				  "snapshot-origin", origin->beneath, &cookie,
				  &made);
		if (good || made)
			good &= record_made(record, "origin %s", origin->base);
		else
			record_made_nothing(record, "origin %s", origin->base);
	}
	map_wait(cookie);
	for (size_t i = 0; i < request->n && good && !options.dry_run; i++)
		if (*request->origins[i].table)
			map_make_node(request->origins[i].base);
	return good;
}

static bool find_beneath(struct request *request)
{
	struct stack stack;
	bool good = true;

	if (!stack_read(&stack))
		return false;
	for (size_t i = 0; i < request->n; i++) {
		struct origin *origin = &request->origins[i];
		const struct interposer *ip = stack_of_map(&stack,
							   origin->interposer);

		if (ip)
			snprintf(origin->beneath, sizeof(origin->beneath),
				 "/dev/%.64s", ip->beneath);
		else
			snprintf(origin->beneath, sizeof(origin->beneath),
				 "/dev/$(dmsetup status %.64s | cut -d ' ' -f 6)",
				 origin->interposer);
		good &= ip || options.dry_run;
	}
	stack_free(&stack);
	return good;
}

/*
 * COW stores in files on an origin
 */

static const struct origin *origin_of(const struct request *request,
				      const struct device *device)
{
	size_t i = 0;

	while (&request->origins[i].device != device)
		i++;
	return &request->origins[i];
}

static bool lay_store(struct request *request, struct origin *origin,
		      const struct stack *stack, struct record *record)
{
	const struct origin *on = origin_of(request, origin->file.on);
	struct sparing sparing = {
		.stack = stack,
		.ip = stack_of_map(stack, on->interposer),
		.unit = cow_unit(origin->device.name, on->device.name),
		.limit = request->limit,
		.record = record,
	};
	bool good;

	good = !interrupted() &&
	       cow_lay(&origin->file, on->beneath, &sparing, record);
	request->hangs = sparing.hangs;
	origin->chunk = cow_chunk(&origin->device, origin->cow);
	return good;
}

static bool lay_stores(struct request *request, struct record *record)
{
	struct stack stack;
	bool good;

	if (!stack_read(&stack))
		return false;
	good = true;
	for (size_t i = 0; i < request->n && good; i++)
		if (*request->origins[i].file.path)
			good = lay_store(request, &request->origins[i], &stack,
					 record);
	stack_free(&stack);
	return good;
}

/*
 * The last look before the instant. Not in it: what the file system would have to
 * read for the answer may wait for the resume.
 */
static bool check_stores(const struct request *request)
{
	for (size_t i = 0; i < request->n && !options.dry_run; i++)
		if (*request->origins[i].file.path &&
		    !settled_check(&request->origins[i].file))
			return false;
	return true;
}

/*
 * All of it
 */

/* What is written now need not be written while all others wait */
static bool write_back_all(const struct request *request)
{
	for (size_t i = 0; i < request->n; i++)
		if (!write_back(&request->origins[i].device, request->limit))
			return false;
	return true;
}

/* What is there now, or is not, whoever has ended meanwhile */
static bool note_snapshots(const struct request *request,
			   struct record *record)
{
	bool good = true;

	for (size_t i = 0; i < request->n; i++) {
		const struct origin *origin = &request->origins[i];

		if (origin->made == MADE)
			good &= record_made(record, "snapshot %s",
					    origin->snapshot);
		if (origin->made == MADE_NOTHING)
			record_made_nothing(record, "snapshot %s",
					    origin->snapshot);
	}
	return good;
}

static bool take(struct request *request, struct record *record)
{
	enum outcome outcome;

	if (!make_space(request, record) || !attach_origins(request, record) ||
	    !find_beneath(request) || !lay_stores(request, record) ||
	    !make_bases(request, record))
		return false;
	for (size_t i = 0; i < request->n; i++)
		if (!record_undo(record, "snapshot %s",
				 request->origins[i].snapshot))
			return false;
	for (size_t i = 0; i < request->n; i++)
		if (!record_undo_there(record, "resume %s",
				       request->origins[i].interposer) ||
		    (*request->origins[i].base &&
		     !record_undo_there(record, "resume %s",
					request->origins[i].base)))
			return false;
	if (!write_back_all(request) || !check_stores(request))
		return false;
	outcome = instant(request->origins, request->n, request->limit,
			  record);
	request->hangs = outcome == INSTANT_HANGS;
	return note_snapshots(request, record) && outcome == INSTANT_DONE &&
	       !interrupted() && record_ready(record);
}

/* The snapshot of the device that this mount option names, or NULL */
static const char *snapshot_of_other(const struct request *request,
				     const struct origin *origin,
				     const char *option)
{
	char other[NAME_SIZE];

	if (!content_other_device(origin->device.name, option, other))
		return NULL;
	for (size_t i = 0; i < request->n; i++)
		if (!strcmp(request->origins[i].device.name, other))
			return request->origins[i].snapshot;
	return NULL;
}

static bool has_file(const struct request *request)
{
	for (size_t i = 0; i < request->n; i++)
		if (*request->origins[i].file.path)
			return true;
	return false;
}

static void tell_how_to_use(const struct request *request)
{
	struct content content;
	char hint[1024];

	for (size_t i = 0; i < request->n; i++) {
		const struct origin *origin = &request->origins[i];

		content_read(origin->device.path, &content);
		content_hint(&content, origin->snapshot,
			     snapshot_of_other(request, origin, "logdev"),
			     snapshot_of_other(request, origin, "rtdev"),
			     hint, sizeof(hint));
		say("%s", hint);
		if (*origin->point)
			say("what changes from now on: interposectl changed --since %s %s",
			    origin->point, origin->interposer);
	}
	if (request->cow.kind == COW_LV || has_file(request))
		say("to extend its COW store before it is full: interposectl monitor");
	say("afterwards: interposectl snapshot --remove %s", request->name);
}

static void forget(struct request *request)
{
	for (size_t i = 0; i < request->n; i++)
		settled_forget(&request->origins[i].file);
}

static enum status take_snapshot(struct request *request, int argc, char **argv)
{
	struct record record;

	if (request->cow.kind == COW_DEVICE && request->n_cows != (size_t)argc)
		return refuse("there are %d devices and %zu COW stores; give --cow once for each device, in the same order",
			      argc, request->n_cows);
	if (!find_origins(request, argc, argv) || !name_snapshots(request) ||
	    (request->cow.kind == COW_NONE && !choose_space(request)))
		return FAILED;
	if (!record_begin(&record, request->name))
		return FAILED;
	if (!take(request, &record)) {
		if (options.dry_run || request->hangs)
			record_free(&record);
		else
			record_roll_back(&record);
		if (request->hangs)
			return attach_hangs(request->name);
		return interrupted() ? UNDONE : FAILED;
	}
	record_free(&record);
	tell_how_to_use(request);
	return DONE;
}

/*
 * --remove
 */

static bool is_open(const char *name)
{
	struct map_info info;

	if (!map_info(name, &info) || !info.open_count)
		return false;
	complain("/dev/mapper/%s is in use; first: umount /dev/mapper/%s", name,
		 name);
	return true;
}

static enum status remove_recorded(struct record *record, const char *name)
{
	struct map_info info;

	/* tried at the start, with a message */
	if (record->foreign || (!record->ready && !options.dry_run)) {
		record_free(record);
		return FAILED;
	}
	for (size_t i = 0; i < record->n; i++) {
		if (!strncmp(record->undo[i], "snapshot ", 9) &&
		    map_made(MAP_SNAPSHOT, record->undo[i] + 9, &info) &&
		    is_open(info.name)) {
			record_free(record);
			return FAILED;
		}
	}
	if (!record_roll_back(record))
		return FAILED;
	say("snapshot %s is removed", name);
	return DONE;
}

struct owner {
	char line[MAP_NAME_MAX + 16];
	char name[128];
};

static bool owns(struct record *record, void *data)
{
	struct owner *owner = data;

	if (!record_has(record, owner->line))
		return false;
	snprintf(owner->name, sizeof(owner->name), "%s", record->name);
	return true;
}

/* A snapshot that dmsetup created, or one of several of an instant */
static enum status remove_other(const char *name)
{
	struct owner owner;
	struct stack stack;
	const struct snapshot *snap;
	bool there;

	snprintf(owner.line, sizeof(owner.line), "snapshot %s", name);
	if (record_each(owns, &owner))
		return refuse("%s belongs to %s, whose snapshots are removed together: interposectl snapshot --remove %s",
			      name, owner.name, owner.name);
	if (!stack_read(&stack))
		return FAILED;
	snap = stack_snapshot(&stack, name);
	there = snap && stack_of_snapshot(&stack, snap);
	stack_free(&stack);
	if (!there)
		return refuse("there is no snapshot %s; interposectl snapshot --list lists them all",
			      name);
	if (is_open(name) || !map_remove(name))
		return FAILED;
	say("snapshot %s is removed; its COW store and its interposer stay, because interposectl did not create them",
	    name);
	return DONE;
}

static enum status remove_snapshot(const char *name)
{
	struct record record;

	if (!name_is_good(name))
		return FAILED;
	if (record_read(&record, name))
		return remove_recorded(&record, name);
	if (!state_recovered(name))
		return remove_other(name);
	say("snapshot %s is removed", name);
	return DONE;
}

/*
 * The command line
 */

/* The options used, to find those that do not go together */
struct said {
	bool size, cow, wipe, name, timeout, list, json, remove, extend;
	unsigned int spaces;		/* --vg, --file, --ram, and all --cow */
	int devices;
};

static void choose(struct request *request, struct said *said,
		   enum cow_kind kind)
{
	if (request->cow.kind != kind || kind != COW_DEVICE)
		said->spaces++;
	request->cow.kind = kind;
	request->cow.where = optarg;
	if (kind != COW_DEVICE)
		return;
	said->cow = true;
	if (request->n_cows < ORIGINS_MAX)
		request->cows[request->n_cows++] = optarg;
}

static bool choose_limit(struct request *request, struct said *said)
{
	said->timeout = true;
	return attach_limit(optarg, &request->limit);
}

/* No option is ignored silently */
static bool goes_together(const struct said *said)
{
	const bool more = said->spaces || said->wipe || said->name;
	const bool makes = more || said->size || said->timeout;
	const struct {
		bool wrong;
		const char *why;
	} rules[] = {
		{ said->list && said->remove,
		  "--list and --remove cannot be used together" },
		{ said->extend && (said->list || said->remove),
		  "--extend cannot be used together with --list or --remove" },
		{ said->extend && (more || said->devices),
		  "--extend takes only the NAME of a snapshot, --size and --timeout" },
		{ said->json && !said->list, "--json can only be used with --list" },
		{ said->list && (makes || said->devices),
		  "--list takes no other option than --json; it lists all snapshots" },
		{ said->remove && (makes || said->devices),
		  "--remove takes only the NAME of a snapshot; what was created for it is removed, too" },
		{ said->spaces > 1,
		  "use only one of --vg, --cow, --file and --ram; only --cow can be repeated, once for each device" },
		{ said->size && said->cow,
		  "--size cannot be used with --cow: the COW store is the whole device" },
		{ said->wipe && !said->cow,
		  "--wipe can only be used with --cow: a new COW store holds no data" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (!rules[i].wrong)
			continue;
		complain("%s", rules[i].why);
		return false;
	}
	return true;
}

enum status snapshot_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "size", required_argument, NULL, 's' },
		{ "vg", required_argument, NULL, COW_LV },
		{ "cow", required_argument, NULL, COW_DEVICE },
		{ "file", required_argument, NULL, COW_FILE },
		{ "ram", no_argument, NULL, COW_RAM },
		{ "wipe", no_argument, NULL, 'w' },
		{ "timeout", required_argument, NULL, 't' },
		{ "name", required_argument, NULL, 'N' },
		{ "list", no_argument, NULL, 'l' },
		{ "json", no_argument, NULL, 'J' },
		{ "extend", required_argument, NULL, 'e' },
		{ "remove", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct request request = { .limit = LIMIT_SECONDS };
	const char *remove = NULL, *extend = NULL;
	struct said said = { };
	enum status status;
	bool good = true;
	int option;

	while ((option = next_option(argc, argv, "s:lJ", longs, NULL)) != -1) {
		switch (option) {
		case 's': request.cow.size = optarg; said.size = true; break;
		case 'w': request.cow.wipe = said.wipe = true; break;
		case 'N': snprintf(request.name, sizeof(request.name), "%s", optarg); said.name = true; break;
		case 't': good &= choose_limit(&request, &said); break;
		case 'l': said.list = true; break;
		case 'J': said.json = true; break;
		case 'e': extend = optarg; said.extend = true; break;
		case 'r': remove = optarg; said.remove = true; break;
		case 'h': return help("snapshot");
		case '?': return usage_error("snapshot");
		default: choose(&request, &said, option); break;
		}
	}
	said.devices = argc - optind;
	if (!good || !goes_together(&said))
		return usage_error("snapshot");
	if (said.list)
		return list_snapshots(said.json);
	if (remove)
		return remove_snapshot(map_name(remove));
	if (extend)
		return extend_snapshot(map_name(extend), request.cow.size,
				       request.limit);
	if (!said.devices)
		return missing("snapshot", "a device");
	status = take_snapshot(&request, said.devices, argv + optind);
	forget(&request);
	return status;
}
