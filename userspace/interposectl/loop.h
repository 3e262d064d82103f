/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loop devices, known by their file
 */
#ifndef INTERPOSECTL_LOOP_H
#define INTERPOSECTL_LOOP_H

#include <stdbool.h>
#include <stddef.h>

bool loop_attach(const char *file, int backing, char *node, size_t size);

#endif
