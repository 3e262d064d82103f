// SPDX-License-Identifier: GPL-2.0
/*
 * Replays a log of dm-log-writes into a file or device, up to any entry: what a
 * disk would hold if the power had failed there.
 *
 *	log-replay count LOG		prints how many entries there are
 *	log-replay list LOG		prints a line for each: its number, from 1;
 *					sector; sectors; flags, as letters: f flush,
 *					u FUA, d discard, k mark, m metadata; mark
 *	log-replay apply LOG TARGET FROM TO
 *					applies the entries after FROM up to TO, and
 *					prints the last mark among them
 *
 * The format is described in drivers/md/dm-log-writes.c.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <linux/fs.h>

#define LOG_MAGIC	0x6a736677736872ULL
#define FLAG_DISCARD	0x4
#define FLAG_MARK	0x8
#define FLAG_LETTERS	"fudkm"
#define MARK_SIZE	256

struct log_super {
	uint64_t magic;
	uint64_t version;
	uint64_t entries;
	uint32_t sector_size;
};

struct log_entry {
	uint64_t sector;
	uint64_t sectors;
	uint64_t flags;
	uint64_t data_len;
};

static const char *log_name;
static int log_fd, target_fd = -1;
static size_t sector_size;

static void read_log(void *data, size_t length, off_t at)
{
	if (pread(log_fd, data, length, at) != (ssize_t)length)
		err(1, "%s: read at %lld", log_name, (long long)at);
}

static void write_target(const char *data, size_t length, off_t at)
{
	if (pwrite(target_fd, data, length, at) != (ssize_t)length)
		err(1, "write at %lld", (long long)at);
}

/* A discarded block may hold anything; zeroes are what the worst disk gives. */
static void apply(const struct log_entry *entry, off_t data_at)
{
	size_t length = entry->sectors * sector_size;
	char *data = calloc(1, length ? length : 1);

	if (!data)
		err(1, "%zu bytes", length);
	if (!(entry->flags & FLAG_DISCARD))
		read_log(data, length, data_at);
	write_target(data, length, entry->sector * sector_size);
	free(data);
}

static uint64_t open_log(const char *name)
{
	struct log_super super;

	log_name = name;
	log_fd = open(name, O_RDONLY);
	if (log_fd < 0)
		err(1, "%s", name);
	/* dm-log-writes writes past the page cache; a disk's image has none */
	if (ioctl(log_fd, BLKFLSBUF) && errno != ENOTTY)
		err(1, "%s: BLKFLSBUF", name);
	read_log(&super, sizeof(super), 0);
	if (le64toh(super.magic) != LOG_MAGIC)
		errx(1, "%s: no log of dm-log-writes", name);
	sector_size = le32toh(super.sector_size);
	return le64toh(super.entries);
}

/* The entry at *AT, which is moved on; its mark, "" if it has none, and its data */
static struct log_entry next_entry(off_t *at, char mark[MARK_SIZE],
				   off_t *data_at)
{
	struct log_entry entry;

	read_log(&entry, sizeof(entry), *at);
	entry.sector = le64toh(entry.sector);
	entry.sectors = le64toh(entry.sectors);
	entry.flags = le64toh(entry.flags);
	entry.data_len = le64toh(entry.data_len);

	memset(mark, 0, MARK_SIZE);
	if (entry.flags & FLAG_MARK && entry.data_len < MARK_SIZE)
		read_log(mark, entry.data_len, *at + sizeof(entry));
	*data_at = *at + sector_size;
	*at = *data_at;
	if (!(entry.flags & FLAG_DISCARD))
		*at += entry.sectors * sector_size;
	return entry;
}

static void list(uint64_t entries)
{
	char mark[MARK_SIZE], flags[sizeof(FLAG_LETTERS)];
	off_t at = sector_size, data_at;
	uint64_t i;

	for (i = 1; i <= entries; i++) {
		struct log_entry entry = next_entry(&at, mark, &data_at);
		int bit, n = 0;

		for (bit = 0; FLAG_LETTERS[bit]; bit++)
			if (entry.flags & 1 << bit)
				flags[n++] = FLAG_LETTERS[bit];
		flags[n] = '\0';
		printf("%llu %llu %llu %s %s\n", (unsigned long long)i,
		       (unsigned long long)entry.sector,
		       (unsigned long long)entry.sectors,
		       *flags ? flags : "-", *mark ? mark : "-");
	}
}

static void replay(uint64_t from, uint64_t to)
{
	char mark[MARK_SIZE], last_mark[MARK_SIZE] = "";
	off_t at = sector_size, data_at;
	uint64_t i;

	for (i = 0; i < to; i++) {
		struct log_entry entry = next_entry(&at, mark, &data_at);

		if (i < from)
			continue;
		if (*mark)
			strcpy(last_mark, mark);
		if (entry.sectors)
			apply(&entry, data_at);
	}
	if (*last_mark)
		puts(last_mark);
}

static void replay_into(const char *target, const char *from, const char *to,
			uint64_t entries)
{
	uint64_t first = strtoull(from, NULL, 10), last = strtoull(to, NULL, 10);

	if (first > last || last > entries)
		errx(1, "%s has %llu entries", log_name,
		     (unsigned long long)entries);
	target_fd = open(target, O_WRONLY);
	if (target_fd < 0)
		err(1, "%s", target);
	replay(first, last);
	if (close(target_fd))
		err(1, "%s", target);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "count"))
		printf("%llu\n", (unsigned long long)open_log(argv[2]));
	else if (argc == 3 && !strcmp(argv[1], "list"))
		list(open_log(argv[2]));
	else if (argc == 6 && !strcmp(argv[1], "apply"))
		replay_into(argv[3], argv[4], argv[5], open_log(argv[2]));
	else
		errx(2, "usage: log-replay count|list LOG, or log-replay apply LOG TARGET FROM TO");
	return 0;
}
