// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

#include "parse.h"
#include "say.h"
#include "series.h"
#include "state.h"

/* The superblock of era: dm-era-target.c */
#define ERA_MAGIC	2126579579ULL
#define ERA_CSUM_XOR	146538381U
#define ERA_AT_MAGIC	32
#define ERA_AT_ERA	184
#define TAIL		(SERIES_BLOCK - 64)	/* far behind its fields */
#define ERA_BLOCKS_MAX	(255ULL * ((1 << 14) - 64))	/* what its space map takes */

static const char tail_magic[16] = "interposectl-era";
static const char slot_magic[16] = "interposectl-ser";

/*
 * crc32c, as the kernel's
 */

static uint32_t crc32c(const unsigned char *data, size_t size)
{
	uint32_t crc = ~0U;

	while (size--) {
		crc ^= *data++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
	}
	return crc;
}

/*
 * Blocks
 */

static uint32_t superblock_sum(const unsigned char *block)
{
	return crc32c(block + 4, SERIES_BLOCK - 4) ^ ERA_CSUM_XOR;
}

static uint32_t get32(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static uint64_t get64(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static void put32(unsigned char *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static void put64(unsigned char *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

static bool is_superblock(const unsigned char *block)
{
	return get64(block + ERA_AT_MAGIC) == ERA_MAGIC &&
	       get32(block) == superblock_sum(block);
}

bool series_has_uuid(const unsigned char *block, unsigned char *uuid,
		     uint64_t *era)
{
	if (!is_superblock(block) ||
	    memcmp(block + TAIL, tail_magic, sizeof(tail_magic)))
		return false;
	memcpy(uuid, block + TAIL + sizeof(tail_magic), SERIES_UUID);
	*era = get32(block + ERA_AT_ERA);
	return true;
}

bool series_set_uuid(unsigned char *block, const unsigned char *uuid)
{
	if (!is_superblock(block))
		return false;
	memcpy(block + TAIL, tail_magic, sizeof(tail_magic));
	memcpy(block + TAIL + sizeof(tail_magic), uuid, SERIES_UUID);
	put32(block, superblock_sum(block));
	return true;
}

/* Where each is in a record; the first word behind the magic is the checksum */
enum {
	AT_SUM = 16,
	AT_VERSION = 20,
	AT_SEQUENCE = 24,
	AT_UUID = 32,
	AT_SECTORS = 48,
	AT_BLOCK = 56,
	AT_STATE = 60,
	AT_FIRST = 64,
	AT_CREATED = 72,
	AT_BOOT = 80,
	AT_DISKSEQ = 96,
	AT_WRITTEN = 104,
	AT_WITNESS_SIZE = 112,
	AT_TYPE = 120,
	AT_WHY = 136,
	AT_WITNESS = AT_WHY + SERIES_WHY,
};

_Static_assert(AT_WITNESS + WITNESS_MAX <= SERIES_BLOCK, "a record is one block");

#define SLOT_VERSION	1

void series_encode(const struct series *series, unsigned char *block)
{
	memset(block, 0, SERIES_BLOCK);
	memcpy(block, slot_magic, sizeof(slot_magic));
	put32(block + AT_VERSION, SLOT_VERSION);
	put64(block + AT_SEQUENCE, series->sequence);
	memcpy(block + AT_UUID, series->uuid, SERIES_UUID);
	put64(block + AT_SECTORS, series->sectors);
	put32(block + AT_BLOCK, series->block);
	put32(block + AT_STATE, series->state);
	put64(block + AT_FIRST, series->first);
	put64(block + AT_CREATED, series->created);
	memcpy(block + AT_BOOT, series->boot, SERIES_UUID);
	put64(block + AT_DISKSEQ, series->diskseq);
	put64(block + AT_WRITTEN, series->written);
	put32(block + AT_WITNESS_SIZE, series->witness.size);
	memcpy(block + AT_TYPE, series->witness.type, WITNESS_TYPE);
	memcpy(block + AT_WHY, series->why, SERIES_WHY);
	memcpy(block + AT_WITNESS, series->witness.data, series->witness.size);
	put32(block + AT_SUM, crc32c(block + AT_VERSION,
				     SERIES_BLOCK - AT_VERSION));
}

bool series_decode(const unsigned char *block, struct series *series)
{
	memset(series, 0, sizeof(*series));
	if (memcmp(block, slot_magic, sizeof(slot_magic)) ||
	    get32(block + AT_SUM) != crc32c(block + AT_VERSION,
					    SERIES_BLOCK - AT_VERSION) ||
	    get32(block + AT_VERSION) != SLOT_VERSION ||
	    get32(block + AT_STATE) > SERIES_PINNED ||
	    get32(block + AT_WITNESS_SIZE) > WITNESS_MAX)
		return false;
	series->sequence = get64(block + AT_SEQUENCE);
	memcpy(series->uuid, block + AT_UUID, SERIES_UUID);
	series->sectors = get64(block + AT_SECTORS);
	series->block = get32(block + AT_BLOCK);
	series->state = get32(block + AT_STATE);
	series->first = get64(block + AT_FIRST);
	series->created = get64(block + AT_CREATED);
	memcpy(series->boot, block + AT_BOOT, SERIES_UUID);
	series->diskseq = get64(block + AT_DISKSEQ);
	series->written = get64(block + AT_WRITTEN);
	series->witness.size = get32(block + AT_WITNESS_SIZE);
	memcpy(series->witness.type, block + AT_TYPE, WITNESS_TYPE);
	memcpy(series->why, block + AT_WHY, SERIES_WHY);
	memcpy(series->witness.data, block + AT_WITNESS, series->witness.size);
	series->witness.type[WITNESS_TYPE - 1] = '\0';
	series->why[SERIES_WHY - 1] = '\0';
	return true;
}

/*
 * Points
 */

void series_uuid_text(const unsigned char *uuid, char *text, size_t size)
{
	size_t n = 0;

	for (int i = 0; i < SERIES_UUID && n < size; i++)
		n += snprintf(text + n, size - n, "%s%02x",
			      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			      uuid[i]);
}

/* As it is printed, and in capitals */
bool uuid_parse(const char *text, size_t length, unsigned char *uuid)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *end = text + length, *digit;

	for (int i = 0; i < 2 * SERIES_UUID; i++) {
		if ((i == 8 || i == 12 || i == 16 || i == 20) &&
		    (text == end || *text++ != '-'))
			return false;
		digit = text < end ? strchr(digits, *text++) : NULL;
		if (!digit || !*digit)
			return false;
		uuid[i / 2] = (i % 2 ? uuid[i / 2] << 4 : 0) |
			      (digit - digits) % 16;
	}
	return text == end;
}

bool point_parse(const char *text, struct point *point)
{
	const char *colon = strchr(text, ':');

	return colon && uuid_parse(text, colon - text, point->uuid) &&
	       parse_number(colon + 1, &point->era) && point->era;
}

void point_text(const struct series *series, uint64_t era, char *text,
		size_t size)
{
	char uuid[POINT_MAX];

	series_uuid_text(series->uuid, uuid, sizeof(uuid));
	snprintf(text, size, "%s:%" PRIu64, uuid, era);
}

bool point_fits(const struct point *point, const struct series *series,
		uint64_t current, char *why, size_t size)
{
	char uuid[POINT_MAX];

	if (memcmp(point->uuid, series->uuid, SERIES_UUID)) {
		series_uuid_text(series->uuid, uuid, sizeof(uuid));
		snprintf(why, size, "the point belongs to another series; this one is %s",
			 uuid);
	} else if (point->era > current) {
		snprintf(why, size, "era %" PRIu64 " has not begun yet, the current one is %" PRIu64 "; the metadata was replaced by an older copy",
			 point->era, current);
	} else if (point->era < series->first) {
		snprintf(why, size, "changes since then are not all recorded: %s",
			 *series->why ? series->why : "tracking began later");
	} else {
		return true;
	}
	return false;
}

/* The array of eras, twice for a snapshot of it, and bitmaps of several eras */
uint64_t series_metadata_size(uint64_t blocks)
{
	return (4 << 20) + blocks * 16;
}

/*
 * The device
 */

struct metadata {
	int fd;
	unsigned char *block;
	uint64_t blocks;
};

static void close_metadata(struct metadata *md)
{
	if (md->fd >= 0)
		close(md->fd);
	free(md->block);
}

/* A regular file, too, for tests */
static bool size_of(int fd, uint64_t *bytes)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	*bytes = st.st_size;
	return S_ISREG(st.st_mode) || !ioctl(fd, BLKGETSIZE64, bytes);
}

static bool open_metadata(const char *path, int flags, struct metadata *md)
{
	uint64_t bytes = 0;

	md->block = NULL;
	md->fd = open(path, flags | O_DIRECT | O_CLOEXEC);
	if (md->fd < 0 && errno == EINVAL) /* a file, where that is not known */
		md->fd = open(path, flags | O_CLOEXEC);
	if (md->fd >= 0 && size_of(md->fd, &bytes) &&
	    !posix_memalign((void **)&md->block, SERIES_BLOCK, SERIES_BLOCK)) {
		md->blocks = bytes / SERIES_BLOCK;
		return md->blocks > SERIES_SLOTS;
	}
	return false;
}

static bool read_block(const struct metadata *md, uint64_t block)
{
	return pread(md->fd, md->block, SERIES_BLOCK, block * SERIES_BLOCK) ==
	       SERIES_BLOCK;
}

static bool write_block(const struct metadata *md, uint64_t block)
{
	return pwrite(md->fd, md->block, SERIES_BLOCK, block * SERIES_BLOCK) ==
	       SERIES_BLOCK && !fdatasync(md->fd);
}

static uint64_t slot(const struct metadata *md, uint64_t sequence)
{
	return md->blocks - SERIES_SLOTS + sequence % SERIES_SLOTS;
}

/* While era writes it a read may see half of it */
static bool read_tail(const struct metadata *md, unsigned char *uuid,
		      uint64_t *era)
{
	for (int i = 0; i < 5 && read_block(md, 0); i++) {
		if (series_has_uuid(md->block, uuid, era))
			return true;
		if (get64(md->block + ERA_AT_MAGIC) != ERA_MAGIC ||
		    is_superblock(md->block))
			return false; /* all of it, and without one */
		usleep(20000);
	}
	return false;
}

static bool read_newest(const struct metadata *md, const unsigned char *uuid,
			struct series *series)
{
	struct series one;
	bool found = false;

	for (int i = 0; i < SERIES_SLOTS; i++) {
		if (!read_block(md, slot(md, i)) ||
		    !series_decode(md->block, &one) ||
		    memcmp(one.uuid, uuid, SERIES_UUID) ||
		    (found && one.sequence < series->sequence))
			continue;
		*series = one;
		found = true;
	}
	return found;
}

enum series_found series_read(const char *path, struct series *series)
{
	enum series_found found = SERIES_NONE;
	unsigned char uuid[SERIES_UUID];
	struct metadata md;
	uint64_t era;

	memset(series, 0, sizeof(*series));
	if (open_metadata(path, O_RDONLY, &md) && read_tail(&md, uuid, &era)) {
		found = read_newest(&md, uuid, series) ? SERIES_GOOD :
			SERIES_DAMAGED;
		series->era = era;
	}
	close_metadata(&md);
	return found;
}

bool series_write(const char *path, struct series *series)
{
	struct metadata md;
	bool good;

	series->sequence++;
	good = open_metadata(path, O_RDWR, &md);
	if (good) {
		series_encode(series, md.block);
		good = write_block(&md, slot(&md, series->sequence));
	}
	if (!good)
		complain("cannot write the record of the series to %s: %s", path,
			 strerror(errno));
	close_metadata(&md);
	return good;
}

/*
 * A new series. The tool for it makes a file, which is copied: it takes the size
 * of what it writes to for that of the metadata, and that is to be smaller here.
 */

#define EMPTY \
	"<superblock uuid=\"\" block_size=\"%u\" nr_blocks=\"0\" current_era=\"0\"><era_array></era_array></superblock>\n"

static bool write_empty(const char *xml, const char *image, uint64_t blocks,
			uint32_t block)
{
	FILE *file = fopen(xml, "we");
	int fd;
	bool good;

	if (!file)
		return false;
	fprintf(file, EMPTY, block);
	good = !fclose(file);
	fd = open(image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	good = good && !ftruncate(fd, blocks * SERIES_BLOCK);
	close(fd);
	return good;
}

/* All of it but the superblock, which is in @md->block at the end */
static bool copy_image(const char *image, const struct metadata *md)
{
	int fd = open(image, O_RDONLY | O_CLOEXEC);
	off_t at = SERIES_BLOCK;
	bool good = fd >= 0;

	while (good && (at = lseek(fd, at, SEEK_DATA)) >= 0) {
		at -= at % SERIES_BLOCK;
		good = pread(fd, md->block, SERIES_BLOCK, at) == SERIES_BLOCK &&
		       pwrite(md->fd, md->block, SERIES_BLOCK, at) ==
		       SERIES_BLOCK;
		at += SERIES_BLOCK;
	}
	good = good && errno == ENXIO && !fdatasync(md->fd) &&
	       pread(fd, md->block, SERIES_BLOCK, 0) == SERIES_BLOCK;
	if (fd >= 0)
		close(fd);
	return good;
}

static bool new_uuid(unsigned char *uuid)
{
	if (getrandom(uuid, SERIES_UUID, 0) != SERIES_UUID)
		return false;
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	return true;
}

/*
 * In this order: until the last write the device begins with zeroes, and has
 * neither records nor a series.
 */
static bool format_device(const char *image, struct metadata *md,
			  struct series *series)
{
	memset(md->block, 0, SERIES_BLOCK);
	if (!write_block(md, 0))
		return false;
	for (int i = 0; i < SERIES_SLOTS; i++) {
		series->sequence++;
		series_encode(series, md->block);
		if (!write_block(md, slot(md, series->sequence)))
			return false;
	}
	return copy_image(image, md) &&
	       series_set_uuid(md->block, series->uuid) && write_block(md, 0);
}

bool series_format(const char *path, struct series *series)
{
	char xml[PATH_MAX], image[PATH_MAX];
	const char *argv[] = { "era_restore", "-i", xml, "-o", image, NULL };
	struct metadata md;
	uint64_t blocks;
	bool good;

	snprintf(xml, sizeof(xml), "%s/.era.xml", state_dir);
	snprintf(image, sizeof(image), "%s/.era.image", state_dir);
	series->created = time(NULL);
	series->first = 1;
	if (!step("# new, empty metadata of era on %s", path))
		return true;
	good = open_metadata(path, O_RDWR | O_EXCL, &md) &&
	       new_uuid(series->uuid);
	blocks = good ? md.blocks - SERIES_SLOTS : 0;
	if (blocks > ERA_BLOCKS_MAX)
		blocks = ERA_BLOCKS_MAX;
	good = good && write_empty(xml, image, blocks, series->block) &&
	       !run(argv) && format_device(image, &md, series);
	if (!good)
		complain("cannot write the metadata of era to %s: %s", path,
			 strerror(errno));
	unlink(xml);
	unlink(image);
	close_metadata(&md);
	return good;
}
