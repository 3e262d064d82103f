// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

#include "storm.h"

#define PROGRESS	60	/* seconds */

struct storm storm = {
	.seed = 1,
	.switches = 100,
	.patience = 1,
	.blocks = 4096,	/* 16 MiB */
};

static FILE *log_file;
static double started;
static atomic_bool failing;

static const char * const op_names[NR_OPS] = {
	[OP_ATTACH]		= "attach",
	[OP_DETACH]		= "remove",
	[OP_DEFERRED_DETACH]	= "deferred remove",
	[OP_FORCED_DETACH]	= "forced remove",
	[OP_WIPE]		= "wipe",
	[OP_SUSPEND]		= "suspend",
	[OP_RESUME]		= "resume",
	[OP_RELOAD]		= "reload",
	[OP_KILLED]		= "killed in time",
	[OP_KILLED_TOO_LATE]	= "killed too late",
	[OP_RENAME]		= "rename",
	[OP_MESSAGE]		= "message",
	[OP_STATUS]		= "table",
	[OP_SNAPSHOT]		= "snapshot",
	[OP_SNAPSHOT_CHECK]	= "snapshot compared",
	[OP_REFUSED]		= "refused as it must be",
};

static const char usage[] =
"usage: storm [option...] NAME,DEVICE,DIRECTORY,ERA-METADATA,COW,WHOLE-DISK...\n"
"\n"
"Each device is a disk or a partition: mounted on DIRECTORY, or raw if that is\n"
"\"-\". ERA-METADATA and COW are other devices, for this one's inner targets and\n"
"snapshots; WHOLE-DISK is \"-\" for a disk. Where ERA-METADATA is \"-\", nothing\n"
"is interposed, and there is only the load.\n"
"\n"
"  --seed N       the operations follow from it (default 1)\n"
"  --switches N   until so many attaches, detaches, suspends, resumes and\n"
"                 reloads are done (default 100) ...\n"
"  --seconds N    ... and so much time is over (default 0)\n"
"  --while FILE   ... and as long as this file exists\n"
"  --blocks N     of 4 KiB, that each writer has (default 4096)\n"
"  --prefix P     of the names of mapped devices\n"
"  --log FILE     each operation, before it is done\n"
"  --patience N   multiplies time limits\n"
"  --drop-writes  interpose something that loses writes: this must fail\n";

double storm_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

void storm_sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

void storm_log(const struct storm_device *dev, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* one call, and so one line, also with several threads */
	fprintf(log_file, "%.3f %s %u: %s\n", storm_clock() - started,
		dev->name, dev->step, text);
}

static void clear_each_away(void)
{
	unsigned int i;

	for (i = 0; i < storm.nr; i++) {
		dm_clear_away(storm.device[i].snap);
		dm_clear_away(storm.device[i].other);
		dm_clear_away(storm.device[i].dm);
		dm_clear_away(storm.device[i].other_name);
	}
}

static bool operators_rest(void)
{
	unsigned int i;

	for (i = 0; i < storm.nr; i++)
		if (storm.device[i].era_metadata &&
		    !atomic_load(&storm.device[i].rests))
			return false;
	return true;
}

/*
 * So that no writer hangs and the devices can be unmounted. An operator that waits
 * for a writer goes on by this, and one that makes a device just now has ended with
 * that; only one that hangs otherwise is not waited for.
 */
static void clear_all_away(void)
{
	unsigned int tries;

	for (tries = 0; tries < 100 && !operators_rest(); tries++) {
		clear_each_away();
		storm_sleep_ms(100);
	}
	for (tries = 0; tries < 3; tries++)
		clear_each_away();
}

/* Of a thread that makes nothing any more, if it is an operator */
static void note_rest(void)
{
	unsigned int i;

	for (i = 0; i < storm.nr; i++)
		if (storm.device[i].era_metadata &&
		    pthread_equal(storm.device[i].thread, pthread_self()))
			atomic_store(&storm.device[i].rests, true);
}

static void __attribute__((noreturn)) rest(void)
{
	note_rest();
	while (1)
		pause();
}

void storm_goes_on(void)
{
	if (atomic_load(&failing))
		rest();
}

void storm_fail(const struct storm_device *dev, const char *fmt, ...)
{
	va_list args;

	if (atomic_exchange(&failing, true))
		rest();
	printf("storm: FAILED with seed %llu after %lu switches: %s, step %u: ",
	       (unsigned long long)storm.seed, atomic_load(&storm.done),
	       dev->name, dev->step);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(NULL);
	note_rest();
	clear_all_away();
	_exit(1);
}

