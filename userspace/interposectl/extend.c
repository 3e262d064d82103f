// SPDX-License-Identifier: GPL-2.0
/*
 * snapshot --extend
 *
 *     a logical volume                  lvextend
 *     a file on the origin, PATH        another one beside it, PATH.2, PATH.3, ...
 *                                       allocated --> cut down to what no snapshot needs
 *                                       --> proved --> added to the table of the mapped
 *                                       device
 *     anything else                     refused
 *
 * dm-snapshot asks for the size of its COW store whenever it needs a chunk of it,
 * so the store grows beneath it: from one moment to the next, in one ioctl. Nobody
 * waits for anything before that, and what waits in it waits in the kernel: for
 * the chunks that are being written, which the disk beneath the hook takes. Neither the
 * file system nor this program, if it lies there, is needed for that.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "attach.h"
#include "cow.h"
#include "extend.h"
#include "newfile.h"
#include "parse.h"
#include "process.h"
#include "settings.h"
#include "space.h"
#include "spare.h"
#include "stack.h"

#define MIB(sectors)	((sectors) / 2048)
#define LEAST		2048		/* sectors: less is not worth a file */

struct extension {
	const char *name;			/* of the snapshot */
	const char *size;
	unsigned int limit;
	const struct stack *stack;
	const struct snapshot *snap;
	const struct interposer *ip;		/* of which it is a snapshot */
	struct snapshot_space space;
	struct map_info store;			/* the COW store */
	const struct interposer *beneath;	/* the hook beneath which that is */
	struct device on;			/* and its device */
	char record[NAME_MAX + 1];		/* of the snapshot */
	char first[PATH_MAX];			/* the file with which it began */
	struct settled file;			/* the one that is added */
	uint64_t most;				/* what it may take before it is cut */
	struct record *own_record;	/* of what is done here */
	bool hangs;
};

/*
 * By how much
 */

struct room {
	const char *where;
	uint64_t free;			/* sectors */
	uint64_t most;			/* what is taken of that if nothing is said */
	uint64_t unit;
};

static bool parse_target(const struct extension *x, uint64_t *target)
{
	bool plus = *x->size == '+';

	if (!parse_size(x->size + plus, x->snap->sectors * 512, target)) {
		complain("'%s' is not a size; use --size 2G, or --size +512M for so much more",
			 x->size);
		return false;
	}
	*target = *target / 512 + (plus ? x->space.total : 0);
	if (*target > x->space.total)
		return true;
	complain("the COW store of %s has %" PRIu64 " MiB already; use a larger --size, or --size +SIZE for so much more",
		 x->name, MIB(x->space.total));
	return false;
}

static void complain_of_setting(const char *what, void *data)
{
	(void)data;
	complain("%s", what);
}

static uint64_t by_the_settings(const struct extension *x,
				const struct room *room)
{
	struct interpose_settings settings = INTERPOSE_SETTINGS_DEFAULT;
	struct interpose_usage usage = {
		.used = x->space.used,
		.total = x->space.total,
		.most = x->space.most,
		.free = room->most,
		.extent = room->unit,
	};

	settings_load(complain_of_setting, NULL, &settings);
	return interpose_step(&settings.limits, &usage);
}

static bool choose_size(const struct extension *x, const struct room *room,
			uint64_t *sectors)
{
	uint64_t target, least = x->space.most - x->space.total;

	if (x->space.total >= x->space.most) {
		complain("the COW store of %s has %" PRIu64 " MiB, which is all that it can need",
			 x->name, MIB(x->space.total));
		return false;
	}
	if (least > LEAST)
		least = LEAST;
	if (x->size) {
		if (!parse_target(x, &target))
			return false;
		if (target > x->space.most)
			target = x->space.most;
		*sectors = (target - x->space.total + room->unit - 1) /
			   room->unit * room->unit;
		least = *sectors;
	} else {
		*sectors = by_the_settings(x, room);
		if (*sectors < least && room->most >= least)
			*sectors = (least + room->unit - 1) / room->unit *
				   room->unit;
	}
	if (*sectors && *sectors >= least && *sectors <= room->free)
		return true;
	complain("there is no room for %" PRIu64 " MiB more for the COW store of %s in %s, which has %" PRIu64 " MiB free%s",
		 MIB(least), x->name, room->where, MIB(room->free),
		 x->size ? "; use another --size" : "");
	return false;
}

