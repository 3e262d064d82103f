/* SPDX-License-Identifier: GPL-2.0 */
/*
 * snapshot --extend: a larger COW store, while the snapshot is in use
 */
#ifndef INTERPOSECTL_EXTEND_H
#define INTERPOSECTL_EXTEND_H

#include "say.h"

/*
 * @size: as typed, of all of it, or with a "+" of what is added; NULL: by as much as the
 * monitor would add. @limit: seconds
 */
enum status extend_snapshot(const char *name, const char *size,
			    unsigned int limit);

#endif
