// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the numbers of the blocks in which two devices differ:
 *
 *	differing-blocks DEVICE DEVICE BLOCK-SIZE BLOCKS
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <linux/fs.h>

/* What is in the page cache may be older than what was written past it. */
static int open_fresh(const char *name)
{
	int fd = open(name, O_RDONLY);

	if (fd < 0 || ioctl(fd, BLKFLSBUF))
		err(1, "%s", name);
	return fd;
}

static void read_block(int fd, void *block, size_t size, long number)
{
	if (pread(fd, block, size, (off_t)number * size) != (ssize_t)size)
		err(1, "block %ld", number);
}

int main(int argc, char **argv)
{
	char *blocks[2];
	int fds[2], i;
	size_t size;
	long n;

	if (argc != 5)
		errx(2, "usage: differing-blocks DEVICE DEVICE BLOCK-SIZE BLOCKS");
	size = strtoul(argv[3], NULL, 10);
	for (i = 0; i < 2; i++) {
		fds[i] = open_fresh(argv[1 + i]);
		blocks[i] = malloc(size);
		if (!blocks[i])
			err(1, "%zu bytes", size);
	}
	for (n = 0; n < strtol(argv[4], NULL, 10); n++) {
		for (i = 0; i < 2; i++)
			read_block(fds[i], blocks[i], size, n);
		if (memcmp(blocks[0], blocks[1], size))
			printf("%ld\n", n);
	}
	return 0;
}
