/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device holds, as far as it matters to who wants to use a snapshot of
 * it: what libblkid says, and what the superblock says of other devices.
 */
#ifndef INTERPOSECTL_CONTENT_H
#define INTERPOSECTL_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* This much of its beginning has all superblocks that are examined */
#define CONTENT_HEAD	(68 * 1024)

struct content {
	char type[64];			/* "ext4", "gpt", "" for nothing known */
	bool other_journal;		/* ext4: on another device */
	bool other_log;			/* XFS, too */
	bool realtime;			/* XFS has a realtime device */
	unsigned long long devices;	/* of the btrfs */
	bool btrfs_clones;		/* the kernel mounts a copy beside it */
};

/* @type is set; the rest is read from the beginning of the device */
void content_parse(const unsigned char *head, size_t size,
		   struct content *content);
void content_read(const char *path, struct content *content);

/*
 * The device that an option of its mount names, such as logdev. False: it is
 * not mounted, or has none
 */
bool content_other_device(const char *name, const char *option, char *other);

/* The file system is on other devices, too */
bool content_needs_others(const struct content *content);

/* Is that a table of partitions? A member of an array? Encrypted? */
bool content_is_disk(const struct content *content);
bool content_is_member(const struct content *content);
bool content_is_encrypted(const struct content *content);

/*
 * What to do with a snapshot of it. @log, @realtime: the nodes of the snapshots
 * of those devices, or NULL if there is none.
 */
void content_hint(const struct content *content, const char *snapshot,
		  const char *log, const char *realtime, char *text,
		  size_t size);

#endif
