// SPDX-License-Identifier: GPL-2.0-only
/*
 * unaligned FILE MIB [STEP [EVERY]]: direct I/O whose memory is aligned to STEP (4) bytes only
 *
 * Writes and reads the first MIB of FILE (which exists) in every way of the table below, with
 * buffers at various offsets in a page, and compares. The way in which something was written is
 * never the only one in which it is read. A buffer has a guard on both sides, which must not
 * change. Of all the cases only each EVERYth is tried.
 *
 * Exit status: 0 when all was right, 1 when something was not, 3 when the device does not take such
 * memory at all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/aio_abi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096
#define LONGEST (262144 + 4096)
#define GUARD 0xa5
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static int fd;
static unsigned int step = 4;
static unsigned char *area, *check;
static struct io_uring ring;
static aio_context_t aio;
static unsigned long transfers, wrong;

typedef ssize_t (*way_fn)(bool write, unsigned char *buf, size_t len, off_t at);

static ssize_t plain(bool write, unsigned char *buf, size_t len, off_t at)
{
	ssize_t n = write ? pwrite(fd, buf, len, at) : pread(fd, buf, len, at);

	return n < 0 ? -errno : n;
}

/* In pieces of one sector and of two, each of which may lie in two pages. */
static ssize_t vectors(bool write, unsigned char *buf, size_t len, off_t at)
{
	struct iovec iov[1024];
	unsigned int n = 0;
	size_t done = 0;
	ssize_t ret;

	while (done < len) {
		size_t piece = n % 2 ? 512 : 1024;

		if (n == 1023 || len - done < piece)
			piece = len - done;
		iov[n++] = (struct iovec){ buf + done, piece };
		done += piece;
	}
	ret = write ? pwritev(fd, iov, n, at) : preadv(fd, iov, n, at);
	return ret < 0 ? -errno : ret;
}

static ssize_t aio_one(bool write, unsigned char *buf, size_t len, off_t at)
{
	struct iocb cb = {
		.aio_lio_opcode = write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
		.aio_fildes = fd,
		.aio_buf = (unsigned long)buf,
		.aio_nbytes = len,
		.aio_offset = at,
	}, *cbs = &cb;
	struct io_event event;

	if (syscall(SYS_io_submit, aio, 1, &cbs) != 1)
		return -errno;
	if (syscall(SYS_io_getevents, aio, 1, 1, &event, NULL) != 1)
		return -errno;
	return event.res;
}

static ssize_t uring_wait(void)
{
	struct io_uring_cqe *cqe;
	ssize_t ret;

	io_uring_submit(&ring);
	ret = io_uring_wait_cqe(&ring, &cqe);
	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return ret;
}

static ssize_t uring(bool write, unsigned char *buf, size_t len, off_t at)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (write)
		io_uring_prep_write(sqe, fd, buf, len, at);
	else
		io_uring_prep_read(sqe, fd, buf, len, at);
	return uring_wait();
}

/* The kernel takes no segments but sectors, and a page is one. */
static bool registered_may(unsigned int offset, size_t len)
{
	return offset + len <= PAGE;
}

static ssize_t registered(bool write, unsigned char *buf, size_t len, off_t at)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (write)
		io_uring_prep_write_fixed(sqe, fd, buf, len, at, 0);
	else
		io_uring_prep_read_fixed(sqe, fd, buf, len, at, 0);
	return uring_wait();
}

static const struct way {
	const char *name;
	way_fn go;
} ways[] = {
	{ "pread and pwrite", plain },
	{ "preadv and pwritev", vectors },
	{ "AIO", aio_one },
	{ "io_uring", uring },
	{ "io_uring with registered memory", registered },
};

/* To the end, as one that is interrupted by the end of a bio would be. */
static ssize_t all_of(way_fn go, bool write, unsigned char *buf, size_t len, off_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = go(write, buf + done, len - done, at + done);

		if (n <= 0)
			return n ? n : -EIO;
		done += n;
	}
	return done;
}

static void complain(const char *what, const char *way, unsigned int offset, size_t len, off_t at,
		     ssize_t ret)
{
	wrong++;
	printf("unaligned: %s: %s of %zu bytes at %lld, memory at %u in a page: %s\n", way, what,
	       len, (long long)at, offset, ret < 0 ? strerror(-ret) : "wrong data");
}

