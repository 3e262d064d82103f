/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What makes the records of the target era a series: who they are, and since
 * when nothing is missing from them.
 *
 *     metadata device of era     block 0       era's superblock; the UUID stands in
 *                                              its unused end
 *                                ...           era's own
 *                                last two      the record of the series, twice
 *
 * The UUID: era writes back what it has read behind its own fields, and the
 * checksum covers it, so it lives and dies with the metadata. Zeroed, or made by
 * the kernel, they have none. (The field "uuid" is cleared at each commit.)
 *
 * The record: the space map of the metadata is made two blocks too small, so that
 * era never writes there, and the record may be written at any time, also while
 * era is attached. The older one of the two is overwritten, and each has a
 * checksum: whatever is interrupted, one of them is good.
 *
 * All of it is on that device, and nothing in a file: the initramfs has it, and
 * a copy of the device has it, too.
 */
#ifndef INTERPOSECTL_SERIES_H
#define INTERPOSECTL_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "witness.h"

#define SERIES_BLOCK	4096		/* of era's metadata */
#define SERIES_SLOTS	2
#define SERIES_UUID	16
#define SERIES_WHY	256
#define POINT_MAX	64		/* "UUID:ERA" as text */

enum series_state {
	SERIES_NEW,			/* never attached: nothing can be missing */
	SERIES_DETACHED,
	SERIES_ATTACHING,		/* or killed in it */
	SERIES_ATTACHED,		/* anybody can have detached it */
	SERIES_PINNED,			/* nobody has, who did not mean to */
};

struct series {
	unsigned char uuid[SERIES_UUID];
	uint64_t sequence;		/* of the record, which is the newer one */
	uint64_t sectors;		/* of the device */
	uint32_t block;			/* sectors */
	enum series_state state;
	uint64_t first;			/* nothing is missing since this era, or */
#define SERIES_NO_ERA	UINT64_MAX	/* not yet known */
	uint64_t created;		/* seconds since 1970 */
	unsigned char boot[SERIES_UUID]; /* when that was */
	uint64_t diskseq;		/* of what it is attached by, else of its disk */
	uint64_t written;		/* sectors so far, in that boot */
#define SERIES_NOT_COUNTED	UINT64_MAX
	char why[SERIES_WHY];		/* what was before is not to be used */
	struct witness witness;		/* the device, when it was last looked at */
	uint64_t era;			/* in era's superblock, not in the record */
};

/* A moment: the begin of an era of a series */
struct point {
	unsigned char uuid[SERIES_UUID];
	uint64_t era;
};

/*
 * Pure functions
 */

/* Of one block: */
bool series_has_uuid(const unsigned char *superblock, unsigned char *uuid,
		     uint64_t *era);
/* Into a superblock of era's that is good; false: it is none */
bool series_set_uuid(unsigned char *superblock, const unsigned char *uuid);
void series_encode(const struct series *series, unsigned char *block);
bool series_decode(const unsigned char *block, struct series *series);

/* "0a1b2c3d-0815-..." */
bool uuid_parse(const char *text, size_t length, unsigned char *uuid);
void series_uuid_text(const unsigned char *uuid, char *text, size_t size);
bool point_parse(const char *text, struct point *point);
void point_text(const struct series *series, uint64_t era, char *text,
		size_t size);
/*
 * May @point be compared with now? @since: the current era. False: @why tells why
 * only a full backup is complete.
 */
bool point_fits(const struct point *point, const struct series *series,
		uint64_t current, char *why, size_t size);

/* How many bytes era needs for that many blocks */
uint64_t series_metadata_size(uint64_t blocks);

/*
 * On the metadata device
 */

enum series_found { SERIES_NONE, SERIES_GOOD, SERIES_DAMAGED };

enum series_found series_read(const char *path, struct series *series);
/* The next record. False: it has been said why */
bool series_write(const char *path, struct series *series);
/* A new series, on a device that nobody uses: what it held is gone */
bool series_format(const char *path, struct series *series);

#endif