static enum status tell(const struct extension *x, uint64_t sectors)
{
	say("the COW store of %s is extended by %" PRIu64 " MiB to %" PRIu64 " MiB",
	    x->name, MIB(sectors), MIB(x->space.total + sectors));
	return DONE;
}

/*
 * A logical volume
 */

static enum status extend_volume(const struct extension *x)
{
	struct room room = { .where = x->space.vg };
	char said[512] = "";
	uint64_t sectors;

	if (volume_group_space(x->space.vg, &room.free, &room.unit))
		return refuse("what volume group %s has free is unknown; vgs %s shows why",
			      x->space.vg, x->space.vg);
	room.most = room.free;
	if (!choose_size(x, &room, &sectors))
		return FAILED;
	if (!step("lvextend -L +%" PRIu64 "s %s/%s", sectors, x->space.vg,
		  x->space.lv))
		return DONE;
	if (!volume_extend(x->space.vg, x->space.lv, sectors, said, sizeof(said)))
		return tell(x, sectors);
	said[strcspn(said, "\n")] = '\0';
	return refuse("%s/%s cannot be extended: %s", x->space.vg, x->space.lv,
		      *said ? said : "lvextend failed");
}

/*
 * A file on an origin: what there is
 */

/* Those that were added before stand before it; see record_add_first() */
static bool owns_store(struct record *record, void *data)
{
	struct extension *x = data;
	char line[MAP_NAME_MAX + 16];

	snprintf(line, sizeof(line), "store %s", x->file.store);
	if (!record->ready || record->foreign || !record_has(record, line))
		return false;
	snprintf(x->record, sizeof(x->record), "%s", record->name);
	for (size_t i = 0; i < record->n; i++)
		if (!record->done[i] && !strncmp(record->undo[i], "file ", 5) &&
		    settled_is_of(record->undo[i] + 5, x->file.store))
			snprintf(x->first, sizeof(x->first), "%s",
				 record->undo[i] + 5);
	return true;
}

static bool find_beneath(struct extension *x)
{
	char name[NAME_SIZE], slave[NAME_SIZE + 8];

	if (!sysfs_name(x->store.dev, name))
		return false;
	for (size_t i = 0; i < x->stack->n_interposers; i++) {
		const struct interposer *ip = &x->stack->interposers[i];

		snprintf(slave, sizeof(slave), "slaves/%s", ip->beneath);
		if (*ip->beneath && sysfs_exists(name, slave))
			x->beneath = ip;
	}
	return x->beneath &&
	       device_of_number(x->beneath->table.device, &x->on);
}

/* PATH.2 and so on; names that are taken are passed over */
static bool choose_path(struct extension *x)
{
	for (unsigned int i = 2; i < RECORD_LINES; i++) {
		snprintf(x->file.path, sizeof(x->file.path), "%.4000s.%u",
			 x->first, i);
		if (!file_exists(x->file.path))
			return true;
	}
	complain("%s.2 and all such names are taken; remove what is not needed",
		 x->first);
	return false;
}

static bool find_store(struct extension *x)
{
	snprintf(x->file.store, sizeof(x->file.store), "%s",
		 map_made_as(MAP_STORE, x->store.uuid));
	if (!record_each(owns_store, x) || !*x->first || !find_beneath(x)) {
		complain("the files of the COW store of %s are not known any more, so it cannot be extended",
			 x->name);
		return false;
	}
	x->file.on = &x->on;
	x->file.extends = true;
	return choose_path(x);
}

static bool choose_bytes(struct extension *x)
{
	char directory[PATH_MAX];
	struct room room = { .where = directory };
	uint64_t sectors;

	snprintf(directory, sizeof(directory), "%s", x->first);
	dirname(directory);
	settled_clean(directory);
	room.unit = cow_unit(x->ip->device, x->on.name) / 512;
	room.free = cow_free(directory) / 512;
	room.most = cow_room(directory) / 512;
	if (!choose_size(x, &room, &sectors))
		return false;
	x->file.bytes = sectors * 512;
	x->most = (room.most > sectors ? room.most : sectors) / room.unit *
		  room.unit * 512;
	return true;
}

