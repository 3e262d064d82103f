/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where writes come in the end, also by what is interposed: what is written to a
 * device that has a snapshot is written to its COW store, and an interposer writes
 * to its metadata, or to the other leg of a mirror.
 */
#ifndef INTERPOSECTL_REACH_H
#define INTERPOSECTL_REACH_H

#include "sysfs.h"

/*
 * Do writes to @name come to any of these @n devices? Those past the hook of @beneath,
 * or NULL, do not come by what interposes it. @why: if it is LIES_UNKNOWN.
 */
enum lies reach(const char *name, const char *const *devices, size_t n,
		const char *beneath, char *why, size_t size);

#endif
