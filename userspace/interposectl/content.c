// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <libmount.h>

#include "content.h"
#include "device.h"

/*
 * Superblocks
 */

static uint64_t be64_at(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

static uint64_t le64_at(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static uint32_t le32_at(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

/* At 1024: has_journal without an inode for it */
static void parse_ext(const unsigned char *super, struct content *content)
{
	content->other_journal = (le32_at(super + 0x5c) & 0x4) &&
				 !le32_at(super + 0xe0);
}

/* At 0: blocks of the realtime device, and the block of the log, 0 if elsewhere */
static void parse_xfs(const unsigned char *super, struct content *content)
{
	if (memcmp(super, "XFSB", 4))
		return;
	content->realtime = be64_at(super + 16);
	content->other_log = !be64_at(super + 48);
}

/* At 64 KiB */
static void parse_btrfs(const unsigned char *super, struct content *content)
{
	if (!memcmp(super + 0x40, "_BHRfS_M", 8))
		content->devices = le64_at(super + 0x88);
}

void content_parse(const unsigned char *head, size_t size,
		   struct content *content)
{
	if (!strncmp(content->type, "ext", 3) && size >= 2048)
		parse_ext(head + 1024, content);
	else if (!strcmp(content->type, "xfs") && size >= 512)
		parse_xfs(head, content);
	else if (!strcmp(content->type, "btrfs") && size >= 65536 + 512)
		parse_btrfs(head + 65536, content);
}

void content_read(const char *path, struct content *content)
{
	unsigned char *head = malloc(CONTENT_HEAD);
	ssize_t n;
	int fd;

	memset(content, 0, sizeof(*content));
	device_signature(path, content->type, sizeof(content->type));
	content->btrfs_clones = !access("/sys/fs/btrfs/features/temp_fsid",
					F_OK);
	fd = head ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		n = pread(fd, head, CONTENT_HEAD, 0);
		if (n > 0)
			content_parse(head, n, content);
		close(fd);
	}
	free(head);
}

bool content_other_device(const char *name, const char *option, char *other)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	char mounted[NAME_SIZE], path[PATH_MAX];
	struct libmnt_table *table;
	struct libmnt_fs *fs;
	struct stat st;
	char *value;
	size_t length;
	bool found = false;

	proc_path("self/mountinfo", path, sizeof(path));
	table = mnt_new_table_from_file(path);
	while (!found && table && iter && !mnt_table_next_fs(table, iter, &fs)) {
		if (!sysfs_name(mnt_fs_get_devno(fs), mounted) ||
		    strcmp(mounted, name) ||
		    mnt_fs_get_option(fs, option, &value, &length))
			continue;
		snprintf(path, sizeof(path), "%.*s", (int)length, value);
		found = !stat(path, &st) && S_ISBLK(st.st_mode) &&
			sysfs_name(st.st_rdev, other);
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return found;
}

/*
 * Kinds
 */

static bool is_one_of(const char *type, const char *const *types)
{
	for (; *types; types++)
		if (!strcmp(type, *types))
			return true;
	return false;
}

bool content_needs_others(const struct content *content)
{
	return content->other_journal || content->other_log ||
	       content->realtime || content->devices > 1;
}

bool content_is_disk(const struct content *content)
{
	static const char *const types[] = { "dos", "gpt", "PMBR", "mac", "sun",
		"sgi", "bsd", "minix-partitions", "atari", "ultrix", NULL };

	return is_one_of(content->type, types);
}

bool content_is_member(const struct content *content)
{
	static const char member[] = "_raid_member";
	size_t length = strlen(content->type);

	return length > strlen(member) &&
	       !strcmp(content->type + length - strlen(member), member);
}

bool content_is_encrypted(const struct content *content)
{
	return !strcmp(content->type, "crypto_LUKS") ||
	       !strcmp(content->type, "BitLocker");
}

/* No file system, whatever is done with it */
static const char *not_to_be_mounted(const char *type)
{
	static const struct {
		const char *type, *is;
	} kinds[] = {
		{ "swap", "swap space" },
		{ "swsuspend", "the image of a suspended system" },
		{ "jbd", "the journal of a file system on another device" },
		{ "xfs_external_log", "the log of an XFS on another device" },
		{ "several signatures", "several signatures (wipefs lists them)" },
		{ "bcache", "a device of bcache" },
		{ "drbd", "a device of DRBD" },
		{ "zfs_member", "a device of a ZFS pool" },
		{ "ceph_bluestore", "a device of Ceph" },
		{ "VMFS_volume_member", "a device of VMFS" },
		{ "stratis", "a device of Stratis" },
		{ "DM_snapshot_cow", "the COW store of a snapshot" },
		{ "DM_integrity", "a device of dm-integrity" },
		{ "DM_verity_hash", "hashes of dm-verity" },
		{ "ubi", "a device of UBI" },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(type, kinds[i].type))
			return kinds[i].is;
	return NULL;
}

/*
 * Hints
 */

static void hint_xfs(const struct content *content, const char *snapshot,
		     const char *log, const char *realtime, char *text,
		     size_t size)
{
	if ((content->other_log && !log) || (content->realtime && !realtime)) {
		snprintf(text, size,
			 "/dev/mapper/%s: an XFS with its %s on another device; to mount it, take snapshots of both devices in one command",
			 snapshot, content->other_log && !log ? "log" :
			 "realtime part");
		return;
	}
	snprintf(text, size, "mount -o ro,nouuid%s%s%s%s /dev/mapper/%s DIRECTORY",
		 content->other_log ? ",logdev=/dev/mapper/" : "",
		 content->other_log ? log : "",
		 content->realtime ? ",rtdev=/dev/mapper/" : "",
		 content->realtime ? realtime : "", snapshot);
}

static void hint_btrfs(const struct content *content, const char *snapshot,
		       char *text, size_t size)
{
	if (content->devices > 1)
		snprintf(text, size,
			 "/dev/mapper/%s: one of %llu devices of a btrfs, which cannot be mounted while its origin is; copy all of them as a whole",
			 snapshot, content->devices);
	else if (content->btrfs_clones)
		snprintf(text, size, "mount -o ro /dev/mapper/%s DIRECTORY",
			 snapshot);
	else
		snprintf(text, size,
			 "/dev/mapper/%s: this kernel cannot mount a btrfs while its origin is mounted; copy it as a whole",
			 snapshot);
}

/* Of what has layers: how the next one is reached */
static bool hint_layer(const struct content *content, const char *snapshot,
		       char *text, size_t size)
{
	if (content_is_disk(content))
		snprintf(text, size,
			 "/dev/mapper/%s: a partitioned disk; losetup --find --show --partscan /dev/mapper/%s creates devices for the partitions",
			 snapshot, snapshot);
	else if (content_is_encrypted(content))
		snprintf(text, size,
			 "/dev/mapper/%s: encrypted; cryptsetup open%s /dev/mapper/%s NAME opens it, then mount /dev/mapper/NAME",
			 snapshot, !strcmp(content->type, "BitLocker") ?
			 " --type bitlk" : "", snapshot);
	else if (content_is_member(content))
		snprintf(text, size,
			 "/dev/mapper/%s: a member of a RAID array, with only part of its data; for all of it, take the snapshot of the array",
			 snapshot);
	else if (!strcmp(content->type, "LVM2_member"))
		snprintf(text, size,
			 "/dev/mapper/%s: a physical volume; vgimportclone --basevgname NAME, with the snapshots of all physical volumes of its volume group, imports it as the volume group NAME",
			 snapshot);
	else
		return false;
	return true;
}

void content_hint(const struct content *content, const char *snapshot,
		  const char *log, const char *realtime, char *text,
		  size_t size)
{
	const char *is = not_to_be_mounted(content->type);

	if (is)
		snprintf(text, size, "/dev/mapper/%s: %s", snapshot, is);
	else if (hint_layer(content, snapshot, text, size))
		return;
	else if (!strcmp(content->type, "xfs"))
		hint_xfs(content, snapshot, log, realtime, text, size);
	else if (!strcmp(content->type, "btrfs"))
		hint_btrfs(content, snapshot, text, size);
	else if (*content->type)
		snprintf(text, size, "mount -o ro%s /dev/mapper/%s DIRECTORY",
			 content->other_journal ? ",noload" : "", snapshot);
	else
		snprintf(text, size, "/dev/mapper/%s", snapshot);
}
