/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A new backup in the directory, until it has its name:
 *
 *     NAME.SOURCE.qcow2.unfinished   an image for each source, with its data
 *     NAME.json.unfinished           the manifest, when all of them are complete
 *     NAME.SOURCE.qcow2, NAME.json   at last
 */
#ifndef BACKUP_WRITE_H
#define BACKUP_WRITE_H

#include "manifest.h"

/* Where the data of @part go, until the backup is complete */
char *write_path(const struct part *part, char *path, size_t size);
/* Empty; @compress: only whole clusters are compressed, so it may be larger */
bool write_create(const struct part *part, bool compress);
/* All of @backup is there: it gets its name. False: it has been said why */
bool write_commit(const struct backup *backup);
/* Nothing of it is left */
void write_undo(const struct backup *backup);

#endif
