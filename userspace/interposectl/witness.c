// SPDX-License-Identifier: GPL-2.0
/*
 * While an interposer is attached, era records a write before it lets it pass, so
 * after a crash as well nothing of that time is missing. What has to be found out
 * is whether anybody has written since. It is looked at before an attach, while
 * nobody uses the device, and compared with how it was last known.
 *
 * ext2, ext3, ext4: the superblock. Whoever mounts it for writing counts
 *   s_mnt_count up and sets s_mtime, on the disk, before the first write; e2fsck
 *   and tune2fs set s_lastcheck and s_wtime, and its checksum covers the rest. So
 *   an equal superblock has not been mounted.
 *   After a crash it differs in what the last mount has written, with free blocks,
 *   s_wtime and s_kbytes_written. But that was the last mount, if s_mnt_count,
 *   s_mtime and s_lastcheck are those that were seen while it was mounted, and if
 *   the journal still waits for its replay (without a journal: if it is still
 *   marked as not clean). Somebody else who has only replayed the journal has
 *   cleared that. Who was interrupted in the replay has written nothing else than
 *   the same replay will write again, when the interposer is attached.
 *
 * XFS: the superblock, with sb_lsn, and the log where it ends: the block before
 *   the head, and the one at the head. An unmount ends with a record in the log,
 *   so the head moves; and each mount, also a read-only one, first overwrites the
 *   4096 blocks from the head on (xlog_clear_stale_blocks()), but for norecovery.
 *   While it is mounted, records are appended at the head, and nothing else is
 *   written to the log. So after a crash the last mount is the one that was seen
 *   if the block before the head of that time is the same, and one less than 4096
 *   blocks ahead of it, too: whoever has mounted it since has found the head at or
 *   behind the first of these, and has overwritten the first, or before the second,
 *   and has overwritten that. The head never goes back by more than these 4096
 *   blocks, which is what may be in flight.
 *   That block tells something only if a mount would write something else there
 *   than it holds: what a mount writes names the tail of the log, which only moves
 *   on. And the log must be dirty, since xfs_repair does not touch it then.
 *
 * btrfs: the first 512 bytes of the superblock: its checksum, generation, and the
 *   roots. Each transaction and each fsync changes them. But the generation counts
 *   those of all mounts alike, and a mount writes nothing of its own: after a crash
 *   while it was mounted it is a gap, if anything was committed since.
 *
 * f2fs: the heads of both checkpoints, whose version each checkpoint counts up;
 *   an unmount makes one. The same holds for a crash.
 *
 * Anything else is a gap.
 */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "witness.h"

#define SECTOR		512

static uint16_t le16_at(const unsigned char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return le16toh(value);
}

