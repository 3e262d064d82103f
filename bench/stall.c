// SPDX-License-Identifier: GPL-2.0
/*
 * The longest that an I/O takes while a device is attached, suspended and
 * resumed, reloaded and detached, and while nothing happens.
 *
 *   stall [--rounds=N] [--window=MS] [--mount=DIR] [--while=NAME=COMMAND]... DEVICE
 *
 * Four threads read and write 4 KiB by turns, directly, at random, each in its
 * own part of DEVICE, or of a file of the ext4 that is on it, which this mounts
 * at DIR. Meanwhile each round does each operation once, each followed by a
 * quarter of MS milliseconds without one. For each the longest time from one completion of a
 * thread to its next is printed: "operation round ticks ticks", the second
 * being what the operation itself took, in ticks of the time stamp counter; and
 * how many I/Os the threads have done in which time: "ios ticks".
 *
 *   none      nothing happens, for MS milliseconds
 *   freeze    the file system is frozen and thawed, by its own ioctls
 *   attach    create, load and resume "interpose DEVICE linear DEVICE 0"
 *   suspend   suspend and resume
 *   reload    load the same table again and resume
 *   detach    remove
 *   classic   the load closes its file; umount; create, load and resume "linear
 *             DEVICE 0"; mount that; the load opens its file again
 *   declass   the same the other way round
 *
 * With --while there is only "none", and these instead of the others: what each
 * I/O takes while the shell runs COMMAND.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>
#include <x86intrin.h>

#include "../tests/programs/dm.h"

#define THREADS	4
#define BLOCK	4096
#define REGION	(16UL << 20)
#define NAME	"stall"

struct worker {
	pthread_t thread;
	unsigned int number;
	_Atomic uint64_t longest, done;
};

static struct worker workers[THREADS];
static pthread_barrier_t closed, reopen;
static atomic_bool pausing, ending;
static const char *device, *directory;
static char path[4096];
static unsigned long sectors;
static unsigned int rounds = 10, window_ms = 500;
static struct {
	char *name, *command;
} whiles[8];
static unsigned int n_whiles;

/* The guest's own clock may be no finer than its timer's ticks. */
#define now() __rdtsc()

static void check(int r, const char *what)
{
	if (r)
		errx(1, "%s: %s", what, strerror(-r));
}

