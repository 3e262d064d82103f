/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a mounted ext4 or XFS says is free
 */
#ifndef INTERPOSECTL_FSMAP_H
#define INTERPOSECTL_FSMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * @fd: of a directory there; @dev: of its device, on which these bytes are. @each:
 * false to stop. False: stopped, or errno
 */
bool fsmap_each_free(int fd, dev_t dev,
		     bool (*each)(uint64_t start, uint64_t length, void *data),
		     void *data);

#endif
