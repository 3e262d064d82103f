// SPDX-License-Identifier: GPL-2.0-only
/*
 * nowait: reads and writes that must not wait (RWF_NOWAIT), while an interposer
 * of their device comes, is suspended, changes and goes.
 *
 *	workers ---- preadv2(), pwritev2() ----> DEV
 *	main ---- attach, suspend, reload, wipe, detach ----> NAME
 *
 * Each attempt either succeeds, with the right data, or gets EAGAIN and has
 * done nothing. While the interposer is suspended main does not go on before
 * each worker has ended that many attempts more, so that one which sleeps at
 * the closed gate is one that never comes. All of these must have got EAGAIN.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

#include "dm.h"
#include "random.h"

#define NR_WORKERS	3
#define NR_BLOCKS	64	/* of each worker */
#define BLOCK		4096
#define ATTEMPTS	20	/* of each worker, at each closed gate */

struct worker {
	pthread_t thread;
	unsigned int nr;
	struct random rnd;
	uint64_t *data;
	/* what each block holds: 0 if it was never written */
	uint64_t written[NR_BLOCKS];
	atomic_ulong ended;	/* attempts */
	atomic_ulong succeeded;
	atomic_ulong reads, writes, eagain_reads, eagain_writes;
};

static struct worker workers[NR_WORKERS];
/* Odd from when a suspend has returned until it is to be undone. */
static atomic_ulong gate_closed;
static atomic_bool stop;
static unsigned int patience = 1;
static const char *device, *name;
static uint64_t size;
static int fd;

static void fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

