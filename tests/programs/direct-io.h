/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One transfer between memory and a file, made in one of the ways that the
 * kernel offers, from memory that is only aligned as far as the file demands:
 * for a file or a device on NVMe and SCSI that is four bytes.
 */
#ifndef DM_INTERPOSE_TEST_DIRECT_IO_H
#define DM_INTERPOSE_TEST_DIRECT_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/aio_abi.h>
#include <liburing.h>

#include "random.h"

#define IO_PAGE		4096

enum io_way {
	IO_PLAIN,	/* pread(), pwrite() */
	IO_VECTOR,	/* several pieces at once */
	IO_AIO,		/* io_submit(), several at a time */
	IO_URING,	/* the same by io_uring */
	IO_URING_FIXED,	/* ... in a buffer that is registered */
	NR_IO_WAYS
};

extern const char * const io_way_names[NR_IO_WAYS];

struct io {
	unsigned char *memory;	/* of "size" bytes, and a page more */
	size_t size;
	aio_context_t aio;
	struct io_uring ring;
	unsigned long count[NR_IO_WAYS];
	unsigned long odd;	/* from memory that is not aligned to sectors */
};

/* Returns 0 or -errno. */
int io_init(struct io *io, size_t size);

/*
 * How the memory for direct I/O on fd must be aligned, and in *block its
 * position and length.
 */
unsigned int io_alignment(int fd, unsigned int *block);

/*
 * A place in the memory, aligned to "alignment" and mostly to nothing more. Of
 * a registered buffer the kernel wants whole sectors of each page.
 */
unsigned char *io_place(struct io *io, struct random *rnd, enum io_way way,
			unsigned int alignment);

/*
 * io_transfer - read or write "length" bytes, which begin at "data" in io's
 * memory, in pieces of multiples of "block"
 *
 * Returns how much was transferred, or -errno.
 */
ssize_t io_transfer(struct io *io, enum io_way way, int fd, bool write,
		    unsigned char *data, size_t length, off_t at,
		    unsigned int block);

#endif