static uint32_t le32_at(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static uint32_t be32_at(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

static uint64_t le64_at(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static uint64_t be64_at(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

struct reading {
	witness_reader *read;
	void *data;
	struct witness *witness;
};

/* The next part of the witness */
static const unsigned char *take(struct reading *r, uint64_t offset, size_t size)
{
	unsigned char *to = r->witness->data + r->witness->size;

	if (size > sizeof(r->witness->data) - r->witness->size ||
	    !r->read(r->data, offset, to, size))
		return NULL;
	r->witness->size += size;
	return to;
}

static void put_number(struct reading *r, uint64_t number)
{
	number = htole64(number);
	memcpy(r->witness->data + r->witness->size, &number, sizeof(number));
	r->witness->size += sizeof(number);
}

/*
 * ext
 */

#define EXT_SIZE	1024
#define EXT_MNT_COUNT	0x34
#define EXT_MAGIC	0x38
#define EXT_STATE	0x3a
#define EXT_COMPAT	0x5c
#define EXT_INCOMPAT	0x60

static bool take_ext(struct reading *r)
{
	const unsigned char *super = take(r, 1024, EXT_SIZE);

	return super && le16_at(super + EXT_MAGIC) == 0xef53;
}

static bool ext_is_mounted(const unsigned char *super)
{
	if (le32_at(super + EXT_COMPAT) & 0x4) /* has_journal */
		return le32_at(super + EXT_INCOMPAT) & 0x4; /* needs_recovery */
	return !(le16_at(super + EXT_STATE) & 0x1); /* clean */
}

/* s_mtime, s_mnt_count, s_lastcheck, s_uuid, s_mkfs_time, the high bits of these */
static bool ext_is_same_mount(const unsigned char *a, const unsigned char *b)
{
	static const struct {
		size_t at, size;
	} fields[] = {
		{ 0x2c, 4 }, { EXT_MNT_COUNT, 2 }, { 0x40, 4 }, { 0x68, 16 },
		{ 0x108, 4 }, { 0x275, 3 },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (memcmp(a + fields[i].at, b + fields[i].at, fields[i].size))
			return false;
	return true;
}

/*
 * XFS
 */

#define XFS_RECORD	0xfeedbabe

struct xfs_log {
	uint64_t start;			/* bytes */
	uint64_t blocks;		/* of 512 bytes */
};

static bool xfs_find_log(const unsigned char *super, struct xfs_log *log)
{
	uint64_t start = be64_at(super + 48);
	unsigned int shift = super[120], ag = super[124];

	if (memcmp(super, "XFSB", 4) || !start || shift < 9 || shift > 16 ||
	    !ag || ag > 31)
		return false; /* or the log is on another device */
	log->start = ((start >> ag) * be32_at(super + 84) +
		      (start & ((1ULL << ag) - 1))) << shift;
	log->blocks = (uint64_t)be32_at(super + 96) << (shift - 9);
	return log->blocks >= 2;
}

/* The first word of each block, but for the head of a record */
static bool xfs_cycle(struct reading *r, const struct xfs_log *log,
		      uint64_t block, uint32_t *cycle)
{
	unsigned char data[8];

	if (!r->read(r->data, log->start + block * SECTOR, data, sizeof(data)))
		return false;
	*cycle = be32_at(data);
	if (*cycle == XFS_RECORD)
		*cycle = be32_at(data + 4);
	return true;
}

/* The first block of the last time round, as xlog_find_head() looks for it */
static bool xfs_find_head(struct reading *r, const struct xfs_log *log,
			  uint64_t *head)
{
	uint64_t low = 0, high = log->blocks - 1, middle;
	uint32_t first, last, cycle;

	if (!xfs_cycle(r, log, 0, &first) || !xfs_cycle(r, log, high, &last))
		return false;
	*head = 0;
	if (first == last)
		return true;
	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (!xfs_cycle(r, log, middle, &cycle))
			return false;
		if (cycle == last)
			high = middle;
		else
			low = middle;
	}
	*head = high;
	return true;
}

/* A record, or a block as a mount writes them ahead of the head: without data */
struct xfs_record {
	bool valid, empty, unmount;
	uint64_t tail;			/* the LSN */
};

#define XFS_HEADER_OF	32768		/* bytes of data for each block of headers */
#define XFS_RECORD_MAX	(256 * 1024 / SECTOR + 8)

static void xfs_decode_record(const unsigned char *data, uint64_t block,
			      struct xfs_record *record)
{
	record->valid = be32_at(data) == XFS_RECORD && be32_at(data + 20) == block;
	record->empty = !be32_at(data + 12);
	record->tail = be64_at(data + 24);
}

static bool xfs_block(struct reading *r, const struct xfs_log *log, uint64_t block,
		      unsigned char *data)
{
	return r->read(r->data, log->start + block % log->blocks * SECTOR, data,
		       SECTOR);
}

/* Is it the one of an unmount? Its only operation says so */
static bool xfs_is_unmount(struct reading *r, const struct xfs_log *log,
			   uint64_t block, const unsigned char *header)
{
	uint32_t size = be32_at(header + 320);
	uint64_t headers = size > XFS_HEADER_OF ?
		(size + XFS_HEADER_OF - 1) / XFS_HEADER_OF : 1;
	unsigned char data[SECTOR];

	return be32_at(header + 40) == 1 &&
	       (!xfs_block(r, log, block + headers, data) || data[9] & 0x20);
}

static bool xfs_last_record(struct reading *r, const struct xfs_log *log,
			    uint64_t head, struct xfs_record *record)
{
	unsigned char data[SECTOR];
	uint64_t block;

	for (unsigned int i = 1; i <= XFS_RECORD_MAX && i < log->blocks; i++) {
		block = (head + log->blocks - i) % log->blocks;
		if (!xfs_block(r, log, block, data))
			return false;
		xfs_decode_record(data, block, record);
		if (!record->valid || record->empty)
			continue;
		record->unmount = xfs_is_unmount(r, log, block, data);
		return true;
	}
	return false;
}

/* From the head to the tail, as xlog_clear_stale_blocks() has it */
static uint64_t xfs_room(const struct xfs_log *log, uint64_t head, uint64_t tail)
{
	tail = (uint32_t)tail;
	return tail > head ? tail - head : tail + log->blocks - head;
}

/* Would a mount, now or later, write something else into it? */
static bool xfs_tells(const unsigned char *data, uint64_t block, uint64_t tail)
{
	struct xfs_record record;

	xfs_decode_record(data, block, &record);
	return !record.valid || !record.empty || record.tail < tail;
}

/* The witness: these four blocks, where the head is, and what they are good for */
enum {
	XFS_SUPER = 0,
	XFS_BEFORE = SECTOR,
	XFS_AT_HEAD = 2 * SECTOR,
	XFS_AHEAD = 3 * SECTOR,
	XFS_HEAD = 4 * SECTOR,
	XFS_FLAGS = XFS_HEAD + 8,
	XFS_SIZE = XFS_FLAGS + 8,
};

#define XFS_STAMPED		4096	/* blocks from the head on, by a mount */
#define XFS_DISTANCE		4000	/* of the one ahead */
#define XFS_HEAD_TELLS		1	/* of a mount, as long as the head stays there */
#define XFS_AHEAD_TELLS		2	/* also when it has moved */
#define XFS_DIRTY		4

static uint64_t xfs_flags(struct reading *r, const struct xfs_log *log, uint64_t head)
{
	uint64_t ahead = (head + XFS_DISTANCE) % log->blocks, flags = 0;
	const unsigned char *data = r->witness->data;
	struct xfs_record last;

	if (!xfs_last_record(r, log, head, &last))
		return 0;
	if (xfs_tells(data + XFS_AT_HEAD, head, last.tail))
		flags |= XFS_HEAD_TELLS;
	if (log->blocks >= 2 * XFS_STAMPED &&
	    xfs_room(log, head, last.tail) >= XFS_STAMPED &&
	    xfs_tells(data + XFS_AHEAD, ahead, last.tail))
		flags |= XFS_AHEAD_TELLS;
	if (!last.unmount)
		flags |= XFS_DIRTY;
	return flags;
}

static bool take_xfs(struct reading *r)
{
	const unsigned char *super = take(r, 0, SECTOR);
	struct xfs_log log;
	uint64_t head;

	if (!super || !xfs_find_log(super, &log) || !xfs_find_head(r, &log, &head) ||
	    !take(r, log.start + (head ?: log.blocks) * SECTOR - SECTOR, SECTOR) ||
	    !take(r, log.start + head * SECTOR, SECTOR) ||
	    !take(r, log.start + (head + XFS_DISTANCE) % log.blocks * SECTOR, SECTOR))
		return false;
	put_number(r, head);
	put_number(r, xfs_flags(r, &log, head));
	return true;
}

static bool xfs_has(const struct witness *witness, uint64_t flags)
{
	return witness->size == XFS_SIZE &&
	       (le64_at(witness->data + XFS_FLAGS) & flags) == flags;
}

/* After a crash: nobody has mounted it since @then, when it was mounted */
static bool xfs_is_same_mount(struct reading *r, const struct witness *then)
{
	const unsigned char *super = r->witness->data, *was = then->data;
	unsigned char before[SECTOR], ahead[SECTOR];
	struct xfs_log log;
	uint64_t head;

	if (!xfs_has(then, XFS_AHEAD_TELLS | XFS_DIRTY) ||
	    !xfs_has(r->witness, XFS_DIRTY) ||
	    memcmp(super + 32, was + 32, 24) || /* sb_uuid, sb_logstart */
	    !xfs_find_log(super, &log))
		return false;
	head = le64_at(was + XFS_HEAD);
	return xfs_block(r, &log, head + log.blocks - 1, before) &&
	       xfs_block(r, &log, head + XFS_DISTANCE, ahead) &&
	       !memcmp(before, was + XFS_BEFORE, SECTOR) &&
	       !memcmp(ahead, was + XFS_AHEAD, SECTOR);
}

/*
 * The others
 */

static bool take_btrfs(struct reading *r)
{
	const unsigned char *super = take(r, 65536, SECTOR);

	return super && !memcmp(super + 0x40, "_BHRfS_M", 8);
}

static bool take_f2fs(struct reading *r)
{
	unsigned char super[80];
	uint64_t at, next;

	if (!r->read(r->data, 1024, super, sizeof(super)) ||
	    le32_at(super) != 0xf2f52010 || le32_at(super + 16) != 12 ||
	    le32_at(super + 20) > 16)
		return false;
	at = (uint64_t)le32_at(super + 76) << 12;
	next = 1ULL << (le32_at(super + 20) + 12);
	return take(r, at, SECTOR) && take(r, at + next, SECTOR);
}

void witness_of(const char *type, witness_reader *read, void *data,
		const struct witness *then, struct witness *witness)
{
	static const struct {
		const char *type;
		bool (*take)(struct reading *r);
	} kinds[] = {
		{ "ext2", take_ext }, { "ext3", take_ext }, { "ext4", take_ext },
		{ "xfs", take_xfs }, { "btrfs", take_btrfs },
		{ "f2fs", take_f2fs },
	};
	struct reading r = { read, data, witness };

	memset(witness, 0, sizeof(*witness));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(type, kinds[i].type))
			continue;
		if (kinds[i].take(&r))
			snprintf(witness->type, sizeof(witness->type), "%s", type);
	}
	if (!*witness->type)
		memset(witness, 0, sizeof(*witness));
	else if (then && !strcmp(type, "xfs") && !strcmp(then->type, "xfs"))
		witness->same_mount = xfs_is_same_mount(&r, then);
}

/*
 * On a device: what the page cache has is not what would be there after a crash
 */

#define ALIGNED		4096

struct open_device {
	int fd;
	unsigned char *buffer;		/* of two aligned blocks */
};

static bool read_device(void *data, uint64_t offset, void *to, size_t size)
{
	struct open_device *device = data;
	uint64_t start = offset / ALIGNED * ALIGNED;
	size_t skip = offset - start;

	if (skip + size > 2 * ALIGNED ||
	    pread(device->fd, device->buffer, 2 * ALIGNED, start) <
	    (ssize_t)(skip + size))
		return false;
	memcpy(to, device->buffer + skip, size);
	return true;
}

void witness_read(const char *path, const struct witness *then,
		  struct witness *witness)
{
	struct open_device device = { .fd = -1 };
	char type[64];

	memset(witness, 0, sizeof(*witness));
	device_signature(path, type, sizeof(type));
	if (posix_memalign((void **)&device.buffer, ALIGNED, 2 * ALIGNED))
		return;
	device.fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (device.fd >= 0) {
		witness_of(type, read_device, &device, then, witness);
		close(device.fd);
	}
	free(device.buffer);
}

/*
 * Comparing
 */

static bool is_equal(const struct witness *then, const struct witness *now)
{
	return then->size == now->size &&
	       !memcmp(then->data, now->data, now->size) &&
	       (strcmp(now->type, "xfs") || xfs_has(now, XFS_HEAD_TELLS));
}

bool witness_continues(const struct witness *then, const struct witness *now,
		       bool attached, char *why, size_t size)
{
	bool ext = !strncmp(now->type, "ext", 3);

	if (!*then->type || !*now->type) {
		snprintf(why, size, "its content does not tell whether it was written to while it was not attached");
		return false;
	}
	if (strcmp(then->type, now->type)) {
		snprintf(why, size, "it held %s, and holds %s now", then->type,
			 now->type);
		return false;
	}
	if (is_equal(then, now) || (attached && now->same_mount))
		return true;
	if (ext && attached && ext_is_mounted(then->data) &&
	    ext_is_mounted(now->data) && ext_is_same_mount(then->data, now->data))
		return true;
	if (ext && le16_at(then->data + EXT_MNT_COUNT) !=
		   le16_at(now->data + EXT_MNT_COUNT))
		snprintf(why, size, "its %s may have been mounted while it was not attached (mount count %u, and %u now)",
			 now->type, le16_at(then->data + EXT_MNT_COUNT),
			 le16_at(now->data + EXT_MNT_COUNT));
	else if (attached && !ext)
		snprintf(why, size, "its %s was in use when the system crashed, and does not tell whether it was written to since then",
			 now->type);
	else
		snprintf(why, size, "its %s was changed while it was not attached",
			 now->type);
	return false;
}

/* Where the UUID is in it, of those that have one there */
static const struct {
	const char *type;
	size_t at;
} uuids[] = {
	{ "ext", 0x68 }, { "xfs", 32 }, { "btrfs", 0x20 },
};

bool witness_is_of_another(const struct witness *then, const struct witness *now)
{
	if (strcmp(then->type, now->type))
		return true;
	for (size_t i = 0; i < sizeof(uuids) / sizeof(*uuids); i++)
		if (!strncmp(now->type, uuids[i].type, strlen(uuids[i].type)))
			return memcmp(then->data + uuids[i].at,
				      now->data + uuids[i].at, 16);
	return false;
}
