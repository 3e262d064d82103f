/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of a snapshot is free space of its file system, and need not be read. The kernel
 * tells it (FS_IOC_GETFSMAP) of an ext4 or XFS that is mounted read-only, without a replay
 * of its journal, where nobody else sees it, and from a device that is read-only for as
 * long. That is the truth if the file system was frozen at the moment, or its journal is
 * empty.
 *
 * An increment may leave it out, too. What is free at the moment of a backup holds nothing,
 * and whoever uses it later writes to it first, or marks it as unwritten; so the next
 * increment reads it.
 */
#ifndef BACKUP_FREESPACE_H
#define BACKUP_FREESPACE_H

#include "source.h"

/* To be called before the moment: what is mounted there */
void freespace_look(struct source *source);
/*
 * Takes whole free clusters out of what is to be read. If they are not known, nothing is
 * taken out, and @source->kept says why.
 */
bool freespace_leave_out(struct source *source);
/*
 * The same for the COW stores that lie on the device itself (see On the only disk in
 * dm-interpose.rst), which hold nothing that is the file system's. False: no memory
 */
bool freespace_leave_out_stores(struct source *source);

#endif
