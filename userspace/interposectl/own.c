// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <libmount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attach.h"
#include "continuity.h"
#include "interposetab.h"
#include "newfile.h"
#include "own.h"
#include "process.h"
#include "replay.h"
#include "spare.h"
#include "undo.h"
#include "writeback.h"

#define RELEASE_SECONDS	30
#define ELSEWHERE	"name a file on another disk with --file, or use --meta or --vg"

/*
 * Paths
 */

/* "/home" of "/home/x" leaves "/x", and of "/home" or another one NULL */
static const char *rest_of(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	while (n && directory[n - 1] == '/')
		n--;
	return !strncmp(path, directory, n) && path[n] == '/' && path[n + 1] ?
	       path + n : NULL;
}

static bool join(const char *directory, const char *rest, char *out, size_t size)
{
	return rest && (size_t)snprintf(out, size, "%s%s",
					strcmp(directory, "/") ? directory : "",
					rest) < size;
}

bool own_path_within(const char *root, const char *target, const char *path,
		     char *out, size_t size)
{
	return join(root, rest_of(path, target), out, size);
}

bool own_path_below(const char *root, const char *target, const char *path,
		    char *out, size_t size)
{
	return join(target, rest_of(path, root), out, size);
}

bool own_is_on(const struct device *device, const char *typed)
{
	char directory[PATH_MAX];
	struct stat st;

	snprintf(directory, sizeof(directory), "%s", typed);
	return *typed == '/' && !stat(dirname(directory), &st) &&
	       st.st_dev == device->dev;
}

bool own_mounted_path(const struct device *device, const char *path, char *out,
		      size_t size)
{
	struct libmnt_iter *at = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_table *table = device_mounts();
	struct libmnt_fs *fs;
	bool found = false;
	struct stat st;

	while (!found && table && at && !mnt_table_next_fs(table, at, &fs))
		found = mnt_fs_get_devno(fs) == device->dev &&
			own_path_below(mnt_fs_get_root(fs) ?: "/",
				       mnt_fs_get_target(fs) ?: "", path, out,
				       size) &&
			!lstat(out, &st) && st.st_dev == device->dev;
	mnt_free_iter(at);
	mnt_unref_table(table);
	return found;
}

/* @path: below its mount; and as it is from the root of its file system */
static bool find_paths(struct own *own, const char *typed)
{
	char copy[PATH_MAX], directory[PATH_MAX];
	struct libmnt_table *table = device_mounts();
	struct libmnt_fs *fs;
	bool good;

	snprintf(copy, sizeof(copy), "%s", typed);
	good = realpath(dirname(copy), directory) &&
	       join(directory, strrchr(typed, '/'), own->file.path,
		    sizeof(own->file.path));
	fs = good ? device_mount_of(table, directory) : NULL;
	good = fs && own_path_within(mnt_fs_get_root(fs), mnt_fs_get_target(fs),
				     own->file.path, own->path,
				     sizeof(own->path));
	mnt_unref_table(table);
	if (good && tab_file_is_good(own->path))
		return true;
	complain("'%s' cannot be the name of the file; use one without quotes, backslashes and control characters",
		 typed);
	return false;
}

/*
 * Another target for the interposer
 */

/* In memory that this process shares with the one that does it */
struct swap {
	const char *name;
	uint64_t sectors;
	char to[512];
	char back[128];			/* linear, or "" */
	unsigned int limit;
	atomic_bool loaded;
	uint32_t cookie;
};

/* What an era reads when its table is loaded takes its time, and nobody waits */
static bool load_and_resume(void *data)
{
	struct swap *swap = data;
	bool good = map_load(swap->name, swap->sectors, "interpose", swap->to);

	if (!options.dry_run)
		process_limit_begins(&swap->loaded, swap->limit);
	if (good && map_resume(swap->name, &swap->cookie))
		return true;
	/* it may be the file system of this program that waits now */
	if (*swap->back && map_load(swap->name, swap->sectors, "interpose",
				    swap->back))
		map_resume(swap->name, &swap->cookie);
	return false;
}

