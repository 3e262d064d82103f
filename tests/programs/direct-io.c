// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/fs.h>

#include "direct-io.h"

#define MAX_PIECES	4u

/* The C library's headers do not have these yet. */
#define MASK_DIOALIGN	0x2000u
#define DIO_MEM_ALIGN	152
#define DIO_OFFSET_ALIGN 156

const char * const io_way_names[NR_IO_WAYS] = {
	[IO_PLAIN]		= "plain",
	[IO_VECTOR]		= "vector",
	[IO_AIO]		= "aio",
	[IO_URING]		= "io_uring",
	[IO_URING_FIXED]	= "io_uring, registered",
};

int io_init(struct io *io, size_t size)
{
	struct iovec all;
	int r;

	memset(io, 0, sizeof(*io));
	io->size = size;
	io->memory = mmap(NULL, size + IO_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (io->memory == MAP_FAILED)
		return -errno;
	if (syscall(SYS_io_setup, MAX_PIECES, &io->aio))
		return -errno;
	r = io_uring_queue_init(MAX_PIECES, &io->ring, 0);
	if (r)
		return r;
	all = (struct iovec){ io->memory, size + IO_PAGE };
	return io_uring_register_buffers(&io->ring, &all, 1);
}

unsigned int io_alignment(int fd, unsigned int *block)
{
	unsigned char text[256] = { 0 };
	unsigned int mask, memory;

	*block = 512;
	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, MASK_DIOALIGN, text))
		return 512;
	memcpy(&mask, text, sizeof(mask));
	memcpy(&memory, text + DIO_MEM_ALIGN, sizeof(memory));
	if (!(mask & MASK_DIOALIGN) || !memory)
		return IO_PAGE;	/* btrfs does not say */
	memcpy(block, text + DIO_OFFSET_ALIGN, sizeof(*block));
	return memory;
}

unsigned char *io_place(struct io *io, struct random *rnd, enum io_way way,
			unsigned int alignment)
{
	static const unsigned int places[] = { 4, 12, 508, 1020, 2052, 4092 };
	unsigned int at = places[random_below(rnd, 6)];

	if (way == IO_URING_FIXED && alignment > 1 && alignment < 512)
		alignment = 512;
	if (at % alignment)
		at = random_below(rnd, IO_PAGE / alignment) * alignment;
	if (at % 512)
		io->odd++;
	return io->memory + at;
}

/* Cuts "length" into pieces; returns how many. */
static unsigned int cut(size_t length, unsigned int block, size_t *piece)
{
	size_t blocks = length / block, part;
	unsigned int n;

	if (!blocks || length % block) {
		piece[0] = length;
		return 1;
	}
	for (n = 0; blocks && n < MAX_PIECES - 1; n++) {
		part = (blocks + 1) / 2;
		piece[n] = part * block;
		blocks -= part;
	}
	if (blocks)
		piece[n++] = blocks * block;
	return n;
}

/* A piece that came short makes the sum end there. */
static ssize_t sum_up(const ssize_t *result, const size_t *piece,
		      unsigned int nr)
{
	ssize_t sum = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (result[i] < 0)
			return result[i];
		sum += result[i];
		if ((size_t)result[i] != piece[i])
			break;
	}
	return sum;
}

static ssize_t by_vector(int fd, bool write, unsigned char *data,
			 const size_t *piece, unsigned int nr, off_t at)
{
	struct iovec iov[MAX_PIECES];
	unsigned int i;
	ssize_t r;

	for (i = 0; i < nr; data += piece[i++])
		iov[i] = (struct iovec){ data, piece[i] };
	r = write ? pwritev(fd, iov, nr, at) : preadv(fd, iov, nr, at);
	return r < 0 ? -errno : r;
}

static ssize_t by_aio(struct io *io, int fd, bool write, unsigned char *data,
		      const size_t *piece, unsigned int nr, off_t at)
{
	struct iocb iocb[MAX_PIECES], *list[MAX_PIECES];
	struct io_event event[MAX_PIECES];
	ssize_t result[MAX_PIECES] = { 0 };
	unsigned int i, submitted = 0, done = 0;
	long r;

	memset(iocb, 0, sizeof(iocb));
	for (i = 0; i < nr; i++) {
		list[i] = &iocb[i];
		iocb[i].aio_data = i;
		iocb[i].aio_fildes = fd;
		iocb[i].aio_lio_opcode = write ? IOCB_CMD_PWRITE :
						 IOCB_CMD_PREAD;
		iocb[i].aio_buf = (unsigned long)data;
		iocb[i].aio_nbytes = piece[i];
		iocb[i].aio_offset = at;
		data += piece[i];
		at += piece[i];
	}
	while (submitted < nr) {
		r = syscall(SYS_io_submit, io->aio, nr - submitted,
			    list + submitted);
		if (r < 0 && errno != EAGAIN && errno != EINTR) {
			result[submitted++] = -errno;
			break;
		}
		submitted += r > 0 ? r : 0;
	}
	/* the one that was refused has no event */
	for (i = 0; i < submitted; i++)
		done += result[i] < 0;
	while (done < submitted) {
		r = syscall(SYS_io_getevents, io->aio, 1, MAX_PIECES, event,
			    NULL);
		if (r < 0 && errno != EINTR)
			return -errno;
		for (i = 0; r > 0 && i < r; i++)
			result[event[i].data] = event[i].res;
		done += r > 0 ? r : 0;
	}
	return sum_up(result, piece, nr);
}

static ssize_t by_uring(struct io *io, bool fixed, int fd, bool write,
			unsigned char *data, const size_t *piece,
			unsigned int nr, off_t at)
{
	ssize_t result[MAX_PIECES] = { 0 };
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	unsigned int i;
	int r;

	for (i = 0; i < nr; i++) {
		sqe = io_uring_get_sqe(&io->ring);
		if (fixed && write)
			io_uring_prep_write_fixed(sqe, fd, data, piece[i], at,
						  0);
		else if (fixed)
			io_uring_prep_read_fixed(sqe, fd, data, piece[i], at,
						 0);
		else if (write)
			io_uring_prep_write(sqe, fd, data, piece[i], at);
		else
			io_uring_prep_read(sqe, fd, data, piece[i], at);
		sqe->user_data = i;
		data += piece[i];
		at += piece[i];
	}
	r = io_uring_submit_and_wait(&io->ring, nr);
	if (r < 0 && r != -EINTR)
		return r;
	for (i = 0; i < nr; i++) {
		do {
			r = io_uring_wait_cqe(&io->ring, &cqe);
		} while (r == -EINTR);
		if (r)
			return r;
		result[cqe->user_data] = cqe->res;
		io_uring_cqe_seen(&io->ring, cqe);
	}
	return sum_up(result, piece, nr);
}

ssize_t io_transfer(struct io *io, enum io_way way, int fd, bool write,
		    unsigned char *data, size_t length, off_t at,
		    unsigned int block)
{
	size_t piece[MAX_PIECES];
	unsigned int nr = cut(length, block, piece);
	ssize_t r;

	io->count[way]++;
	switch (way) {
	case IO_VECTOR:
		return by_vector(fd, write, data, piece, nr, at);
	case IO_AIO:
		return by_aio(io, fd, write, data, piece, nr, at);
	case IO_URING:
	case IO_URING_FIXED:
		return by_uring(io, way == IO_URING_FIXED, fd, write, data,
				piece, nr, at);
	default:
		r = write ? pwrite(fd, data, length, at) :
			    pread(fd, data, length, at);
		return r < 0 ? -errno : r;
	}
}
