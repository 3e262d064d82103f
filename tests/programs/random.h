/* SPDX-License-Identifier: GPL-2.0-only */
/* A generator of numbers that is the same everywhere, for a given seed. */
#ifndef DM_INTERPOSE_TEST_RANDOM_H
#define DM_INTERPOSE_TEST_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline uint64_t random_next(struct random *rnd)
{
	return random_mix(rnd->state += 0x9e3779b97f4a7c15ull);
}

/* From 0 to n - 1. */
static inline uint64_t random_below(struct random *rnd, uint64_t n)
{
	return random_next(rnd) % n;
}

static inline bool random_chance(struct random *rnd, unsigned int one_in)
{
	return !random_below(rnd, one_in);
}

/* A generator of its own for each user of a seed. */
static inline void random_seed(struct random *rnd, uint64_t seed, uint64_t user)
{
	rnd->state = random_mix(seed) ^ random_mix(~user);
}

#endif
