// SPDX-License-Identifier: GPL-2.0
/*
 * What it takes to attach and to detach, counted.
 *
 *   switch [--rounds=N] TABLE-LENGTH TYPE PARAMETERS
 *
 * Each round creates a mapped device with that table and removes it. Prints the
 * median of all rounds for create, table load, resume (which attaches) and remove
 * (which detaches), twice each: instructions, then instructions and idle time.
 *
 * Ticks of the time stamp counter are instructions in QEMU with -icount, and in
 * idle time nanoseconds. With sleep=off that time is no wait of the guest's for
 * the host, but up to the next timer: mostly of RCU, whose grace periods are
 * counted in jiffies.
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#include "../tests/programs/dm.h"

#define MAX_ROUNDS	100
#define NAME		"switch"

enum { CREATE, LOAD, RESUME, REMOVE, STEPS };

static struct dm_line line;
static unsigned int rounds = 11;
static uint64_t busy[STEPS][MAX_ROUNDS], all[STEPS][MAX_ROUNDS];

/* What the processor has idled since it was started, in nanoseconds. */
static uint64_t idle_time(void)
{
	unsigned long value, sum = 0;
	char text[256];
	FILE *file = fopen("/proc/timer_list", "r");

	if (!file)
		err(1, "/proc/timer_list");
	while (fgets(text, sizeof(text), file))
		if (sscanf(text, " .idle_sleeptime : %lu", &value) == 1)
			sum += value;
	fclose(file);
	return sum;
}

static int step(int which)
{
	switch (which) {
	case CREATE:
		return dm_create(NAME);
	case LOAD:
		return dm_load(NAME, &line, 1);
	case RESUME:
		return dm_resume(NAME, 0);
	default:
		return dm_remove(NAME);
	}
}

static void measure(int which, unsigned int round)
{
	uint64_t idle = idle_time(), ticks = __rdtsc();
	int r = step(which);

	ticks = __rdtsc() - ticks;
	if (r)
		errx(1, "step %d: %s", which, strerror(-r));
	all[which][round] = ticks;
	busy[which][round] = ticks - (idle_time() - idle);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static unsigned long median(uint64_t *values)
{
	qsort(values, rounds, sizeof(*values), by_size);
	return values[rounds / 2];
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ }
	};
	unsigned int i;
	int c, which;

	while ((c = getopt_long(argc, argv, "+", names, NULL)) != -1) {
		if (c != 'r')
			return 2;
		rounds = atoi(optarg);
	}
	if (argc - optind != 3 || !rounds || rounds > MAX_ROUNDS)
		errx(2, "TABLE-LENGTH TYPE PARAMETERS, please");
	line.length = strtoull(argv[optind], NULL, 0);
	line.type = argv[optind + 1];
	line.params = argv[optind + 2];
	if (dm_open())
		errx(1, "/dev/mapper/control");

	for (i = 0; i < rounds; i++)
		for (which = 0; which < STEPS; which++) {
			/* what the step before has left to be done later */
			usleep(200000);
			measure(which, i);
		}
	for (which = 0; which < STEPS; which++)
		printf("%lu %lu%c", median(busy[which]), median(all[which]),
		       which == STEPS - 1 ? '\n' : ' ');
	return 0;
}
