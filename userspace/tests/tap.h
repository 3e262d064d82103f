/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TAP for unit tests: is(claim, condition) … and done() at the end of main
 */
#ifndef INTERPOSECTL_TAP_H
#define INTERPOSECTL_TAP_H

#include <stdbool.h>
#include <stdio.h>

static int tap_count, tap_failed;

static inline void is(const char *claim, bool holds)
{
	printf("%sok %d - %s\n", holds ? "" : "not ", ++tap_count, claim);
	tap_failed += !holds;
}

static inline int done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed || !tap_count;
}

#endif
