// SPDX-License-Identifier: GPL-2.0
/*
 * Prints how many thousand ticks a second this machine's time stamp counter
 * makes. That is the one that QEMU's emulation passes on, and a guest that has
 * to measure it by the interrupts of an emulated timer measures nonsense when
 * the machine is busy.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct moment {
	long long ns;
	unsigned long long ticks;
};

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* The closest of many tries: anybody may be interrupted between two clocks */
static struct moment look(void)
{
	long long shortest = -1;
	struct moment best = { 0, 0 };

	for (int i = 0; i < 200; i++) {
		long long before = now_ns();
		unsigned long long ticks = __rdtsc();
		long long after = now_ns();

		if (shortest < 0 || after - before < shortest) {
			shortest = after - before;
			best.ns = before + shortest / 2;
			best.ticks = ticks;
		}
	}
	return best;
}

int main(void)
{
	struct timespec pause = { .tv_nsec = 50000000 };
	struct moment first = look(), last;

	nanosleep(&pause, NULL);
	last = look();
	printf("%lld\n", (long long)((last.ticks - first.ticks) * 1000000.0 /
				     (last.ns - first.ns) + 0.5));
	return 0;
}