/*
 * What is added to it
 */

/* In memory that this process shares with the one that does it */
struct swap {
	const char *name, *path;
	char beneath[NAME_SIZE + 8];
	const struct map_piece *pieces;	/* a copy of them is in that process */
	size_t n;
	unsigned int limit;
	atomic_bool loaded;
	uint32_t cookie;
};

static bool load_and_resume(void *data)
{
	struct swap *swap = data;

	if (step("# dmsetup load %s, as it is, and behind it %s",
		 swap->name, swap->path) &&
	    !map_load_pieces(swap->name, swap->pieces, swap->n, swap->beneath))
		return false;
	if (!options.dry_run)
		process_limit_begins(&swap->loaded, swap->limit);
	return map_swap(swap->name, &swap->cookie);
}

static bool swap_in_time(struct extension *x, struct swap *swap,
			 const struct record *record)
{
	struct process process = { .run = load_and_resume, .data = swap,
				   .limit = x->limit, .begun = &swap->loaded,
				   .record = record };
	enum ending ending;

	map_warm_up();
	ending = process_in_time(&process);
	x->hangs = process.hangs;
	if (ending == ENDED_WELL || ending == ENDED_BADLY)
		map_wait(swap->cookie);
	else
		map_forget(swap->cookie);
	if (ending == ENDED_LATE)
		complain("given up after %u seconds: %s does not answer",
			 x->limit, x->on.shown);
	return ending == ENDED_WELL;
}

/* The table as it is, and behind it what is added; NULL: said why */
static struct map_piece *all_pieces(const struct extension *x, size_t *n)
{
	const struct extents *spare = &x->file.spare;
	struct map_piece *pieces, *more = NULL;

	if (map_pieces(x->store.dev, false, &pieces, n) && *n)
		more = reallocarray(pieces, *n + spare->n, sizeof(*more));
	if (!more || *n + spare->n > EXTENTS_MOST) {
		complain("the COW store of %s would be in %zu pieces, which are too many",
			 x->name, *n + spare->n);
		free(more ?: pieces);
		return NULL;
	}
	extents_pieces(spare, more[*n - 1].start + more[*n - 1].length,
		       more + *n);
	*n += spare->n;
	return more;
}

static bool enlarge(struct extension *x, const struct record *record)
{
	struct swap *swap = process_share(sizeof(*swap));
	struct map_piece *pieces = NULL;
	bool good = false;

	if (!swap)
		return false;
	swap->name = x->store.name;
	swap->path = x->file.path;
	swap->limit = x->limit;
	snprintf(swap->beneath, sizeof(swap->beneath), "/dev/%s",
		 x->beneath->beneath);
	if (options.dry_run) {
		good = load_and_resume(swap);
	} else {
		pieces = all_pieces(x, &swap->n);
		swap->pieces = pieces;
		good = pieces && swap_in_time(x, swap, record);
	}
	free(pieces);
	process_unshare(swap, sizeof(*swap));
	return good;
}

static bool find_spare(struct extension *x)
{
	struct sparing sparing = {
		.stack = x->stack, .ip = x->beneath, .limit = x->limit,
		.unit = cow_unit(x->ip->device, x->on.name),
		.record = x->own_record,
	};
	bool good = spare_find(&x->file, &sparing);

	x->hangs = sparing.hangs;
	return good && !interrupted();
}

/* What is named by its size is so large, or is not */
static bool is_enough(const struct extension *x, uint64_t wanted)
{
	uint64_t bytes = extents_bytes(&x->file.spare);

	if (bytes < wanted && (x->size || bytes < LEAST * 512)) {
		complain("%s cannot be used for the COW store of %s: there is a snapshot that needs all but %" PRIu64 " MiB of what is free there now, which held data at its moment; use another --size, or remove the oldest snapshot",
			 x->file.path, x->name, bytes >> 20);
		return false;
	}
	return true;
}

