// SPDX-License-Identifier: GPL-2.0
/*
 * Which commands can run at the same time, and why that is safe: those that come
 * here change something, so they have the lock of state.c, but for the shutdown,
 * where nothing else runs any more. Others that write to the device are kept out
 * before an attach and a detach by opening it exclusively, as a mount does; a
 * program that writes to a device that nobody has claimed, in the milliseconds
 * between the comparison and the attach, is not found out.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "continuity.h"
#include "metafile.h"
#include "say.h"

static bool boot_id(unsigned char *boot)
{
	char path[PATH_MAX], text[64] = "";
	FILE *file = fopen(proc_path("sys/kernel/random/boot_id", path,
				     sizeof(path)), "re");
	bool good;

	if (!file)
		return false;
	good = fgets(text, sizeof(text), file) &&
	       uuid_parse(text, strcspn(text, "\n"), boot);
	fclose(file);
	return good;
}

static uint64_t diskseq_of(dev_t dev)
{
	char name[NAME_SIZE], text[32];
	uint64_t number;

	if (sysfs_name(dev, name) &&
	    sysfs_read(name, "diskseq", text, sizeof(text)) &&
	    parse_number(text, &number))
		return number;
	return 0;
}

/*
 * Sectors written and discarded in this boot: not the requests, of which a flush
 * without data is one. Those of a partition are counted for its disk as well, and
 * what is more there went to the disk itself.
 */

/* The fields of stat in sysfs, from 1 on: 7 and 14 */
static bool count_writes(const char *name, uint64_t *count)
{
	char line[512], word[WORD_MAX];
	uint64_t writes, discards = 0;

	if (!sysfs_is(name, "queue/iostats", "1") &&
	    sysfs_exists(name, "queue/iostats"))
		return false;
	if (!sysfs_read(name, "stat", line, sizeof(line)) ||
	    !parse_nth_word(line, 6, word, sizeof(word)) ||
	    !parse_number(word, &writes))
		return false;
	if (parse_nth_word(line, 13, word, sizeof(word)))
		parse_number(word, &discards);
	*count = writes + discards;
	return true;
}

static bool add_partition(const char *entry, void *data)
{
	uint64_t *sum = data, count;

	if (sysfs_is_partition(entry) && count_writes(entry, &count))
		*sum += count;
	return false;
}

/* Others write to other partitions meanwhile: until these stand still */
static bool count_past_partitions(const char *disk, uint64_t *count)
{
	uint64_t before, all, after;

	for (int i = 0; i < 50; i++) {
		before = after = 0;
		sysfs_each(disk, "", add_partition, &before);
		if (!count_writes(disk, &all))
			return false;
		sysfs_each(disk, "", add_partition, &after);
		if (before == after && all >= before) {
			*count = all - before;
			return true;
		}
		usleep(10000);
	}
	return false;
}

static uint64_t written_to(const char *name)
{
	uint64_t own, past = 0;
	char disk[NAME_SIZE];

	if (!sysfs_disk(name, disk) || !count_writes(name, &own) ||
	    (sysfs_is_partition(name) && !count_past_partitions(disk, &past)))
		return SERIES_NOT_COUNTED;
	return own + past;
}

static uint64_t written_to_node(const char *path)
{
	char name[NAME_SIZE];
	struct stat st;

	return !stat(path, &st) && sysfs_name(st.st_rdev, name) ?
		written_to(name) : SERIES_NOT_COUNTED;
}

static uint64_t diskseq_of_device(const char *name)
{
	char disk[NAME_SIZE];
	dev_t dev;

	return sysfs_disk(name, disk) && sysfs_devno(disk, &dev) ?
		diskseq_of(dev) : 0;
}

/*
 * Gaps
 */

/* In another boot, or if the disk was away, nobody has counted */
static bool is_counted(const struct series *series,
		       const struct view_of_device *now)
{
	return series->state == SERIES_DETACHED &&
	       !memcmp(series->boot, now->boot, SERIES_UUID) &&
	       series->diskseq && series->diskseq == now->diskseq &&
	       series->written != SERIES_NOT_COUNTED &&
	       now->written != SERIES_NOT_COUNTED;
}

