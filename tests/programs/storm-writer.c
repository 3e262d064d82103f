// SPDX-License-Identifier: GPL-2.0-only
/*
 * The load: each writer has a file, or a part of a raw device, of its own, and
 * remembers of every block how often it was written. What a block holds follows
 * from that number, so that a lost, a stale and a misplaced write all show.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#include "storm.h"

#define WRITER_MAX_RUN	16u	/* blocks at once */
#define CHURN_FILES	8u

struct block_header {
	uint64_t seed;
	uint32_t device;
	uint32_t writer;
	uint32_t block;
	uint32_t generation;
};

static void block_fill(const struct storm_writer *w, unsigned char *data,
		       uint32_t block)
{
	struct block_header head = {
		.seed = storm.seed,
		.device = w->dev->number,
		.writer = w->number,
		.block = block,
		.generation = w->generation[block],
	};
	uint64_t *word = (uint64_t *)data;
	uint64_t key;
	unsigned int i;

	if (!head.generation) {
		memset(data, 0, BLOCK);
		return;
	}
	key = random_mix(((uint64_t)block << 32) + head.generation) ^
	      random_mix(storm.seed + w->number + head.device * NR_WRITERS);
	for (i = 0; i < BLOCK / sizeof(*word); i++)
		word[i] = key += 0x9e3779b97f4a7c15ull;
	memcpy(data, &head, sizeof(head));
}

static void block_mismatch(const struct storm_writer *w, uint32_t block,
			   const unsigned char *got)
{
	struct block_header head;
	unsigned int i = 0;

	memcpy(&head, got, sizeof(head));
	while (got[i] == w->expected[i])
		i++;
	storm_fail(w->dev,
		   "VERIFY ERROR in %s, block %u (at %llu), byte %u: wanted generation %u; found seed %llu, device %u, writer %u, block %u, generation %u",
		   w->path, block,
		   (unsigned long long)(w->offset + (uint64_t)block * BLOCK), i,
		   w->generation[block], (unsigned long long)head.seed,
		   head.device, head.writer, head.block, head.generation);
}

static void writer_error(const struct storm_writer *w, const char *what,
			 uint32_t block, long done)
{
	storm_fail(w->dev, "I/O ERROR in %s, block %u: %s (%s, memory %zu): %s",
		   w->path, block, what, io_way_names[w->way],
		   (size_t)(w->buffer - w->io.memory),
		   done < 0 ? strerror(errno) : "came short");
}

/*
 * Direct I/O goes any way there is, to and from memory that is aligned only as
 * the file demands. What is to go with flags goes by pwritev2().
 *
 * REQ_NOWAIT may be refused at any moment, and is then done as ordinary I/O.
 */
static long writer_pwrite(struct storm_writer *w, size_t length, off_t at,
			  int flags)
{
	struct iovec iov = { w->buffer, length };
	long done;

	if (!flags) {
		done = io_transfer(&w->io, w->way, w->fd, true, w->buffer,
				   length, at, w->unit);
		errno = done < 0 ? -done : 0;
		return done;
	}
	done = pwritev2(w->fd, &iov, 1, at, flags);
	if ((flags & RWF_NOWAIT) &&
	    ((done < 0 && errno == EAGAIN) ||
	     (done >= 0 && done < (long)length)))
		done = pwritev2(w->fd, &iov, 1, at, flags & ~RWF_NOWAIT);
	return done;
}

/* Takes another way, and another place in memory, each time. */
static void writer_choose(struct storm_writer *w, int flags)
{
	w->way = w->direct && !flags ? random_below(&w->rnd, NR_IO_WAYS) :
				       IO_PLAIN;
	w->buffer = io_place(&w->io, &w->rnd, w->way, w->alignment);
}

static void writer_put(struct storm_writer *w, uint32_t block, uint32_t run)
{
	size_t length = (size_t)run * BLOCK;
	int flags = 0;
	long done;
	uint32_t i;

	if (random_chance(&w->rnd, 8))
		flags |= RWF_DSYNC;
	if (w->direct && random_chance(&w->rnd, 8))
		flags |= RWF_NOWAIT;
	writer_choose(w, flags);
	for (i = 0; i < run; i++) {
		w->generation[block + i] = ++w->last;
		block_fill(w, w->buffer + (size_t)i * BLOCK, block + i);
	}
	done = writer_pwrite(w, length, w->offset + (uint64_t)block * BLOCK,
			     flags);
	if (done != (long)length)
		writer_error(w, "write", block, done);
	atomic_fetch_add(&w->dev->writes, 1);
}

static void writer_put_all(struct storm_writer *w)
{
	uint32_t block, run;

	for (block = 0; block < w->blocks; block += run) {
		run = w->blocks - block;
		if (run > WRITER_MAX_RUN)
			run = WRITER_MAX_RUN;
		writer_put(w, block, run);
	}
}