static bool guarded(const unsigned char *buf, size_t len)
{
	for (unsigned int i = 1; i <= PAGE - 1; i++)
		if (buf[-(int)i] != GUARD || buf[len + i - 1] != GUARD)
			return false;
	return true;
}

static void fill(unsigned char *buf, size_t len)
{
	static unsigned int seed = 1;

	memset(buf - PAGE, GUARD, len + 2 * PAGE);
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245 + 12345;
		buf[i] = seed >> 16;
	}
}

static void one(const struct way *writer, const struct way *reader, unsigned int offset,
		size_t len, off_t at)
{
	unsigned char *buf = area + PAGE + offset;
	ssize_t ret;

	transfers++;
	fill(buf, len);
	memcpy(check, buf, len);
	ret = all_of(writer->go, true, buf, len, at);
	if (ret < 0) {
		complain("write", writer->name, offset, len, at, ret);
		return;
	}
	if (memcmp(check, buf, len))
		complain("write changed its memory", writer->name, offset, len, at, 0);

	memset(buf - PAGE, GUARD, len + 2 * PAGE);
	ret = all_of(reader->go, false, buf, len, at);
	if (ret < 0)
		complain("read", reader->name, offset, len, at, ret);
	else if (memcmp(check, buf, len))
		complain("read", reader->name, offset, len, at, 0);
	else if (!guarded(buf, len))
		complain("read changed the memory beside", reader->name, offset, len, at, 0);

	memset(area + PAGE, GUARD, len);
	ret = plain(false, area + PAGE, len, at);
	if (ret != (ssize_t)len)
		complain("aligned read", writer->name, offset, len, at, ret < 0 ? ret : -EIO);
	else if (memcmp(check, area + PAGE, len))
		complain("write", writer->name, offset, len, at, 0);
}

int main(int argc, char **argv)
{
	static const unsigned int offsets[] = { 4, 508, 2052, 4092 };
	static const size_t lengths[] = { 512, 1024, 8192, 65536 + 512, LONGEST };
	struct iovec all;
	unsigned int every = argc > 4 ? atoi(argv[4]) : 1, n = 0;
	size_t size;
	off_t at = 0;

	if (argc < 3)
		return 2;
	if (argc > 3)
		step = atoi(argv[3]);
	size = strtoul(argv[2], NULL, 10) << 20;
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0 || posix_memalign((void **)&area, PAGE, LONGEST + 4 * PAGE) ||
	    posix_memalign((void **)&check, PAGE, LONGEST) || io_uring_queue_init(4, &ring, 0) ||
	    syscall(SYS_io_setup, 4, &aio)) {
		perror(argv[1]);
		return 2;
	}
	all = (struct iovec){ area, LONGEST + 4 * PAGE };
	memset(area, GUARD, all.iov_len);
	if (io_uring_register_buffers(&ring, &all, 1)) {
		perror("io_uring_register_buffers");
		return 2;
	}

	if (plain(false, area + step, 512, 0) == -EINVAL) {
		printf("unaligned: %s does not take memory aligned to %u bytes\n", argv[1], step);
		return 3;
	}
	for (unsigned int w = 0; w < ARRAY_SIZE(ways); w++)
		for (unsigned int o = 0; o < ARRAY_SIZE(offsets); o++)
			for (unsigned int l = 0; l < ARRAY_SIZE(lengths); l++) {
				const struct way *writer = &ways[w];
				const struct way *reader = &ways[(w + o + l) % ARRAY_SIZE(ways)];

				if (offsets[o] % step || n++ % every)
					continue;
				if (!registered_may(offsets[o], lengths[l])) {
					writer = writer->go == registered ? &ways[3] : writer;
					reader = reader->go == registered ? &ways[2] : reader;
				}
				if (at + lengths[l] > size)
					at = (w + o) % 8 * 512;
				one(writer, reader, offsets[o], lengths[l], at);
				at += lengths[l];
			}
	printf("unaligned: %lu transfers, %lu wrong\n", transfers, wrong);
	return wrong != 0;
}