bool continuity_goes_on(const struct series *series,
			const struct view_of_device *now, char *why,
			size_t size)
{
	if (series->state == SERIES_NEW)
		return true;
	if (series->first == SERIES_NO_ERA)
		snprintf(why, size, "%s", series->why);
	else if (series->sectors != now->sectors)
		snprintf(why, size, "its size was changed");
	else if (now->in_use)
		snprintf(why, size, "it was in use when it was attached");
	else if (is_counted(series, now) && series->written != now->written)
		snprintf(why, size, "it was written to while it was not attached");
	else
		return (is_counted(series, now) && !*series->witness.type &&
			!*now->witness.type) ||
		       witness_continues(&series->witness, &now->witness,
					 series->state == SERIES_PINNED, why,
					 size);
	return false;
}

/* What is written from here on is in the era that the attach begins, or later */
static void note_gap(struct series *series, const struct device *device,
		     const char *why)
{
	series->first = series->era + 1;
	snprintf(series->why, sizeof(series->why), "%s", why);
	complain("%s: full backup needed: %s", device->shown, why);
}

/* What is cached for it would be written later, and not be seen now */
static int hold(const char *path)
{
	int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);

	if (fd >= 0)
		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE |
				SYNC_FILE_RANGE_WRITE |
				SYNC_FILE_RANGE_WAIT_AFTER);
	return fd;
}

static void view(const struct device *device, const struct series *series,
		 struct view_of_device *now)
{
	memset(now, 0, sizeof(*now));
	now->sectors = device->sectors;
	boot_id(now->boot);
	now->diskseq = diskseq_of_device(device->name);
	now->written = written_to(device->name);
	witness_read(device->path, &series->witness, &now->witness);
}

static void complain_of_damage(const char *meta, const char *device)
{
	char file[PATH_MAX];
	bool is_file = metafile_of(meta, file, sizeof(file));

	if (is_file)
		meta = file;
	complain("%s: full backup needed: the record of the series on %s is damaged; to begin a new series: interposectl track on --wipe --%s %s %s",
		 device, meta, is_file ? "file" : "meta", meta, device);
}

void continuity_before_attach(struct continuity *c, const struct device *device,
			      int argc, char **argv)
{
	struct view_of_device now;
	char why[SERIES_WHY];

	memset(c, 0, sizeof(*c));
	c->held = -1;
	if (argc != 4 || strcmp(argv[0], "era") || options.dry_run)
		return;
	snprintf(c->path, sizeof(c->path), "%s", argv[1]);
	switch (series_read(c->path, &c->series)) {
	case SERIES_NONE:
		return;
	case SERIES_DAMAGED:
		complain_of_damage(c->path, device->shown);
		return;
	case SERIES_GOOD:
		break;
	}
	c->held = hold(device->path);
	view(device, &c->series, &now);
	now.in_use = c->held < 0;
	if (!continuity_goes_on(&c->series, &now, why, sizeof(why)))
		note_gap(&c->series, device, why);
	c->series.state = SERIES_ATTACHING;
	c->series.sectors = device->sectors;
	c->series.witness = now.witness;
	memcpy(c->series.boot, now.boot, sizeof(now.boot));
	c->tracked = series_write(c->path, &c->series);
}

static void let_go(struct continuity *c)
{
	if (c->held >= 0)
		close(c->held);
	c->held = -1;
}

/* Whoever has taken it was gone before this attach: a crash in "changed" */
static void drop_old_snapshot(const struct interposer *ip)
{
	struct era_status era;

	if (ip->has_status && parse_era_status(ip->status.inner_status, &era) &&
	    era.held)
		map_message(ip->map.name, "drop_metadata_snap");
}

/* If it is not there, nobody has to be told: nothing is missing so far */
void continuity_after_attach(struct continuity *c, const char *name)
{
	const struct interposer *ip;
	struct stack stack;

	let_go(c);
	if (!c->tracked || !stack_read(&stack))
		return;
	ip = stack_of_map(&stack, name);
	if (ip) {
		c->series.state = ip->table.pinned ? SERIES_PINNED : SERIES_ATTACHED;
		c->series.diskseq = diskseq_of(ip->map.dev);
		series_write(c->path, &c->series);
		drop_old_snapshot(ip);
	}
	stack_free(&stack);
}