static bool swap_in_time(struct swap *swap, struct process *process)
{
	enum ending ending;

	if (options.dry_run)
		return load_and_resume(swap);
	map_warm_up();
	ending = process_in_time(process);
	if (ending == ENDED_WELL || ending == ENDED_BADLY)
		map_wait(swap->cookie);
	else
		map_forget(swap->cookie);
	if (ending == ENDED_LATE)
		complain("given up after %u seconds: %s does not answer, or its file system cannot be frozen; if it is only slow, add --timeout SECONDS",
			 swap->limit, swap->name);
	if (ending == ENDED_EARLY && !interrupted())
		complain("the process that changes the target of %s was killed",
			 swap->name);
	return ending == ENDED_WELL;
}

static void linear_of(dev_t dev, bool pin, char *params, size_t size)
{
	snprintf(params, size, "%u:%u%s linear %u:%u 0", major(dev), minor(dev),
		 pin ? " 1 pin" : "", major(dev), minor(dev));
}

bool own_release(const char *name)
{
	struct swap *swap = process_share(sizeof(*swap));
	struct process process = { .run = load_and_resume, .data = swap,
				   .limit = RELEASE_SECONDS, .goes_on = true };
	const struct interposer *ip = NULL;
	struct stack stack;
	bool good = false;

	if (!swap)
		return false;
	if (stack_read(&stack)) {
		ip = stack_of_map(&stack, name);
		good = !ip;
	}
	if (ip) {
		swap->name = name;
		swap->sectors = ip->table_line.length;
		swap->limit = process.limit;
		process.begun = &swap->loaded;
		linear_of(ip->table.device, continuity_is_pinned(ip), swap->to,
			  sizeof(swap->to));
		good = swap_in_time(swap, &process);
	}
	stack_free(&stack);
	process_unshare(swap, sizeof(*swap));
	return good;
}

static bool put_era(struct own *own, struct record *record, bool *hangs)
{
	struct swap *swap = process_share(sizeof(*swap));
	struct process process = { .run = load_and_resume, .data = swap,
				   .limit = own->limit, .record = record };
	bool good = false;

	if (!swap)
		return false;
	swap->name = own->name;
	swap->sectors = own->device->sectors;
	swap->limit = own->limit;
	process.begun = &swap->loaded;
	linear_of(own->device->dev, own->pin, swap->back, sizeof(swap->back));
	snprintf(swap->to, sizeof(swap->to), "%u:%u%s era %.256s %u:%u %u",
		 major(own->device->dev), minor(own->device->dev),
		 own->pin ? " 1 pin" : "", own->meta.path,
		 major(own->device->dev), minor(own->device->dev), own->block);
	if (write_back(own->device, own->limit) &&
	    record_undo_there(record, "era %s", own->name))
		good = swap_in_time(swap, &process);
	*hangs = process.hangs;
	process_unshare(swap, sizeof(*swap));
	return good;
}

/* With what the series has to know of it; what is there in a failure is linear */
static bool begin_era(struct own *own, struct record *record, bool *hangs)
{
	char block[16];
	char *argv[] = { "era", own->meta.path, (char *)own->device->path, block };
	struct continuity continuity;
	bool good;

	snprintf(block, sizeof(block), "%u", own->block);
	continuity_before_attach(&continuity, own->device, 4, argv);
	good = !interrupted() && put_era(own, record, hangs);
	continuity_after_attach(&continuity, good ? own->name : "");
	return good;
}

/*
 * What lies between
 */

/* Linear, as long as there is nothing else; it ends the record in a failure */
static enum status attach_linear(const struct own *own, struct record *record)
{
	const struct attach_options how = { .name = own->name, .pin = own->pin,
					    .limit = own->limit,
					    .replace_word = "--wipe",
					    .record = record };

	return attach_if_safe(own->device->path, &how, 0, NULL);
}

static bool find_beneath(const struct own *own, char *node, size_t size)
{
	const struct interposer *ip;
	struct stack stack;

	if (options.dry_run) {
		snprintf(node, size, "/dev/$(dmsetup status %.64s | cut -d ' ' -f 6)",
			 own->name);
		return true;
	}
	if (!stack_read(&stack))
		return false;
	ip = stack_of_map(&stack, own->name);
	if (ip)
		snprintf(node, size, "/dev/%.64s", ip->beneath);
	stack_free(&stack);
	if (!ip)
		complain("%s is not attached any more", own->name);
	return ip;
}

