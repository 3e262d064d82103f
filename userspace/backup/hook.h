/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has to know of the moment, as a database: programs in a directory and a
 * command, called as qemu-ga does it, with "freeze" and then with "thaw".
 */
#ifndef BACKUP_HOOK_H
#define BACKUP_HOOK_H

#include <stdbool.h>

#include "moment.h"

/* False: one has failed, or took too long; it has been said which. All are thawed. */
bool hooks_freeze(const struct moment *moment);
/* All of them, whatever becomes of one */
bool hooks_thaw(const struct moment *moment);

#endif