static void fail(const char *fmt, ...)
{
	va_list args;

	printf("nowait: FAILED: ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	dm_clear_away(name);
	_exit(1);
}

/* The workers */

static void fill(struct worker *w, unsigned int block, uint64_t generation)
{
	unsigned int i;

	w->data[0] = generation;
	for (i = 1; i < BLOCK / 8; i++)
		w->data[i] = random_mix(generation * NR_BLOCKS + block) + i;
}

static void check(struct worker *w, unsigned int block)
{
	uint64_t generation = w->written[block];
	unsigned int i;

	if (!generation)
		return;
	if (w->data[0] != generation)
		fail("block %u of worker %u is from write %llu and not from %llu",
		     block, w->nr, (unsigned long long)w->data[0],
		     (unsigned long long)generation);
	for (i = 1; i < BLOCK / 8; i++)
		if (w->data[i] != random_mix(generation * NR_BLOCKS + block) + i)
			fail("block %u of worker %u is wrong at word %u",
			     block, w->nr, i);
}

static void attempt(struct worker *w, uint64_t generation)
{
	unsigned int block = random_below(&w->rnd, NR_BLOCKS);
	struct iovec iov = { w->data, BLOCK };
	off_t at = (off_t)(w->nr * NR_BLOCKS + block) * BLOCK;
	bool write = random_chance(&w->rnd, 2);
	unsigned long closed = atomic_load(&gate_closed);
	ssize_t n;
	int error;

	if (write) {
		fill(w, block, generation);
		n = pwritev2(fd, &iov, 1, at, RWF_NOWAIT);
	} else {
		n = preadv2(fd, &iov, 1, at, RWF_NOWAIT);
	}
	error = n < 0 ? errno : 0;

	if (n == BLOCK) {
		if ((closed & 1) && closed == atomic_load(&gate_closed))
			fail("a %s went through the closed gate",
			     write ? "write" : "read");
		if (write)
			w->written[block] = generation;
		else
			check(w, block);
		atomic_fetch_add(write ? &w->writes : &w->reads, 1);
		atomic_fetch_add(&w->succeeded, 1);
	} else if (error == EAGAIN) {
		atomic_fetch_add(write ? &w->eagain_writes : &w->eagain_reads,
				 1);
	} else {
		fail("a %s gives %zd: %s", write ? "write" : "read", n,
		     strerror(error));
	}
	atomic_fetch_add(&w->ended, 1);
	if (error)
		sched_yield();
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t generation = 0;

	setpriority(PRIO_PROCESS, gettid(), 19);
	while (!atomic_load(&stop))
		attempt(w, ++generation);
	return NULL;
}

/* At the end, with I/O that may wait: also what got EAGAIN has done nothing. */
static void check_all(struct worker *w)
{
	unsigned int block;

	for (block = 0; block < NR_BLOCKS; block++) {
		if (pread(fd, w->data, BLOCK,
			  (off_t)(w->nr * NR_BLOCKS + block) * BLOCK) != BLOCK)
			fail("the last look: %s", strerror(errno));
		check(w, block);
	}
}

/* The commands */

static void must(const char *what, int r)
{
	if (r)
		fail("%s: %s", what, strerror(-r));
}

static void load(const char *inner)
{
	char params[256];
	struct dm_line line = { 0, size, "interpose", params };

	if (!strcmp(inner, "striped"))
		snprintf(params, sizeof(params), "%s striped 1 8 %s 0", device,
			 device);
	else if (!strcmp(inner, "flakey"))
		snprintf(params, sizeof(params), "%s flakey %s 0 3600 0",
			 device, device);
	else
		snprintf(params, sizeof(params), "%s linear %s 0", device,
			 device);
	must("load", dm_load(name, &line, 1));
}

/* Until each worker has counted that many more; seconds only end a hang. */
static void wait_for_workers(const char *what, size_t counter, unsigned int n)
{
	unsigned long from[NR_WORKERS];
	unsigned int i, ms;

#define COUNT(i) atomic_load((atomic_ulong *)((char *)&workers[i] + counter))
	for (i = 0; i < NR_WORKERS; i++)
		from[i] = COUNT(i);
	for (i = 0, ms = 0; i < NR_WORKERS; ) {
		if (COUNT(i) >= from[i] + n) {
			i++;
			continue;
		}
		if (ms++ >= patience * 60 * 1000)
			fail("worker %u has come to an end of %lu and not of %u attempts %s",
			     i, COUNT(i) - from[i], n, what);
		usleep(1000);
	}
#undef COUNT
}

static void some_succeed(const char *when)
{
	wait_for_workers(when, offsetof(struct worker, succeeded), ATTEMPTS);
}

/* A field of the status line behind the target's name. */
static unsigned long bios_held(void)
{
	char text[DM_BUFFER];
	unsigned long n;

	must("status", dm_status(name, DM_NOFLUSH_FLAG, text, sizeof(text)));
	if (sscanf(text, "%*u %*u interpose held %*s %*s %*u %lu", &n) != 1)
		fail("is not suspended: %s", text);
	return n;
}

static void suspend(unsigned int flags)
{
	must("suspend", dm_suspend(name, flags));
	atomic_fetch_add(&gate_closed, 1);
	/* one more, for what began before */
	wait_for_workers("at the closed gate", offsetof(struct worker, ended),
			 ATTEMPTS + 1);
	if (bios_held())
		fail("%lu bios wait at the gate", bios_held());
	atomic_fetch_add(&gate_closed, 1);
}

static void cycle(unsigned int nr)
{
	const unsigned int noflush = DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG;

	must("create", dm_create(name));
	load(nr % 2 ? "linear" : "striped");
	must("attach", dm_resume(name, 0));
	some_succeed("when attached");
	suspend(nr % 3 ? 0 : noflush);
	must("resume", dm_resume(name, 0));
	some_succeed("after a resume");
	load(nr % 2 ? "striped" : "linear");
	must("reload", dm_resume(name, 0));
	suspend(nr % 3 ? noflush : 0);
	if (nr % 4 < 2) {
		/* an inner target that cannot do without waiting */
		load("flakey");
		must("reload", dm_resume(name, 0));
		some_succeed("after a reload");
	}
	/* at work or suspended: both detach */
	if (nr % 5 == 0) {
		static const struct dm_line error = { 0, 8, "error", "" };

		must("load", dm_load(name, &error, 1));
		must("wipe", dm_resume(name, noflush));
		some_succeed("after the table was wiped");
	}
	must("remove", dm_remove(name));
	some_succeed("when detached");
}

int main(int argc, char **argv)
{
	unsigned long reads = 0, writes = 0, eagain_reads = 0, eagain_writes = 0;
	unsigned int i, cycles;

	if (argc != 5) {
		fprintf(stderr, "usage: nowait DEV NAME CYCLES PATIENCE\n");
		return 2;
	}
	device = argv[1];
	name = argv[2];
	cycles = atoi(argv[3]);
	patience = atoi(argv[4]);
	if (dm_open())
		fail("/dev/mapper/control: %s", strerror(errno));
	fd = open(device, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size))
		fail("%s: %s", device, strerror(errno));
	size /= 512;

	for (i = 0; i < NR_WORKERS; i++) {
		struct worker *w = &workers[i];

		w->nr = i;
		random_seed(&w->rnd, 1, i);
		if (posix_memalign((void **)&w->data, BLOCK, BLOCK) ||
		    pthread_create(&w->thread, NULL, work, w))
			fail("no thread");
	}
	some_succeed("before the first attach");
	for (i = 1; i <= cycles; i++)
		cycle(i);
	atomic_store(&stop, true);
	for (i = 0; i < NR_WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		check_all(&workers[i]);
		reads += workers[i].reads;
		writes += workers[i].writes;
		eagain_reads += workers[i].eagain_reads;
		eagain_writes += workers[i].eagain_writes;
	}
	printf("cycles %u reads %lu writes %lu eagain_reads %lu eagain_writes %lu\n",
	       cycles, reads, writes, eagain_reads, eagain_writes);
	return 0;
}
