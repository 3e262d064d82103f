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
 *   so the head moves; and a mount for writing stamps the blocks from the head on
 *   (xlog_clear_stale_blocks()) even if nothing else is written. While it is
 *   mounted the head moves all the time, and nothing tells one mount from the
 *   next: after a crash while it was mounted, it is a gap.
 *
 * btrfs: the first 512 bytes of the superblock: its checksum, generation, and the
 *   roots. Each transaction and each fsync changes them. The same holds for a crash
 *   as with XFS.
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
	if (*cycle == 0xfeedbabe)
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

static bool take_xfs(struct reading *r)
{
	const unsigned char *super = take(r, 0, SECTOR);
	struct xfs_log log;
	uint64_t head;

	if (!super || !xfs_find_log(super, &log) || !xfs_find_head(r, &log, &head))
		return false;
	return take(r, log.start + (head ?: log.blocks) * SECTOR - SECTOR, SECTOR) &&
	       take(r, log.start + head * SECTOR, SECTOR);
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
		struct witness *witness)
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
	if (*witness->type)
		return;
	memset(witness, 0, sizeof(*witness));
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

void witness_read(const char *path, struct witness *witness)
{
	struct open_device device = { .fd = -1 };
	char type[64];

	memset(witness, 0, sizeof(*witness));
	device_signature(path, type, sizeof(type));
	if (posix_memalign((void **)&device.buffer, ALIGNED, 2 * ALIGNED))
		return;
	device.fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (device.fd >= 0) {
		witness_of(type, read_device, &device, witness);
		close(device.fd);
	}
	free(device.buffer);
}

/*
 * Comparing
 */

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
	if (then->size == now->size && !memcmp(then->data, now->data, now->size))
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
