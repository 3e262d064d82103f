/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What device-mapper, sysfs and LVM say of a snapshot, and who extends its space.
 */
#ifndef INTERPOSE_SPACE_H
#define INTERPOSE_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct snapshot_space - a mapped device with the target "snapshot"
 * @used: sectors in use, of its copy-on-write space
 * @total: size of that in sectors
 * @most: size beyond which it needs nothing
 * @invalid: it is lost
 * @in_use: it is open
 * @origin: kernel name of what it is a snapshot of
 * @vg: volume group of the copy-on-write space; empty if it is no volume
 * @lv: its logical volume
 * @settled: the space is in files of a file system that interposectl knows
 */
struct snapshot_space {
	uint64_t used;
	uint64_t total;
	uint64_t most;
	bool invalid;
	bool in_use;
	char origin[32];
	char vg[128];
	char lv[128];
	bool settled;
};

int space_read(const char *name, const char *uuid, struct snapshot_space *snap);
int snapshot_remove(const char *name, const char *uuid, bool deferred);
int volume_group_space(const char *vg, uint64_t *free, uint64_t *extent);
int volume_extend(const char *vg, const char *lv, uint64_t sectors,
		  char *said, size_t size);
int store_extend(const char *program, const char *name, uint64_t total,
		 char *said, size_t size);

#endif