static void name_store(struct own *own)
{
	snprintf(own->file.store, sizeof(own->file.store), "%.120s-era",
		 own->name);
	own->file.on = own->device;
	own->file.lasts = true;
}

/* NAME-era, once it is known where the file lies */
static bool lay(struct own *own, const char *beneath, struct record *record)
{
	struct map_info info;

	if (!settled_lay(&own->file, beneath, record))
		return false;
	if (options.dry_run)
		snprintf(own->meta.path, sizeof(own->meta.path),
			 "/dev/mapper/%s", own->file.store);
	return options.dry_run ||
	       (map_info(own->file.store, &info) &&
		device_of_number(info.dev, &own->meta));
}

static enum status give_up(struct record *record, bool hangs)
{
	char name[NAME_MAX + 1];

	if (hangs) {
		snprintf(name, sizeof(name), "%s", record->name);
		record_free(record);
		return attach_hangs(name);
	}
	record_roll_back(record);
	return interrupted() ? UNDONE : FAILED;
}

/*
 * Is it the right place?
 */

static bool refuse_series(const struct own *own, const char *why)
{
	complain("%s on %s, where it is recorded what changes, %s; begin anew once it is mounted: interposectl track on --file NEW-FILE %s",
		 own->path, own->device->shown, why, own->device->shown);
	return false;
}

/* Somebody else's data begins otherwise: the checksum covers the UUID */
static bool is_its_series(const struct own *own)
{
	struct series series;
	char uuid[POINT_MAX];

	if (series_read(own->meta.path, &series) != SERIES_GOOD)
		return refuse_series(own, "does not hold the record of a series");
	series_uuid_text(series.uuid, uuid, sizeof(uuid));
	if (own->uuid && strcasecmp(own->uuid, uuid))
		return refuse_series(own, "holds another series than its line in interposetab names");
	if (series.sectors != own->device->sectors || series.block != own->block)
		return refuse_series(own, "holds the series of a device of another size");
	return true;
}

/*
 * A new one, or one that tracking has left
 */

static bool suits(const struct own *own)
{
	char copy[PATH_MAX], why[256];

	snprintf(copy, sizeof(copy), "%s", own->file.path);
	if (settled_suits(dirname(copy), why, sizeof(why)))
		return replay_suits(own->device, ELSEWHERE) &&
		       map_is_free(MAP_STORE, own->file.store, MAP_OTHER_NAME);
	complain("%s lies on %s itself, and cannot: %s %s; " ELSEWHERE,
		 own->file.path, own->device->shown, copy, why);
	return false;
}

/* Of a command that a reboot has ended there is no record any more */
static void clean(const struct own *own)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", own->file.path);
	settled_clean(dirname(copy));
}

/* It is mounted, so nothing has to be replayed to find it */
static bool find_there(struct own *own)
{
	struct replay replay = { .device = own->device };
	struct settled file = own->file;

	snprintf(file.path, sizeof(file.path), "%s", own->path);
	if (replay_find(&replay, &file)) {
		own->file.bytes = file.bytes;
		own->file.extents = file.extents;
		return true;
	}
	return false;
}

static bool format(const struct own *own)
{
	struct series series = { .sectors = own->device->sectors,
				 .block = own->block };

	return series_format(own->meta.path, &series);
}

/* A snapshot from before the file may need what was there then; see spare.h */
static bool is_spare(struct own *own, struct record *record, bool *hangs)
{
	struct sparing sparing = { .unit = 1, .limit = own->limit,
				   .record = record };
	struct stack stack;
	bool good;

	if (!stack_read(&stack))
		return false;
	sparing.stack = &stack;
	sparing.ip = stack_of_map(&stack, own->name);
	good = spare_find(&own->file, &sparing);
	*hangs = sparing.hangs;
	stack_free(&stack);
	if (!good || extents_bytes(&own->file.spare) == own->file.bytes)
		return good;
	complain("%s lies where a snapshot of %s needs what was there at its moment; first: interposectl snapshot --remove NAME; interposectl snapshot --list lists them all",
		 own->path, own->device->shown);
	return false;
}

