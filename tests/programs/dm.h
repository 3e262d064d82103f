/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Device-mapper's ioctls, without a process and without libdevmapper: that one
 * refuses much of what a test has to try, hides the errno, and makes nodes.
 *
 * All functions return 0 or a negative errno, and may be called by several
 * threads at a time.
 */
#ifndef DM_INTERPOSE_TEST_DM_H
#define DM_INTERPOSE_TEST_DM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/dm-ioctl.h>

#define DM_BUFFER	(64 * 1024)

struct dm_line {
	uint64_t start;
	uint64_t length;
	const char *type;
	const char *params;
};

/* Opens the control node, which all others use. */
int dm_open(void);
int dm_create(const char *name);
int dm_load(const char *name, const struct dm_line *lines, unsigned int nr);
int dm_clear(const char *name);
/* flags: 0, or DM_NOFLUSH_FLAG and DM_SKIP_LOCKFS_FLAG */
int dm_suspend(const char *name, unsigned int flags);
int dm_resume(const char *name, unsigned int flags);
int dm_remove(const char *name);
/* At once, or when the last one who has it open closes it. */
int dm_remove_deferred(const char *name);
int dm_rename(const char *name, const char *to);
int dm_message(const char *name, uint64_t sector, const char *message);
/*
 * flags: 0, or DM_STATUS_TABLE_FLAG, DM_NOFLUSH_FLAG. One line of text for
 * each of the table's: "start length type rest".
 */
int dm_status(const char *name, unsigned int flags, char *text, size_t size);
/* The number of its /dev/dm-N. */
int dm_minor(const char *name, unsigned int *minor);
/* DM_SUSPEND_FLAG and others. */
int dm_flags(const char *name, unsigned int *flags);
int dm_deps(const char *name);

/*
 * Any command with any buffer; the version is filled in by the caller. Nothing
 * is checked. The result is that of the ioctl.
 */
int dm_raw(unsigned long command, void *buffer);
/* Fills in a header for dm_raw(), as the functions above do. */
void dm_header(struct dm_ioctl *io, const char *name, size_t size);

/* Whatever state it is in, nothing is left of it. */
int dm_clear_away(const char *name);

#endif