static int open_path(void)
{
	int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static int close_and_reopen(int fd)
{
	close(fd);
	pthread_barrier_wait(&closed);
	pthread_barrier_wait(&reopen);
	return open_path();
}

static void *work(void *data)
{
	struct worker *w = data;
	uint64_t seed = w->number + 1, i, last = now(), end;
	int fd = open_path();
	off_t offset;
	ssize_t n;
	char *buffer;

	if (posix_memalign((void **)&buffer, BLOCK, BLOCK))
		errx(1, "out of memory");
	memset(buffer, 0x5a, BLOCK);
	for (i = 0; !ending; i++) {
		if (pausing)
			fd = close_and_reopen(fd);
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		offset = w->number * REGION +
			(seed >> 33) % (REGION / BLOCK) * BLOCK;
		n = i & 1 ? pwrite(fd, buffer, BLOCK, offset) :
			    pread(fd, buffer, BLOCK, offset);
		if (n != BLOCK)
			err(1, "%s: at byte %lld", path, (long long)offset);
		end = now();
		if (end - last > w->longest)
			w->longest = end - last;
		last = end;
		w->done++;
	}
	close(fd);
	return NULL;
}

static void attach(const char *type, const char *params)
{
	struct dm_line line = { 0, sectors, type, params };

	check(dm_create(NAME), "create");
	check(dm_load(NAME, &line, 1), "load");
	check(dm_resume(NAME, 0), "resume");
}

static void do_mount(const char *node)
{
	if (mount(node, directory, "ext4", 0, NULL))
		err(1, "mount %s", node);
}

static void do_none(void)
{
}

static void do_freeze(void)
{
	int fd = open(directory, O_RDONLY);

	if (fd < 0 || ioctl(fd, FIFREEZE, 0) || ioctl(fd, FITHAW, 0))
		err(1, "freezing %s", directory);
	close(fd);
}

static void do_attach(void)
{
	char params[256];

	snprintf(params, sizeof(params), "%s linear %s 0", device, device);
	attach("interpose", params);
}

static void do_suspend(void)
{
	check(dm_suspend(NAME, 0), "suspend");
	check(dm_resume(NAME, 0), "resume");
}

static void do_reload(void)
{
	char params[256];
	struct dm_line line = { 0, sectors, "interpose", params };

	snprintf(params, sizeof(params), "%s linear %s 0", device, device);
	check(dm_load(NAME, &line, 1), "load");
	check(dm_resume(NAME, 0), "resume");
}

static void do_detach(void)
{
	check(dm_remove(NAME), "remove");
}

static void pause_load(void)
{
	pausing = true;
	pthread_barrier_wait(&closed);
	if (umount(directory))
		err(1, "umount %s", directory);
}

static void resume_load(void)
{
	pausing = false;
	pthread_barrier_wait(&reopen);
}

static void do_classic(void)
{
	char params[256], node[32];
	unsigned int minor;

	snprintf(params, sizeof(params), "%s 0", device);
	pause_load();
	attach("linear", params);
	check(dm_minor(NAME, &minor), "status");
	snprintf(node, sizeof(node), "/dev/dm-%u", minor);
	do_mount(node);
	resume_load();
}

static void do_declass(void)
{
	pause_load();
	check(dm_remove(NAME), "remove");
	do_mount(device);
	resume_load();
}

#define NONE	0

static const struct operation {
	const char *name;
	void (*run)(void);
	bool mounted;
} operations[] = {
	{ "none", do_none, false },
	{ "freeze", do_freeze, true },
	{ "attach", do_attach, false },
	{ "suspend", do_suspend, false },
	{ "reload", do_reload, false },
	{ "detach", do_detach, false },
	{ "classic", do_classic, true },
	{ "declass", do_declass, true },
};

static uint64_t all_done(void)
{
	uint64_t done = 0;

	for (unsigned int i = 0; i < THREADS; i++)
		done += workers[i].done;
	return done;
}

static void run_command(const char *command)
{
	int status = system(command);

	if (status)
		errx(1, "%s: status %d", command, status);
}

/*
 * From a moment at which each thread is at an I/O to the end of one more. With a
 * command, @wait is 0: what comes after it is not to count.
 */
static void window(const char *name, const struct operation *operation,
		   const char *command, unsigned int wait, unsigned int round)
{
	uint64_t start, end, ios, ticks, longest = 0, done;
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		workers[i].longest = 0;
	ios = all_done();
	start = now();
	if (command)
		run_command(command);
	else
		operation->run();
	end = now();
	usleep(wait * 1000);
	ios = all_done() - ios;
	ticks = now() - start;
	for (i = 0; i < THREADS; i++) {
		done = workers[i].done;
		while (workers[i].done == done)
			usleep(1000);
		if (workers[i].longest > longest)
			longest = workers[i].longest;
	}
	printf("%s %u %lu %lu %lu %lu\n", name, round, longest, end - start, ios,
	       ticks);
	fflush(stdout);
}

static void one_round(unsigned int round)
{
	const struct operation *operation;
	unsigned int i;

	for (i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		operation = &operations[i];
		if ((directory || !operation->mounted) && (!n_whiles || i == NONE))
			window(operation->name, operation, NULL,
			       i == NONE ? window_ms : window_ms / 4, round);
	}
	for (i = 0; i < n_whiles; i++)
		window(whiles[i].name, NULL, whiles[i].command, 0, round);
}

static void prepare(void)
{
	int fd = open(device, O_RDONLY);
	unsigned long bytes;
	char *buffer;
	unsigned int i;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes))
		err(1, "%s", device);
	close(fd);
	sectors = bytes / 512;
	snprintf(path, sizeof(path), "%s", device);
	if (!directory)
		return;
	do_mount(device);
	snprintf(path, sizeof(path), "%s/data", directory);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	buffer = calloc(1, REGION);
	for (i = 0; i < THREADS; i++)
		if (fd < 0 || write(fd, buffer, REGION) != REGION)
			err(1, "%s", path);
	if (fsync(fd))
		err(1, "%s", path);
	close(fd);
	free(buffer);
}

static void add_while(char *name)
{
	char *command = strchr(name, '=');

	if (!command || n_whiles == sizeof(whiles) / sizeof(*whiles))
		errx(2, "--while takes NAME=COMMAND, eight times at most");
	*command = '\0';
	whiles[n_whiles].name = name;
	whiles[n_whiles++].command = command + 1;
}

static void parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "window", required_argument, NULL, 'w' },
		{ "mount", required_argument, NULL, 'm' },
		{ "while", required_argument, NULL, 'W' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'r': rounds = atoi(optarg); break;
		case 'w': window_ms = atoi(optarg); break;
		case 'm': directory = optarg; break;
		case 'W': add_while(optarg); break;
		default: exit(2);
		}
	}
	if (optind + 1 != argc || !rounds || !window_ms)
		errx(2, "one DEVICE, please");
	device = argv[optind];
}

int main(int argc, char **argv)
{
	unsigned int i, round;

	parse(argc, argv);
	check(dm_open(), "/dev/mapper/control");
	prepare();
	pthread_barrier_init(&closed, NULL, THREADS + 1);
	pthread_barrier_init(&reopen, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++) {
		workers[i].number = i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			errx(1, "pthread_create");
	}
	sleep(1);
	for (round = 0; round < rounds; round++)
		one_round(round);
	ending = true;
	for (i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	if (directory && umount(directory))
		err(1, "umount %s", directory);
	return 0;
}
