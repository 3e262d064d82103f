// SPDX-License-Identifier: GPL-2.0
/*
 * I/O whose cost is counted: direct reads or writes of random blocks.
 *
 *   load [--write] [--bs=BYTES] [--depth=N] [--uring] [--cpus=N] [--ios=N]
 *        [--rounds=N] [--region=BYTES] [--fill] [--least] [--mark] DEVICE
 *
 * Each round is so many I/Os on each processor. Prints the median of all rounds
 * of what an I/O takes: ticks of the processor's time stamp counter, which QEMU's
 * -icount makes a count of the instructions of all processors; and nanoseconds.
 * The median, because a timer interrupt in a round is no part of the I/O.
 *
 * fio cannot do this: its runtime is in milliseconds, a million instructions.
 *
 * --fill writes the region once beforehand, so that a target that does more at
 * the first write to a block has done it. --least prints the least of all rounds:
 * for time on a machine that others use as well.
 * --mark tells bench/lines-plugin.c where the rounds begin and end.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define MAX_CPUS	16
#define MAX_DEPTH	64
/* of a huge page */
#define HUGE		(2UL << 20)
/* as in lines-plugin.c */
#define MARK		0x5e1f00000000UL

static struct {
	const char *device;
	bool write, uring, fill, least, mark;
	unsigned int bs, depth, cpus, ios, rounds;
	unsigned long region;
} options = {
	.bs = 4096, .depth = 1, .cpus = 1, .ios = 128, .rounds = 21,
	.region = 16 << 20,
};

struct worker {
	pthread_t thread;
	int cpu, fd;
	char *buffer;
	uint64_t seed;
	struct io_uring ring;
};

static pthread_barrier_t round_starts, round_ends;

/* Knuth's MMIX generator: the same blocks in each run. */
static off_t next_offset(struct worker *w)
{
	w->seed = w->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (off_t)((w->seed >> 33) % (options.region / options.bs)) *
		options.bs;
}

static void io_sync(struct worker *w)
{
	off_t offset = next_offset(w);
	ssize_t n = options.write ?
		pwrite(w->fd, w->buffer, options.bs, offset) :
		pread(w->fd, w->buffer, options.bs, offset);

	if (n != (ssize_t)options.bs)
		err(1, "%s: at byte %lld", options.device, (long long)offset);
}

static void reap(struct worker *w)
{
	struct io_uring_cqe *cqe;

	if (io_uring_wait_cqe(&w->ring, &cqe))
		errx(1, "%s: io_uring_wait_cqe", options.device);
	if (cqe->res != (int)options.bs)
		errx(1, "%s: %s", options.device, strerror(-cqe->res));
	io_uring_cqe_seen(&w->ring, cqe);
}

/* As many as the queue is deep in one system call, and then wait for them. */
static void io_uring_batch(struct worker *w)
{
	struct io_uring_sqe *sqe;
	unsigned int i;

	for (i = 0; i < options.depth; i++) {
		char *buffer = w->buffer + (size_t)i * options.bs;

		sqe = io_uring_get_sqe(&w->ring);
		if (options.write)
			io_uring_prep_write(sqe, w->fd, buffer, options.bs,
					    next_offset(w));
		else
			io_uring_prep_read(sqe, w->fd, buffer, options.bs,
					   next_offset(w));
	}
	if (io_uring_submit_and_wait(&w->ring, options.depth) < 0)
		errx(1, "%s: io_uring_submit_and_wait", options.device);
	for (i = 0; i < options.depth; i++)
		reap(w);
}

static void one_round(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < options.ios; i += options.uring ? options.depth : 1) {
		if (options.uring)
			io_uring_batch(w);
		else
			io_sync(w);
	}
}

static void fill(struct worker *w)
{
	unsigned long at;

	for (at = 0; at < options.region; at += options.bs)
		if (pwrite(w->fd, w->buffer, options.bs, at) !=
		    (ssize_t)options.bs)
			err(1, "%s: filling", options.device);
}