static void __attribute__((noreturn)) bad_argument(const char *argument)
{
	fprintf(stderr, "storm: %s: %s\n", argument,
		errno ? strerror(errno) : "wrong argument");
	exit(2);
}

static void add_device(char *spec)
{
	struct storm_device *dev = &storm.device[storm.nr];
	const char **field[] = { &dev->name, &dev->path, &dev->mounted_at,
				 &dev->era_metadata, &dev->cow, &dev->whole };
	unsigned long long bytes;
	struct stat st;
	unsigned int i;
	int fd;

	if (storm.nr == NR_DEVICES)
		bad_argument("too many devices");
	for (i = 0; i < 6; i++) {
		*field[i] = strsep(&spec, ",");
		if (!*field[i])
			bad_argument("NAME,DEVICE,DIRECTORY,ERA-METADATA,COW,WHOLE-DISK");
		if (!strcmp(*field[i], "-"))
			*field[i] = NULL;
	}
	fd = open(dev->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) || ioctl(fd, BLKGETSIZE64, &bytes))
		bad_argument(dev->path);
	close(fd);
	dev->sectors = bytes / SECTOR;
	dev->number = storm.nr++;
	pthread_mutex_init(&dev->questions, NULL);
	snprintf(dev->devno, sizeof(dev->devno), "%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	snprintf(dev->dm, sizeof(dev->dm), "%sstorm-%s", storm.prefix,
		 dev->name);
	snprintf(dev->other_name, sizeof(dev->other_name),
		 "%sstorm-%s-renamed", storm.prefix, dev->name);
	snprintf(dev->other, sizeof(dev->other), "%sstorm-%s-other",
		 storm.prefix, dev->name);
	snprintf(dev->snap, sizeof(dev->snap), "%sstorm-%s-snap", storm.prefix,
		 dev->name);
	random_seed(&dev->rnd, storm.seed, dev->number);
}

static void parse_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 'e' },
		{ "switches", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 's' },
		{ "while", required_argument, NULL, 'w' },
		{ "blocks", required_argument, NULL, 'b' },
		{ "prefix", required_argument, NULL, 'p' },
		{ "log", required_argument, NULL, 'l' },
		{ "patience", required_argument, NULL, 't' },
		{ "drop-writes", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	storm.prefix = "";
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'e')
			storm.seed = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			storm.switches = strtoull(optarg, NULL, 0);
		else if (c == 's')
			storm.seconds = strtoul(optarg, NULL, 0);
		else if (c == 'w')
			storm.while_there = optarg;
		else if (c == 'b')
			storm.blocks = strtoul(optarg, NULL, 0);
		else if (c == 'p')
			storm.prefix = optarg;
		else if (c == 'l')
			log_file = fopen(optarg, "w");
		else if (c == 't')
			storm.patience = strtoul(optarg, NULL, 0);
		else if (c == 'd')
			storm.drop = true;
		else
			fputs(usage, c == 'h' ? stdout : stderr),
			exit(c == 'h' ? 0 : 2);
	}
	if (!log_file)
		log_file = fopen("/dev/null", "w");
	setvbuf(log_file, NULL, _IOLBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (; optind < argc; optind++)
		add_device(argv[optind]);
	if (!storm.nr)
		bad_argument("no device");
}

/* Asks, beside the operators, all the time; it may be gone, or not be there yet. */
static void *storm_ask(void *unused)
{
	struct random rnd;
	char text[4096];

	random_seed(&rnd, storm.seed, 2000);
	while (!atomic_load(&storm.operators_stop)) {
		struct storm_device *dev =
			&storm.device[random_below(&rnd, storm.nr)];
		int r;

		storm_sleep_ms(1 + random_below(&rnd, 80));
		if (pthread_mutex_trylock(&dev->questions))
			continue;
		switch (random_below(&rnd, 4)) {
		case 0:
			r = dm_status(dev->dm, DM_NOFLUSH_FLAG, text,
				      sizeof(text));
			break;
		case 1:
			r = dm_status(dev->dm, DM_STATUS_TABLE_FLAG, text,
				      sizeof(text));
			break;
		case 2:
			r = dm_deps(dev->dm);
			break;
		default:
			r = dm_message(dev->dm, 0, "no_such_message");
			break;
		}
		pthread_mutex_unlock(&dev->questions);
		if (r && r != -ENXIO && r != -EINVAL && r != -EAGAIN)
			storm_fail(dev, "a question beside it: %s",
				   strerror(-r));
	}
	return unused;
}

static void start(pthread_t *thread, void *(*run)(void *), void *what)
{
	int r = pthread_create(thread, NULL, run, what);

	if (r) {
		errno = r;
		bad_argument("thread");
	}
}

