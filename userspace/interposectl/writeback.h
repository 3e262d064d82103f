/* SPDX-License-Identifier: GPL-2.0 */
#ifndef INTERPOSECTL_WRITEBACK_H
#define INTERPOSECTL_WRITEBACK_H

#include "device.h"

/*
 * What is cached for the device is written, so that this is not to be done while a
 * file system is frozen, nor within a limit. It takes as long as it takes, but if the
 * device completes no write for @limit seconds, it is given up, as if this is
 * interrupted. False: so it was, and if that was the limit, it has been said.
 */
bool write_back(const struct device *device, unsigned int limit);

#endif
