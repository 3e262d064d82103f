// SPDX-License-Identifier: GPL-2.0-only
/*
 * changing-pages FILE ROUNDS: pages change while they are written
 *
 * One thread writes on a shared mapping of FILE all the time, another one has it written back, and
 * the third reads it with O_DIRECT, ROUNDS times a page. A read that fails is counted: what was
 * written must have a checksum of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 64
#define PAGE 4096
#define SIZE (PAGES * PAGE)

static atomic_bool stop;
static volatile unsigned int *map;
static int fd;
static unsigned long written;

static void *scribble(void *unused)
{
	unsigned int n = 0;

	while (!atomic_load(&stop))
		for (unsigned int i = 0; i < SIZE / sizeof(*map); i += 16)
			map[i] = n++;
	return unused;
}

static void *write_back(void *unused)
{
	while (!atomic_load(&stop)) {
		sync_file_range(fd, 0, SIZE, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_BEFORE |
				SYNC_FILE_RANGE_WAIT_AFTER);
		written++;
	}
	return unused;
}

int main(int argc, char **argv)
{
	unsigned long rounds, failed = 0;
	pthread_t threads[2];
	int direct, error = 0;
	unsigned char *buf;

	if (argc != 3 || posix_memalign((void **)&buf, PAGE, PAGE))
		return 2;
	rounds = strtoul(argv[2], NULL, 10);
	memset(buf, 1, PAGE);
	fd = open(argv[1], O_RDWR | O_CREAT, 0644);
	for (int i = 0; i < PAGES; i++)
		if (pwrite(fd, buf, PAGE, i * PAGE) != PAGE)
			return 2;
	fsync(fd);
	direct = open(argv[1], O_RDONLY | O_DIRECT);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (direct < 0 || map == MAP_FAILED) {
		perror(argv[1]);
		return 2;
	}
	pthread_create(&threads[0], NULL, scribble, NULL);
	pthread_create(&threads[1], NULL, write_back, NULL);
	for (unsigned long i = 0; i < rounds || written < rounds / 8; i++)
		if (pread(direct, buf, PAGE, i * 7 % PAGES * PAGE) != PAGE) {
			error = errno;
			failed++;
		}
	atomic_store(&stop, true);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	printf("changing-pages: written back %lu times, %lu reads failed (%s)\n", written, failed,
	       failed ? strerror(error) : "-");
	return failed != 0;
}
