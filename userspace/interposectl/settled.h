/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file whose blocks stay where they are on its device, so that they can be
 * written to beneath its file system, by way of a linear device on /dev/interposeN:
 *
 *     /home/cow   immutable ----> the file system neither frees nor moves nor
 *        |                        writes these blocks
 *        +-- extents, proved by marks --> linear ... /dev/interpose0 ...
 *
 * Immutable means to the kernel (6.12): no open for writing (inode_permission), no
 * unlink (may_delete), no truncate (notify_change), no fallocate (vfs_fallocate), no
 * dedupe or reflink onto it (generic_remap_file_range_prep), no exchange of extents
 * (xfs_exchange_range_checks; as the donor, mext_check_arguments of ext4), no boot
 * loader (swap_inode_boot_loader). What remains, the other file of ext4's
 * MOVE_EXT and XFS's SWAPEXT, needs a descriptor that can write: that there is none
 * of an earlier time is shown by a lease.
 */
#ifndef INTERPOSECTL_SETTLED_H
#define INTERPOSECTL_SETTLED_H

#include "device.h"
#include "extents.h"
#include "state.h"

struct settled {
	char path[PATH_MAX];
	char store[MAP_NAME_MAX];	/* the mapped device that is to be on it */
	const struct device *on;	/* where its file system lies */
	bool lasts;			/* it outlives the boot in which it is made */
	bool extends;			/* that mapped device, which is there already */
	uint64_t bytes;
	struct mark mark;
	dev_t dev;
	ino_t ino;
	struct extents extents;		/* once they are proved */
	struct extents spare;		/* if it is not all of them that may be used: see spare.h */
	/* or NULL: of a new file that is allocated, makes what is to be kept */
	bool (*choose)(struct settled *file, int fd, void *data);
	void *data;
};

/* Can there be one in that directory? False: @why, "is ..." or "has ..." */
bool settled_suits(const char *directory, char *why, size_t size);

/*
 * In two steps, of a new file: allocated, and marked; then immutable, and all
 * of it on the disk. False: it has been said why.
 */
bool settled_allocate(struct settled *file, int fd);
bool settled_fix(struct settled *file, int fd);

/*
 * For file->choose(): where it lies, but not proved; and leaves nothing of it but
 * file->spare. False: it has been said why
 */
bool settled_read(struct settled *file, int fd);
bool settled_keep_spare(struct settled *file, int fd);

/* Both, and how to undo it is in the record: as a file, or as an extension */
bool settled_make(struct settled *file, struct record *record);

/*
 * One that lasts, and was made in an earlier boot: where it lies, below the @root of
 * its file system. There are no marks any more: that it is the right one has to be
 * proved by what is in it. False: it has been said why
 */
bool settled_find(struct settled *file, int root);

/* @beneath: the device beneath the hook. False: it has been said why */
bool settled_prove(struct settled *file, const char *beneath);
/* The mapped device on it, once its places are known. False: it has been said why */
bool settled_lay(const struct settled *file, const char *beneath,
		 struct record *record);
/* Still the same places; false: it has been said why */
bool settled_check(const struct settled *file);
/* The memory for them */
void settled_forget(struct settled *file);

/* For the opposite; true: it is not immutable, or is not any more */
bool settled_is_fixed(const char *path);
bool settled_release(const char *path);
/*
 * By which mapped device of this boot it is written to, or will be after the next
 * resume; also if that cannot be told. False: by none
 */
bool settled_in_use(const char *path, char *by, size_t size);
/* Is it written to by that one? False: also if that cannot be told */
bool settled_lies_in(const char *path, dev_t store);
/* It was made in this boot, for that mapped device */
bool settled_is_of(const char *path, const char *store);

/*
 * Removes those that are of no use any more, in a directory or at the top of all
 * file systems: of an earlier boot, since no record of them is left then; and one that
 * is to outlive its boot, but was not finished in it. True: there were some, which has
 * been said
 */
bool settled_clean(const char *directory);
bool settled_clean_all(void);

#endif