static void prepare(struct worker *w, int cpu)
{
	size_t size = ((size_t)options.bs * options.depth + HUGE - 1) & -HUGE;
	int ret;

	w->cpu = cpu;
	w->seed = cpu + 1;
	w->fd = open(options.device, O_RDWR | O_DIRECT);
	if (w->fd < 0)
		err(1, "%s", options.device);
	if (posix_memalign((void **)&w->buffer, HUGE, size))
		errx(1, "out of memory");
	/* in one piece, or each run has other segments; some kernels cannot */
	madvise(w->buffer, size, MADV_HUGEPAGE);
	memset(w->buffer, 0x5a, size);
	ret = options.uring ?
		io_uring_queue_init(MAX_DEPTH, &w->ring, 0) : 0;
	if (ret)
		errx(1, "io_uring_queue_init: %s", strerror(-ret));
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "processor %d", cpu);
}

static void *helper(void *data)
{
	struct worker *w = data;

	stay_on(w->cpu);
	while (true) {
		pthread_barrier_wait(&round_starts);
		one_round(w);
		pthread_barrier_wait(&round_ends);
	}
	return NULL;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double per_io(uint64_t *values)
{
	qsort(values, options.rounds, sizeof(*values), by_size);
	return (double)values[options.least ? 0 : options.rounds / 2] /
		(options.ios * options.cpus);
}

static volatile char *map_mark(void)
{
	void *at;

	if (!options.mark)
		return NULL;
	at = mmap((void *)MARK, 4096, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE,
		  -1, 0);
	if (at == MAP_FAILED)
		err(1, "mmap");
	return at;
}

static void measure(struct worker *first)
{
	uint64_t ticks[options.rounds], ns[options.rounds];
	volatile char *mark = map_mark();
	unsigned int i;

	if (mark)
		*mark = 1;
	for (i = 0; i < options.rounds; i++) {
		uint64_t ns_0 = now(), ticks_0 = __rdtsc();

		if (options.cpus > 1)
			pthread_barrier_wait(&round_starts);
		one_round(first);
		if (options.cpus > 1)
			pthread_barrier_wait(&round_ends);
		ticks[i] = __rdtsc() - ticks_0;
		ns[i] = now() - ns_0;
	}
	if (mark)
		*mark = 1;
	printf("%.1f", per_io(ticks));
	printf(" %.1f\n", per_io(ns));
}

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (*end || !value || value > max)
		errx(2, "%s: not a number from 1 to %lu", text, max);
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "write", no_argument, NULL, 'w' },
		{ "uring", no_argument, NULL, 'u' },
		{ "fill", no_argument, NULL, 'f' },
		{ "least", no_argument, NULL, 'l' },
		{ "mark", no_argument, NULL, 'm' },
		{ "bs", required_argument, NULL, 'b' },
		{ "depth", required_argument, NULL, 'd' },
		{ "cpus", required_argument, NULL, 'c' },
		{ "ios", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "region", required_argument, NULL, 's' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'w': options.write = true; break;
		case 'u': options.uring = true; break;
		case 'f': options.fill = true; break;
		case 'l': options.least = true; break;
		case 'm': options.mark = true; break;
		case 'b': options.bs = number(optarg, 1 << 20); break;
		case 'd': options.depth = number(optarg, MAX_DEPTH); break;
		case 'c': options.cpus = number(optarg, MAX_CPUS); break;
		case 'n': options.ios = number(optarg, 1 << 24); break;
		case 'r': options.rounds = number(optarg, 1000); break;
		case 's': options.region = number(optarg, 1UL << 40); break;
		default: exit(2);
		}
	}
	if (optind + 1 != argc)
		errx(2, "one DEVICE, please");
	if (options.depth > 1 && !options.uring)
		errx(2, "--depth without --uring");
	if (options.ios % options.depth || options.region < options.bs)
		errx(2, "--ios, --depth, --bs and --region do not fit");
	options.device = argv[optind];
}

int main(int argc, char **argv)
{
	static struct worker workers[MAX_CPUS];
	unsigned int i;

	parse(argc, argv);
	pthread_barrier_init(&round_starts, NULL, options.cpus);
	pthread_barrier_init(&round_ends, NULL, options.cpus);
	for (i = 0; i < options.cpus; i++)
		prepare(&workers[i], i);
	if (options.fill)
		fill(&workers[0]);
	for (i = 1; i < options.cpus; i++)
		if (pthread_create(&workers[i].thread, NULL, helper,
				   &workers[i]))
			errx(1, "pthread_create");
	stay_on(0);
	one_round(&workers[0]);
	measure(&workers[0]);
	return 0;
}