static void writer_get(struct storm_writer *w, uint32_t block, uint32_t run)
{
	size_t length = (size_t)run * BLOCK;
	long done;
	uint32_t i;

	writer_choose(w, 0);
	done = io_transfer(&w->io, w->way, w->fd, false, w->buffer, length,
			   w->offset + (uint64_t)block * BLOCK, w->unit);
	errno = done < 0 ? -done : 0;
	if (done != (long)length)
		writer_error(w, "read", block, done);
	for (i = 0; i < run; i++) {
		unsigned char *got = w->buffer + (size_t)i * BLOCK;

		block_fill(w, w->expected, block + i);
		if (memcmp(got, w->expected, BLOCK))
			block_mismatch(w, block + i, got);
	}
	atomic_fetch_add(&w->dev->reads, 1);
	atomic_fetch_add(&w->dev->verified, run);
}

/* Zeroes without data: a hole, or the device's own way. */
static void writer_zero(struct storm_writer *w, uint32_t block, uint32_t run)
{
	uint64_t range[2] = { w->offset + (uint64_t)block * BLOCK,
			      (uint64_t)run * BLOCK };
	uint32_t i;
	int r;

	if (w->raw)
		r = ioctl(w->fd, BLKZEROOUT, range);
	else
		r = fallocate(w->fd,
			      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      range[0], range[1]);
	if (r)
		writer_error(w, w->raw ? "zeroout" : "punch hole", block, r);
	for (i = 0; i < run; i++)
		w->generation[block + i] = 0;
}

static void writer_sync(struct storm_writer *w)
{
	int r = random_chance(&w->rnd, 2) ? fsync(w->fd) : fdatasync(w->fd);

	if (r)
		writer_error(w, "sync", 0, r);
	/* so that reads come from the device */
	if (!w->direct)
		posix_fadvise(w->fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* Files come, are renamed and go: journal commits, and discards. */
static void writer_churn(struct storm_writer *w)
{
	unsigned int n = w->files++ % CHURN_FILES;
	char name[320], renamed[320];
	int fd;

	snprintf(name, sizeof(name), "%s.new", w->path);
	snprintf(renamed, sizeof(renamed), "%s.%u", w->path, n);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		writer_error(w, "create", n, -1);
	if (write(fd, w->buffer, BLOCK) != BLOCK)
		writer_error(w, "write of a new file", n, -1);
	if (random_chance(&w->rnd, 2) && fsync(fd))
		writer_error(w, "fsync of a new file", n, -1);
	close(fd);
	if (rename(name, renamed))
		writer_error(w, "rename", n, -1);
}

static void writer_step(struct storm_writer *w)
{
	uint32_t run = 1 + random_below(&w->rnd, WRITER_MAX_RUN);
	uint32_t block = random_below(&w->rnd, w->blocks - run + 1);
	unsigned int what = random_below(&w->rnd, 100);

	if (what < 50)
		writer_put(w, block, run);
	else if (what < 85)
		writer_get(w, block, run);
	else if (what < 90)
		writer_zero(w, block, run);
	else if (what < 96 || w->raw)
		writer_sync(w);
	else
		writer_churn(w);
}

void *storm_write(void *writer)
{
	struct storm_writer *w = writer;

	/* the operators share the processors with the load */
	setpriority(PRIO_PROCESS, syscall(SYS_gettid), 19);
	/* what crypt shows of a disk full of zeroes are none */
	if (w->raw && !w->dev->era_metadata)
		writer_put_all(w);
	while (!atomic_load(&storm.writers_stop))
		writer_step(w);
	return NULL;
}

/* Everything that was ever written, from the device. */
void storm_verify_all(struct storm_writer *w)
{
	uint32_t block;
	int r = fsync(w->fd);

	if (r)
		writer_error(w, "sync", 0, r);
	posix_fadvise(w->fd, 0, 0, POSIX_FADV_DONTNEED);
	for (block = 0; block < w->blocks; block += WRITER_MAX_RUN)
		writer_get(w, block, WRITER_MAX_RUN);
}

void storm_writer_init(struct storm_device *dev, unsigned int number)
{
	struct storm_writer *w = &dev->writer[number];
	int flags = O_RDWR | O_CLOEXEC, r;

	w->dev = dev;
	w->number = number;
	w->raw = !dev->mounted_at;
	w->direct = w->raw || !number;
	w->blocks = storm.blocks;
	w->unit = SECTOR;
	random_seed(&w->rnd, storm.seed,
		    1000 + dev->number * NR_WRITERS + number);
	w->generation = calloc(w->blocks, sizeof(*w->generation));
	w->expected = malloc(BLOCK);
	if (!w->generation || !w->expected)
		storm_fail(dev, "no memory");
	r = io_init(&w->io, WRITER_MAX_RUN * BLOCK);
	if (r)
		storm_fail(dev, "no io_uring or AIO: %s", strerror(-r));

	if (w->direct)
		flags |= O_DIRECT;
	if (w->raw) {
		snprintf(w->path, sizeof(w->path), "%s", dev->path);
		w->offset = (uint64_t)number * w->blocks * BLOCK;
	} else {
		snprintf(w->path, sizeof(w->path), "%s/storm-%u",
			 dev->mounted_at, number);
		flags |= O_CREAT | O_TRUNC;
	}
	w->fd = open(w->path, flags, 0600);
	if (w->fd < 0 ||
	    (!w->raw && ftruncate(w->fd, (off_t)w->blocks * BLOCK)))
		writer_error(w, "open", 0, -1);
	w->alignment = w->direct ? io_alignment(w->fd, &w->unit) : 1;
	w->buffer = w->io.memory;
}