static void print_load(const char *when)
{
	unsigned long writes = 0, reads = 0, verified = 0;
	unsigned int i;

	for (i = 0; i < storm.nr; i++) {
		writes += atomic_load(&storm.device[i].writes);
		reads += atomic_load(&storm.device[i].reads);
		verified += atomic_load(&storm.device[i].verified);
	}
	printf("storm: %s %.0f s: %lu switches; %lu writes, %lu reads, %lu MiB verified\n",
	       when, storm_clock() - started, atomic_load(&storm.done), writes,
	       reads, verified / (1024 * 1024 / BLOCK));
}

/* How often that way was taken, and all odd places in memory. */
static unsigned long count_io(enum io_way way, unsigned long *odd)
{
	unsigned long sum = 0;
	unsigned int i, n;

	*odd = 0;
	for (i = 0; i < storm.nr; i++)
		for (n = 0; n < NR_WRITERS; n++) {
			const struct storm_writer *w =
				&storm.device[i].writer[n];

			if (!w->direct)
				continue;
			sum += w->io.count[way];
			*odd += w->io.odd;
		}
	return sum;
}

static void print_summary(void)
{
	uint64_t sum;
	unsigned long odd = 0;
	unsigned int i, op, way;

	print_load("all verified after");
	for (i = 0; i < storm.nr; i++) {
		struct storm_device *dev = &storm.device[i];

		printf("storm: %s: %u steps, %lu writes, %lu reads\n",
		       dev->name, dev->step, atomic_load(&dev->writes),
		       atomic_load(&dev->reads));
		if (!atomic_load(&dev->writes) || !atomic_load(&dev->reads))
			storm_fail(dev, "there was no load");
	}
	printf("storm: operations:");
	for (op = 0; op < NR_OPS; op++) {
		for (sum = 0, i = 0; i < storm.nr; i++)
			sum += storm.device[i].count[op];
		printf("%s %llu %s", op ? "," : "", (unsigned long long)sum,
		       op_names[op]);
	}
	printf("\nstorm: ways of direct I/O:");
	for (way = 0; way < NR_IO_WAYS; way++)
		printf("%s %lu %s", way ? "," : "",
		       count_io(way, &odd), io_way_names[way]);
	printf("; memory not aligned to sectors: %lu\n", odd);
	printf("storm: seed %llu: 0 I/O errors, 0 verify errors\n",
	       (unsigned long long)storm.seed);
}

static void run(void)
{
	double progress = PROGRESS;
	pthread_t asker;
	unsigned int i, n;

	for (i = 0; i < storm.nr; i++)
		for (n = 0; n < NR_WRITERS; n++)
			start(&storm.device[i].writer[n].thread, storm_write,
			      &storm.device[i].writer[n]);
	for (i = 0; i < storm.nr; i++)
		if (storm.device[i].era_metadata)
			start(&storm.device[i].thread, storm_operate,
			      &storm.device[i]);
	start(&asker, storm_ask, NULL);

	while (atomic_load(&storm.done) < storm.switches ||
	       storm_clock() - started < storm.seconds ||
	       (storm.while_there && !access(storm.while_there, F_OK))) {
		storm_sleep_ms(50);
		if (storm_clock() - started < progress)
			continue;
		print_load("after");
		progress += PROGRESS;
	}

	atomic_store(&storm.operators_stop, true);
	for (i = 0; i < storm.nr; i++)
		if (storm.device[i].era_metadata)
			pthread_join(storm.device[i].thread, NULL);
	pthread_join(asker, NULL);
	atomic_store(&storm.writers_stop, true);
	for (i = 0; i < storm.nr; i++)
		for (n = 0; n < NR_WRITERS; n++)
			pthread_join(storm.device[i].writer[n].thread, NULL);
	print_load("all detached after");
	for (i = 0; i < storm.nr; i++)
		for (n = 0; n < NR_WRITERS; n++)
			storm_verify_all(&storm.device[i].writer[n]);
}

int main(int argc, char **argv)
{
	unsigned int i, n;
	int r;

	parse_arguments(argc, argv);
	printf("storm: seed %llu\n", (unsigned long long)storm.seed);
	/* its own pages may lie on a file system that is frozen */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	started = storm_clock();
	r = dm_open();
	if (r) {
		errno = -r;
		bad_argument("/dev/mapper/control");
	}
	for (i = 0; i < storm.nr; i++)
		for (n = 0; n < NR_WRITERS; n++)
			storm_writer_init(&storm.device[i], n);
	run();
	print_summary();
	return 0;
}