/*
 * The file system decides where a file lies, and likes what was just freed. So the
 * file gets larger until enough of it is spare, and then all else goes.
 */
static bool choose_spare(struct settled *file, int fd, void *data)
{
	uint64_t wanted = file->bytes, next;
	struct extension *x = data;

	for (;;) {
		if (!settled_read(file, fd) || !find_spare(x))
			return false;
		next = file->bytes < x->most / 2 ? file->bytes * 2 : x->most;
		if (extents_bytes(&file->spare) >= wanted ||
		    next <= file->bytes || fallocate(fd, 0, 0, next))
			break;
		file->bytes = next;
	}
	extents_sort(&file->spare);
	extents_cut(&file->spare, wanted);
	return is_enough(x, wanted) && settled_keep_spare(file, fd);
}

/* All of it is spare, which is asked again now that it is proved where it lies */
static bool prove(struct extension *x)
{
	char node[NAME_SIZE + 8];

	snprintf(node, sizeof(node), "/dev/%s", x->beneath->beneath);
	return options.dry_run ||
	       (settled_prove(&x->file, node) && find_spare(x) &&
		is_enough(x, x->file.bytes) && settled_check(&x->file));
}

/* From when it is used, the snapshot's record names it; until then only the own one */
static bool note(const struct extension *x)
{
	char line[PATH_MAX + 8];
	struct record record;
	bool good;

	if (options.dry_run)
		return true;
	snprintf(line, sizeof(line), "file %s", x->file.path);
	good = record_read(&record, x->record) && record.ready &&
	       record_add_first(&record, line);
	record_free(&record);
	return good;
}

static enum status give_up(const struct extension *x, struct record *record)
{
	char name[NAME_MAX + 1];

	snprintf(name, sizeof(name), "%s", record->name);
	if (options.dry_run || x->hangs)
		record_free(record);
	else
		record_roll_back(record);
	if (x->hangs)
		return attach_hangs(name);
	return interrupted() ? UNDONE : FAILED;
}

static enum status extend_store(struct extension *x)
{
	char name[NAME_MAX + 1];
	struct record record;

	if (!find_store(x) || !choose_bytes(x))
		return FAILED;
	snprintf(name, sizeof(name), "extend-%.120s", x->name);
	if (!record_begin(&record, name))
		return FAILED;
	x->own_record = &record;
	x->file.choose = choose_spare;
	x->file.data = x;
	if (!settled_make(&x->file, &record) || interrupted() ||
	    !prove(x) || !note(x) || !enlarge(x, &record))
		return give_up(x, &record);
	step_begins();
	record_end(&record);
	return options.dry_run ? DONE :
	       tell(x, extents_bytes(&x->file.spare) / 512);
}

/*
 * All of it
 */

static enum status extend(struct extension *x)
{
	x->snap = stack_snapshot(x->stack, x->name);
	x->ip = x->snap ? stack_of_snapshot(x->stack, x->snap) : NULL;
	if (!x->ip || space_read(x->snap->map.name, x->snap->map.uuid, &x->space))
		return refuse("there is no snapshot %s; interposectl snapshot --list lists them all",
			      x->name);
	if (x->space.invalid)
		return refuse("%s is lost, because its COW store ran full; first: interposectl snapshot --remove %s",
			      x->name, x->name);
	if (*x->space.vg)
		return extend_volume(x);
	if (map_info_of(x->snap->table.cow, "", &x->store) &&
	    map_is_of(MAP_STORE, x->store.uuid))
		return extend_store(x);
	return refuse("the COW store of %s is neither a logical volume nor a file on its origin, and only these can be extended",
		      x->name);
}

enum status extend_snapshot(const char *name, const char *size,
			    unsigned int limit)
{
	struct extension *x = calloc(1, sizeof(*x));
	struct stack stack;
	enum status status;

	if (!x || !stack_read(&stack)) {
		free(x);
		return FAILED;
	}
	x->name = name;
	x->size = size;
	x->limit = limit;
	x->stack = &stack;
	status = extend(x);
	settled_forget(&x->file);
	stack_free(&stack);
	free(x);
	return status;
}
