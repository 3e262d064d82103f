// SPDX-License-Identifier: GPL-2.0
/*
 * Replays a log of dm-log-writes into a file or device, up to any entry: what a
 * disk would hold if the power had failed there.
 *
 *	log-replay LOG			prints how many entries there are
 *	log-replay LOG TARGET FROM TO	applies the entries FROM to TO - 1, and
 *					prints the last mark among them
 *
 * The format is described in drivers/md/dm-log-writes.c.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <err.h>
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
	/* dm-log-writes writes past the page cache */
	if (ioctl(log_fd, BLKFLSBUF))
		err(1, "%s: BLKFLSBUF", name);
	read_log(&super, sizeof(super), 0);
	if (le64toh(super.magic) != LOG_MAGIC)
		errx(1, "%s: no log of dm-log-writes", name);
	sector_size = le32toh(super.sector_size);
	return le64toh(super.entries);
}

static void replay(uint64_t from, uint64_t to)
{
	off_t at = sector_size;
	char mark[256] = "";
	uint64_t i;

	for (i = 0; i < to; i++) {
		struct log_entry entry;
		off_t data_at = at + sector_size;

		read_log(&entry, sizeof(entry), at);
		entry.sector = le64toh(entry.sector);
		entry.sectors = le64toh(entry.sectors);
		entry.flags = le64toh(entry.flags);
		entry.data_len = le64toh(entry.data_len);
		if (i >= from && entry.flags & FLAG_MARK &&
		    entry.data_len < sizeof(mark)) {
			memset(mark, 0, sizeof(mark));
			read_log(mark, entry.data_len, at + sizeof(entry));
		}
		if (i >= from && entry.sectors)
			apply(&entry, data_at);
		at = data_at;
		if (!(entry.flags & FLAG_DISCARD))
			at += entry.sectors * sector_size;
	}
	if (*mark)
		puts(mark);
}

int main(int argc, char **argv)
{
	uint64_t entries, from, to;

	if (argc != 2 && argc != 5)
		errx(2, "usage: log-replay LOG [TARGET FROM TO]");
	entries = open_log(argv[1]);
	if (argc == 2) {
		printf("%llu\n", (unsigned long long)entries);
		return 0;
	}

	from = strtoull(argv[3], NULL, 10);
	to = strtoull(argv[4], NULL, 10);
	if (from > to || to > entries)
		errx(1, "%s has %llu entries", argv[1],
		     (unsigned long long)entries);
	target_fd = open(argv[2], O_WRONLY);
	if (target_fd < 0)
		err(1, "%s", argv[2]);
	replay(from, to);
	if (close(target_fd))
		err(1, "%s", argv[2]);
	return 0;
}
