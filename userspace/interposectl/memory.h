/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How much memory there is to take, without anybody being killed for it
 */
#ifndef INTERPOSECTL_MEMORY_H
#define INTERPOSECTL_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes, in the machine and in the control group of this process; 0: unknown */
uint64_t memory_available(void);
/* Somebody takes what is left of it */
bool memory_is_low(void);

#endif