/*
 * While it is attached
 */

enum series_found continuity_series(const struct interposer *ip, char *path,
				    size_t size, struct series *series)
{
	char word[WORD_MAX], name[NAME_SIZE];
	dev_t dev;

	if (strcmp(ip->table.inner, "era") ||
	    !parse_nth_word(ip->table.inner_args, 0, word, sizeof(word)) ||
	    !parse_devno(word, &dev) || !sysfs_name(dev, name))
		return SERIES_NONE;
	device_node(name, path, size);
	return series_read(path, series);
}

bool continuity_holds(const struct series *series, const struct interposer *ip,
		      char *why, size_t size)
{
	unsigned char boot[SERIES_UUID];

	if ((series->state != SERIES_ATTACHED && series->state != SERIES_PINNED) ||
	    !boot_id(boot) || memcmp(boot, series->boot, sizeof(boot)) ||
	    !series->diskseq || series->diskseq != diskseq_of(ip->map.dev))
		snprintf(why, size, "%s was not attached by interposectl, so nobody knows what was written before",
			 ip->map.name);
	else if (sysfs_sectors(ip->device) != series->sectors)
		snprintf(why, size, "the size of %s was changed", ip->shown);
	else
		return true;
	return false;
}

bool continuity_is_pinned(const struct interposer *ip)
{
	return ip->has_status ? ip->status.pinned : ip->table.pinned;
}

bool continuity_refresh(const struct interposer *ip, bool pinned)
{
	char path[PATH_MAX], node[PATH_MAX], why[SERIES_WHY];
	struct series series;

	if (options.dry_run ||
	    continuity_series(ip, path, sizeof(path), &series) != SERIES_GOOD ||
	    !continuity_holds(&series, ip, why, sizeof(why)))
		return true;
	series.state = pinned ? SERIES_PINNED : SERIES_ATTACHED;
	device_node(ip->device, node, sizeof(node));
	witness_read(node, NULL, &series.witness);
	return series_write(path, &series);
}

bool continuity_unpin(const struct interposer *ip)
{
	return continuity_refresh(ip, false) &&
	       map_message(ip->map.name, "interpose unpin");
}

/*
 * Detach: seen while era still records
 */

void continuity_before_detach(struct continuity *c, const struct interposer *ip)
{
	char node[PATH_MAX], why[SERIES_WHY];

	memset(c, 0, sizeof(*c));
	c->held = c->meta = -1;
	if (options.dry_run ||
	    continuity_series(ip, c->path, sizeof(c->path), &c->series) !=
	    SERIES_GOOD || !continuity_holds(&c->series, ip, why, sizeof(why)))
		return;
	c->tracked = true;
	c->meta = open(c->path, O_RDONLY | O_CLOEXEC);
	device_node(ip->device, node, sizeof(node));
	c->held = hold(node);
	c->series.diskseq = diskseq_of_device(ip->device);
	if (c->held >= 0) {
		c->of_meta = written_to_node(c->path);
		c->series.written = written_to(ip->device);
		witness_read(node, NULL, &c->series.witness);
		return;
	}
	c->series.first = SERIES_NO_ERA;
	snprintf(c->series.why, sizeof(c->series.why),
		 "it was in use when it was detached");
}

void continuity_after_detach(struct continuity *c, bool detached)
{
	let_go(c);
	if (c->tracked && detached) {
		c->series.state = SERIES_DETACHED;
		series_write(c->path, &c->series);
	}
	if (c->meta >= 0)
		close(c->meta);
}

/* And no more: what anybody else has written meanwhile is in nobody's record */
void continuity_after_own_detach(struct continuity *c, bool detached)
{
	uint64_t of_meta;

	if (c->tracked && c->held >= 0) {
		of_meta = written_to_node(c->path);
		if (c->of_meta == SERIES_NOT_COUNTED ||
		    of_meta == SERIES_NOT_COUNTED)
			c->series.written = SERIES_NOT_COUNTED;
		if (c->series.written != SERIES_NOT_COUNTED)
			c->series.written += of_meta - c->of_meta +
					     SERIES_BLOCK / 512;
	}
	continuity_after_detach(c, detached);
}
