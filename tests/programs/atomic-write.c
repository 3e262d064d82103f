// SPDX-License-Identifier: GPL-2.0-only
/*
 * atomic-write FILE BYTES [OFFSET [COUNT]]: COUNT (1) writes of BYTES with RWF_ATOMIC and O_DIRECT,
 * each read back. Prints the error's name and exits with 1 when one fails.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40
#endif

int main(int argc, char **argv)
{
	size_t len = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	off_t at = argc > 3 ? strtoll(argv[3], NULL, 0) : 0;
	unsigned long count = argc > 4 ? strtoul(argv[4], NULL, 0) : 1;
	unsigned char *buf, *back;
	struct iovec iov;
	int fd;

	if (!len || posix_memalign((void **)&buf, 4096, len) ||
	    posix_memalign((void **)&back, 4096, len))
		return 2;
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0) {
		perror(argv[1]);
		return 2;
	}
	iov = (struct iovec){ buf, len };
	for (unsigned long i = 0; i < count; i++) {
		memset(buf, 'a' + i % 26, len);
		if (pwritev2(fd, &iov, 1, at, RWF_ATOMIC) != (ssize_t)len) {
			printf("atomic write %lu of %zu bytes at %lld: %s\n", i, len, (long long)at,
			       strerrorname_np(errno));
			return 1;
		}
		if (pread(fd, back, len, at) != (ssize_t)len || memcmp(buf, back, len)) {
			printf("atomic write %lu of %zu bytes at %lld: read back wrong\n", i, len,
			       (long long)at);
			return 1;
		}
	}
	return 0;
}
