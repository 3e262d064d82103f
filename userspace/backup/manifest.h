/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a backup is, and the JSON in which that is written beside its images:
 *
 *     NAME.json           the sources, their points, the checksum of each extent
 *     NAME.SOURCE.qcow2   what was read; its backing file is the backup before
 *
 * A backup is complete when its manifest has its name; that is the last step.
 */
#ifndef BACKUP_MANIFEST_H
#define BACKUP_MANIFEST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;

#define MANIFEST_VERSION	1
#define BACKUP_NAME_MAX		96
#define SUM_SIZE		32		/* SHA-256 */
#define UNFINISHED		".unfinished"	/* ends the name of what is not complete */

/* At most PIECE_SIZE of data, or as many zeroes as there are */
struct extent {
	uint64_t start;
	uint64_t length;
	bool zero;
	unsigned char sum[SUM_SIZE];
};

struct extents {
	struct extent *v;
	size_t n;
	size_t room;
};

/* One source */
struct part {
	char source[PATH_MAX];		/* as it was named */
	char word[64];			/* in the names of files */
	char file[NAME_MAX + 1];
	char parent[BACKUP_NAME_MAX];	/* the backup before, or "" */
	char backing[NAME_MAX + 1];	/* its image, or "" */
	char merging[NAME_MAX + 1];	/* prune puts this one into that image, or "" */
	char point[128];		/* from which the next one goes on, or "" */
	char full[512];			/* why it is a full one, or "" */
	uint64_t size;			/* of the source */
	uint64_t bytes;			/* that were read */
	uint64_t skipped;		/* that were not, as they are free space */
	struct extents extents;
};

struct backup {
	char name[BACKUP_NAME_MAX];
	char made[32];			/* ISO 8601, UTC */
	uint64_t sequence;		/* of all backups in a directory */
	struct part *parts;
	size_t n;
	char problem[512];		/* why it cannot be used, or "" */
	char note[256];			/* it can, but */
};

/* False: out of memory */
bool extents_add(struct extents *extents, const struct extent *extent);
uint64_t extents_bytes(const struct extents *extents);

/* Only letters that neither a shell nor QEMU takes for something else */
bool name_is_plain(const char *name);

/* The string at KEY, or "" */
const char *text_of(struct json_object *from, const char *key);

/* NAME.json in the current directory. Read: what is wrong is in its problem. */
void manifest_read(struct backup *backup, const char *name);
/* All but its name, into a cleared @backup; false: it is damaged */
bool manifest_parse(struct json_object *from, struct backup *backup);
bool manifest_put(FILE *file, const struct backup *backup);
/*
 * In two parts: NAME.json.unfinished is on the disk, and then has its name. False:
 * it has been said why; what was there is there still.
 */
bool manifest_prepare(const struct backup *backup);
bool manifest_commit(const struct backup *backup);
void backup_free(struct backup *backup);

/* The current directory, so that names in it stay after a loss of power */
bool sync_directory(void);

#endif