static bool lay_new(struct own *own, struct record *record, bool *hangs)
{
	char beneath[128];

	return find_beneath(own, beneath, sizeof(beneath)) &&
	       (options.dry_run || (settled_prove(&own->file, beneath) &&
				    is_spare(own, record, hangs))) &&
	       lay(own, beneath, record) && format(own) &&
	       (options.dry_run || settled_check(&own->file));
}

/* What is in it is the proof that it is the right place, also if that is to go */
static bool lay_there(struct own *own, struct record *record)
{
	char beneath[128];

	return find_beneath(own, beneath, sizeof(beneath)) &&
	       lay(own, beneath, record) &&
	       (options.dry_run || is_its_series(own)) &&
	       (!own->wipe || format(own));
}

static enum status begin(struct own *own, const char *typed, uint64_t bytes,
			 struct record *record)
{
	enum status status;
	bool hangs = false, there;

	name_store(own);
	own->file.bytes = (bytes + SERIES_BLOCK - 1) / SERIES_BLOCK * SERIES_BLOCK;
	if (!find_paths(own, typed) || !suits(own))
		return give_up(record, false);
	clean(own);
	there = file_exists(own->file.path);
	if (!(there ? find_there(own) : settled_make(&own->file, record)))
		return give_up(record, false);
	status = attach_linear(own, record);
	if (status != DONE)
		return status;
	if ((there ? lay_there(own, record) : lay_new(own, record, &hangs)) &&
	    begin_era(own, record, &hangs))
		return DONE;
	return give_up(record, hangs);
}

enum status own_begin(struct own *own, const char *typed, uint64_t bytes,
		      struct record *record)
{
	enum status status = begin(own, typed, bytes, record);

	settled_forget(&own->file);
	return status;
}

/*
 * One that was there before
 */

/* Nothing is written to the device before all is proved */
static bool find_and_lay(struct own *own, struct record *record, bool *hangs)
{
	char beneath[128], look[MAP_NAME_MAX];
	struct replay replay = { .device = own->device, .beneath = beneath,
				 .name = look, .limit = own->limit,
				 .record = record };
	bool good;

	snprintf(look, sizeof(look), "%.120s-look", own->name);
	snprintf(own->file.path, sizeof(own->file.path), "%s", own->path);
	good = find_beneath(own, beneath, sizeof(beneath)) &&
	       replay_find(&replay, &own->file);
	*hangs = replay.hangs;
	good = good && lay(own, beneath, record) && is_its_series(own);
	settled_forget(&own->file);
	return good;
}

enum status own_start(struct own *own)
{
	char name[NAME_MAX + 1];
	struct record record;
	enum status status;
	bool hangs = false;

	name_store(own);
	if (options.dry_run) {
		say("# where %s lies on %s is found out when its journal is replayed",
		    own->path, own->device->shown);
		return DONE;
	}
	if (!replay_suits(own->device, ELSEWHERE) ||
	    !map_is_free(MAP_STORE, own->file.store, "first: interposectl recover"))
		return FAILED;
	snprintf(name, sizeof(name), "attach-%.120s", own->name);
	if (!record_begin(&record, name))
		return FAILED;
	status = attach_linear(own, &record);
	if (status != DONE)
		return status;
	if (!find_and_lay(own, &record, &hangs) ||
	    !begin_era(own, &record, &hangs))
		return give_up(&record, hangs);
	record_end(&record);
	return DONE;
}

/*
 * While it is attached
 */

static bool store_of(const struct interposer *ip, struct map_info *info)
{
	char word[WORD_MAX];
	dev_t dev;

	return !strcmp(ip->table.inner, "era") &&
	       parse_nth_word(ip->table.inner_args, 0, word, sizeof(word)) &&
	       parse_devno(word, &dev) && map_info_of(dev, "", info) &&
	       map_is_of(MAP_STORE, info->uuid);
}

