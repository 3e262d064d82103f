// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold-write FILE: has a write to FILE under way, and so keeps its file system from
 * being frozen, until it is ended: it splices from a pipe in which nothing comes.
 * Any user may do that.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fds[2], fd;
	off_t at = 0;

	if (argc != 2)
		errx(2, "usage: hold-write FILE");
	fd = open(argv[1], O_RDWR | O_CREAT, 0644);
	if (fd < 0 || pipe(fds))
		err(1, "%s", argv[1]);
	splice(fds[0], NULL, fd, &at, 4096, 0);
	errx(1, "the splice has ended");
}
