// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bios that are mapped where they are, on a stock kernel: drivers/md/dm-interpose-direct.c
 * as it is, if stock/layout has found all that it needs of DM core, struct dm_io above
 * all. Otherwise no-direct.c.
 */
#include <linux/module.h>

#include "private/dm-core.h"

#include STOCK_DIRECT