/* Also if no mount shows all of its file system, so that it cannot be told */
static bool is_there(const struct device *device, const char *path,
		     const struct map_info *store)
{
	struct settled file = { .on = device, .lasts = true };
	int root = replay_open_mounted(device);
	struct map_piece *pieces = NULL;
	bool same = root < 0;
	size_t n;

	snprintf(file.path, sizeof(file.path), "%s", path);
	if (root >= 0 && settled_find(&file, root))
		same = map_pieces(store->dev, false, &pieces, &n) &&
		       extents_are(&file.extents, pieces, n);
	free(pieces);
	extents_free(&file.extents);
	if (root >= 0)
		close(root);
	return same;
}

bool own_check(const struct interposer *ip, const char *path)
{
	struct device device;
	struct map_info store;

	if (options.dry_run || !store_of(ip, &store) ||
	    !device_of_number(ip->table.device, &device) ||
	    is_there(&device, path, &store))
		return true;
	complain("%s: %s does not lie any more where its changes are recorded, and what lies there is overwritten; at once: interposectl unpin %s; interposectl detach %s; then check the file system",
		 ip->shown, path, ip->map.name, ip->map.name);
	return false;
}

/*
 * The end
 */

bool own_is_used(const struct interposer *ip)
{
	struct map_info info;

	return store_of(ip, &info);
}

bool own_is_store(dev_t dev)
{
	struct map_info info;

	return map_info_of(dev, "", &info) && map_is_of(MAP_STORE, info.uuid);
}

bool own_is_meta(const char *node)
{
	struct stat st;

	return !stat(node, &st) && own_is_store(st.st_rdev);
}

bool own_lies_in(const char *node, const char *path)
{
	struct stat st;

	return !stat(node, &st) && settled_lies_in(path, st.st_rdev);
}

bool own_note(struct record *record, const char *name)
{
	const struct interposer *ip;
	struct map_info store;
	struct stack stack;
	bool is_own;

	if (!stack_read(&stack))
		return false;
	ip = stack_of_map(&stack, name);
	is_own = ip && store_of(ip, &store);
	stack_free(&stack);
	return !is_own || (record_undo_there(record, "store %s", store.name) &&
			   record_undo_there(record, "era %s", name));
}

/* All of it, with what a snapshot has put beneath the era */
static bool note_all(struct record *record, const char *name)
{
	char line[MAP_NAME_MAX + 32], identity[IDENTITY_MAX];

	snprintf(line, sizeof(line), "resume %s", name);
	if (!undo_identity(line, identity) ||
	    !record_undo_of(record, identity, "interposer %s", name))
		return false;
	snprintf(line, sizeof(line), "origin %.100s-origin", name);
	return (!undo_identity(line, identity) ||
		record_undo_of(record, identity, "%s", line)) &&
	       own_note(record, name);
}

/*
 * Who is killed after the first step has left a series of which nobody has counted
 * what was written since: the file system alone tells then. What era writes at its
 * end, and this record, go to the same disk and are counted with it; they are counted
 * at NAME-era as well, so whatever is more is somebody else's, and a gap.
 */
static void release_counted(struct record *record, const struct interposer *ip)
{
	struct continuity continuity;
	bool gone;

	if (!continuity_refresh(ip, false))
		return;
	continuity_before_detach(&continuity, ip);
	gone = own_release(ip->map.name);
	if (gone)
		record_made_nothing(record, "era %s", ip->map.name);
	continuity_after_own_detach(&continuity, gone);
}

enum status own_detach(const struct interposer *ip)
{
	char name[NAME_MAX + 1];
	struct record record;

	snprintf(name, sizeof(name), ".detach-%.120s", ip->map.name);
	if (!record_begin(&record, name))
		return FAILED;
	if (!note_all(&record, ip->map.name) || !record_show(&record)) {
		record_end(&record);
		return FAILED;
	}
	release_counted(&record, ip);
	/* once it has begun it is completed */
	if (!record_roll_back(&record))
		return FAILED;
	say("%s is no longer interposed", ip->shown);
	return DONE;
}
