// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of policy.c: single decisions, random ones, and a store that fills.
 */
#include <stdio.h>
#include <stdlib.h>
#include "policy.h"

#define MIB 2048ULL
#define EXTENT (4 * MIB)

static const struct interpose_limits limits = INTERPOSE_LIMITS_DEFAULT;
static int failures;

#define check(condition)						\
	do {								\
		if (!(condition)) {					\
			printf("%s:%d: not so: %s\n", __FILE__,		\
			       __LINE__, #condition);			\
			failures++;					\
		}							\
	} while (0)

/* 100 MiB of an origin of a GiB, in a volume group with much space */
static struct interpose_usage usage_at(uint64_t mib)
{
	return (struct interpose_usage){
		.used = mib * MIB, .used_before = mib * MIB, .elapsed_ms = 5000,
		.total = 100 * MIB, .most = 1100 * MIB, .free = 4096 * MIB,
		.extent = EXTENT,
	};
}

static enum interpose_action action(const struct interpose_usage *usage)
{
	return interpose_decide(&limits, usage).action;
}

static void test_extends_from_the_mark_on(void)
{
	struct interpose_usage usage = usage_at(79);
	struct interpose_decision decision;

	check(action(&usage) == INTERPOSE_NOTHING);
	usage = usage_at(80);
	decision = interpose_decide(&limits, &usage);
	check(decision.action == INTERPOSE_EXTEND);
	check(decision.percent == 80);
	check(decision.sectors == 20 * MIB);
}

static void test_extends_what_will_be_full_at_the_horizon(void)
{
	struct interpose_usage usage = usage_at(20);
	struct interpose_decision decision;

	usage.used_before = 0; /* 4 MiB/s: 80 MiB more in 20 s, 100 together */
	decision = interpose_decide(&limits, &usage);
	check(decision.action == INTERPOSE_EXTEND);
	check(decision.sectors == 28 * MIB); /* 125 MiB and a sector */
	usage.used_before = 1 * MIB;
	check(action(&usage) == INTERPOSE_NOTHING);
	usage.elapsed_ms = 0; /* a first look knows no speed */
	usage.used_before = 0;
	check(action(&usage) == INTERPOSE_NOTHING);
}

static void test_extends_by_whole_extents_that_are_there(void)
{
	struct interpose_usage usage = usage_at(85);

	usage.free = 2 * EXTENT + EXTENT / 2;
	check(interpose_decide(&limits, &usage).sectors == 2 * EXTENT);
	usage.free = EXTENT - 1;
	check(interpose_decide(&limits, &usage).sectors == 0);
	check(action(&usage) == INTERPOSE_WARN);
	usage = usage_at(85);
	usage.extent = 24 * MIB;
	check(interpose_decide(&limits, &usage).sectors == 24 * MIB);
}

static void test_extends_no_further_than_is_of_use(void)
{
	struct interpose_usage usage = usage_at(99);

	usage.most = 103 * MIB;
	check(interpose_decide(&limits, &usage).sectors == EXTENT);
	usage.most = 100 * MIB;
	check(action(&usage) == INTERPOSE_NOTHING);
	usage.free = 0;
	usage.used = usage.total;
	check(action(&usage) == INTERPOSE_NOTHING);
}

static void test_warns_once_in_five_percent(void)
{
	struct interpose_usage usage = usage_at(80);

	usage.free = 0;
	check(action(&usage) == INTERPOSE_WARN);
	usage.warned_percent = 80;
	check(action(&usage) == INTERPOSE_NOTHING);
	usage.used = usage.used_before = 84 * MIB;
	check(action(&usage) == INTERPOSE_NOTHING);
	usage.used = usage.used_before = 85 * MIB;
	check(action(&usage) == INTERPOSE_WARN);
	usage.extent = 0; /* a partition or a file */
	check(action(&usage) == INTERPOSE_WARN);
}

static void test_drops_what_nobody_uses(void)
{
	struct interpose_usage usage = usage_at(95);
	struct interpose_limits never = limits;

	usage.free = 0;
	check(action(&usage) == INTERPOSE_DROP);
	never.drop_percent = 101;
	check(interpose_decide(&never, &usage).action == INTERPOSE_WARN);
	usage.in_use = true;
	check(action(&usage) == INTERPOSE_WARN);
	usage.used = usage.total;
	check(action(&usage) == INTERPOSE_WARN);
	usage.invalid = true;
	check(action(&usage) == INTERPOSE_DROP);
	check(interpose_decide(&never, &usage).action == INTERPOSE_DROP);
}

static void test_drops_what_is_full_before_the_next_look(void)
{
	struct interpose_usage usage = usage_at(85);

	usage.free = 0;
	usage.used_before = 70 * MIB;
	check(action(&usage) == INTERPOSE_DROP);
	usage.used_before = 71 * MIB;
	check(action(&usage) == INTERPOSE_WARN);
	usage.used = 75 * MIB;
	usage.used_before = 45 * MIB; /* below the mark: it may yet stop */
	check(action(&usage) == INTERPOSE_NOTHING);
}

static void test_extends_rather_than_drops(void)
{
	struct interpose_usage usage = usage_at(100);

	check(action(&usage) == INTERPOSE_EXTEND);
	usage.free = EXTENT;
	check(action(&usage) == INTERPOSE_EXTEND);
}

/* One that shrinks, as when another table was loaded, fills at no speed */
static void test_a_smaller_use_is_no_speed(void)
{
	struct interpose_usage usage = usage_at(10);

	usage.used_before = 90 * MIB;
	check(action(&usage) == INTERPOSE_NOTHING);
}

static uint64_t any(void)
{
	uint64_t number = ((uint64_t)random() << 33) ^ ((uint64_t)random() << 11);

	return number >> random() % 64;
}

static void check_any(const struct interpose_limits *some,
		      const struct interpose_usage *usage)
{
	struct interpose_decision decision = interpose_decide(some, usage);

	check(decision.percent <= 100);
	check((decision.action == INTERPOSE_EXTEND) == !!decision.sectors);
	if (decision.action == INTERPOSE_EXTEND) {
		check(decision.sectors <= usage->free);
		check(decision.sectors % usage->extent == 0);
		check(usage->total < usage->most);
	}
	if (decision.action == INTERPOSE_DROP && !usage->invalid) {
		check(!usage->in_use);
		check(decision.percent >= some->warn_percent);
		check(some->drop_percent <= 100);
	}
	if (usage->invalid)
		check(decision.action == INTERPOSE_DROP);
}

static void test_random_numbers(void)
{
	srandom(1);
	for (int i = 0; i < 300000 && !failures; i++) {
		struct interpose_limits some = {
			.warn_percent = 1 + random() % 100,
			.drop_percent = random() % 120,
			.step_percent = any() % 1000, .horizon_ms = any(),
		};
		struct interpose_usage usage = {
			.used = any(), .total = any(), .used_before = any(),
			.elapsed_ms = any(), .warned_percent = random() % 101,
			.most = any(), .free = any(), .extent = any(),
			.invalid = random() % 8 == 0, .in_use = random() % 2,
		};

		if (!usage.total)
			usage.total = 1;
		check_any(&some, &usage);
	}
}

/*
 * A store of 64 MiB fills, and is looked at again and again; what is decided at
 * a look takes @late_ms. Returns whether it held.
 */
static bool holds(uint64_t kib_per_s, uint64_t interval_ms, uint64_t late_ms,
		  uint64_t *drop_ms)
{
	struct interpose_usage usage = usage_at(0);
	struct interpose_decision decision = { 0 };
	uint64_t due_ms = 0;

	usage.total = 64 * MIB;
	if (drop_ms)
		usage.free = 0;
	for (uint64_t ms = 1; usage.used < usage.most; ms++) {
		usage.used = ms * kib_per_s * 2 / 1000;
		if (usage.used > usage.most)
			usage.used = usage.most;
		if (usage.used >= usage.total && usage.total < usage.most)
			return false;
		if (due_ms && ms >= due_ms) {
			usage.total += decision.sectors;
			due_ms = 0;
		}
		if (ms % interval_ms || due_ms)
			continue;
		usage.elapsed_ms = interval_ms;
		decision = interpose_decide(&limits, &usage);
		usage.used_before = usage.used;
		if (decision.action == INTERPOSE_EXTEND)
			due_ms = ms + late_ms;
		if (decision.action == INTERPOSE_DROP) {
			*drop_ms = ms;
			return false;
		}
	}
	return true;
}

static void test_a_store_that_fills_is_extended_in_time(void)
{
	check(holds(4096, 5000, 5000, NULL));
	check(holds(4096, 2000, 3000, NULL));
	check(holds(4096, 10000, 1000, NULL));
	for (uint64_t speed = 1; speed <= 4096; speed += 61)
		check(holds(speed, 5000, 3000, NULL));
	check(!holds(64 * 1024, 5000, 3000, NULL)); /* full at the first look */
}

static void test_a_store_that_cannot_grow_is_dropped_before_it_is_full(void)
{
	for (uint64_t speed = 16; speed <= 2048; speed += 61) {
		uint64_t dropped = 0;

		check(!holds(speed, 5000, 0, &dropped));
		check(dropped > 0);
	}
}

static void test_a_step_by_hand(void)
{
	struct interpose_usage usage = usage_at(10);

	check(interpose_step(&limits, &usage) == 20 * MIB);
	usage = usage_at(99); /* 123.75 MiB and a sector, below the mark */
	check(interpose_step(&limits, &usage) == 24 * MIB);
	usage.free = 9 * MIB;
	check(interpose_step(&limits, &usage) == 8 * MIB);
	usage = usage_at(10);
	usage.most = usage.total;
	check(!interpose_step(&limits, &usage));
}

int main(void)
{
	test_extends_from_the_mark_on();
	test_extends_what_will_be_full_at_the_horizon();
	test_extends_by_whole_extents_that_are_there();
	test_extends_no_further_than_is_of_use();
	test_warns_once_in_five_percent();
	test_drops_what_nobody_uses();
	test_drops_what_is_full_before_the_next_look();
	test_extends_rather_than_drops();
	test_a_smaller_use_is_no_speed();
	test_random_numbers();
	test_a_store_that_fills_is_extended_in_time();
	test_a_store_that_cannot_grow_is_dropped_before_it_is_full();
	test_a_step_by_hand();
	printf("%d failures\n", failures);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
