// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on one file, in every way a file can be read and written,
 * beside a model of it in memory: what is read must be what the model has.
 *
 *	file-model [option...] FILE
 *
 *  --size N	the file is never longer (default 1 MiB)
 *  ...		see model.h
 *
 * Ends with status 0 when all was right, and each operation that the file
 * system has was done, if there were a thousand; with 1 and a message when not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#include "direct-io.h"
#include "model.h"

#define MAX_LENGTH	(64u * 1024)

enum op {
	OP_WRITE, OP_READ, OP_DIRECT_WRITE, OP_DIRECT_READ, OP_MAP_WRITE,
	OP_MAP_READ, OP_TRUNCATE, OP_ALLOCATE, OP_PUNCH, OP_ZERO, OP_COLLAPSE,
	OP_INSERT, OP_COPY, OP_CLONE, OP_SYNC, OP_REOPEN, OP_DROP, NR_OPS
};

static const struct model_op ops[NR_OPS] = {
	[OP_WRITE]		= { "write", 10, false },
	[OP_READ]		= { "read", 10, false },
	[OP_DIRECT_WRITE]	= { "direct write", 20, false },
	[OP_DIRECT_READ]	= { "direct read", 20, false },
	[OP_MAP_WRITE]		= { "write by mapping", 8, false },
	[OP_MAP_READ]		= { "read by mapping", 6, false },
	[OP_TRUNCATE]		= { "truncate", 5, false },
	[OP_ALLOCATE]		= { "allocate", 5, false },
	[OP_PUNCH]		= { "punch hole", 5, false },
	[OP_ZERO]		= { "zero range", 4, true },
	[OP_COLLAPSE]		= { "collapse range", 2, true },
	[OP_INSERT]		= { "insert range", 2, true },
	[OP_COPY]		= { "copy range", 5, false },
	[OP_CLONE]		= { "clone range", 3, true },
	[OP_SYNC]		= { "sync", 3, false },
	[OP_REOPEN]		= { "reopen", 1, false },
	[OP_DROP]		= { "drop the cache", 3, false },
};

static struct {
	size_t max;
	struct io io;
	int fd, direct;
	unsigned int alignment, unit, block;
	unsigned char *model;
	size_t size;
} m = { .max = 1024 * 1024 };

/* Anything within the file's greatest size, in multiples of "unit". */
static void range(size_t limit, unsigned int unit, size_t *at, size_t *length)
{
	size_t units = limit / unit, most = MAX_LENGTH / unit;

	*at = *length = 0;
	if (!units)
		return;
	*at = random_below(&model.rnd, units) * unit;
	most = most < units - *at / unit ? most : units - *at / unit;
	*length = (1 + random_below(&model.rnd, most)) * unit;
}

static void fill(unsigned char *data, size_t length)
{
	size_t i;
	uint64_t word = 0;

	for (i = 0; i < length; i++, word >>= 8) {
		if (i % 8 == 0)
			word = random_next(&model.rnd);
		data[i] = word;
	}
}

/* What is written beyond the end makes the file longer. */
static void model_write(size_t at, const unsigned char *data, size_t length)
{
	memcpy(m.model + at, data, length);
	if (at + length > m.size)
		m.size = at + length;
}

static void compare(const unsigned char *got, size_t at, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (got[i] != m.model[at + i])
			failed("byte %zu is 0x%02x, wanted 0x%02x", at + i,
			       got[i], m.model[at + i]);
}

static void expect_all(ssize_t done, size_t length)
{
	if (done < 0)
		failed("%s", strerror(-done));
	if ((size_t)done != length)
		failed("%zd of %zu bytes", done, length);
}

/* What there is to be read. */
static size_t there(size_t at, size_t length)
{
	if (at >= m.size)
		return 0;
	return length < m.size - at ? length : m.size - at;
}

static void transfer(bool write, bool direct)
{
	enum io_way way = random_below(&model.rnd, NR_IO_WAYS);
	unsigned char *data = io_place(&m.io, &model.rnd, way,
				       direct ? m.alignment : 1);
	size_t at, length;

	range(m.max, direct ? m.unit : 1, &at, &length);
	doing("%s%s by %s at %zu, %zu bytes, memory %zu",
	      direct ? "direct " : "", write ? "write" : "read",
	      io_way_names[way], at, length, (size_t)(data - m.io.memory));
	if (write)
		fill(data, length);
	else
		memset(data, 0xa5, length);
	expect_all(io_transfer(&m.io, way, direct ? m.direct : m.fd, write,
			       data, length, at, m.unit),
		   write ? length : there(at, length));
	if (write)
		model_write(at, data, length);
	else
		compare(data, at, there(at, length));
}

static void map(bool write)
{
	size_t at, length, start;
	unsigned char *p;

	range(m.size, 1, &at, &length);
	doing("%s by mapping at %zu, %zu bytes", write ? "write" : "read", at,
	      length);
	if (!length)
		return;
	start = at & ~(size_t)(IO_PAGE - 1);
	p = mmap(NULL, at + length - start, PROT_READ | PROT_WRITE, MAP_SHARED,
		 m.fd, start);
	if (p == MAP_FAILED)
		failed("%s", strerror(errno));
	if (write) {
		fill(p + at - start, length);
		model_write(at, p + at - start, length);
		if (random_chance(&model.rnd, 3) &&
		    msync(p, at + length - start, MS_SYNC))
			failed("msync: %s", strerror(errno));
	} else {
		compare(p + at - start, at, length);
	}
	munmap(p, at + length - start);
}

static void change_size(void)
{
	size_t size = random_below(&model.rnd, m.max);

	doing("truncate to %zu", size);
	if (ftruncate(m.fd, size))
		failed("%s", strerror(errno));
	if (size < m.size)
		memset(m.model + size, 0, m.size - size);
	m.size = size;
}

/* Returns false if the file system does not have that. */
static bool allocated(int mode, size_t at, size_t length)
{
	if (!fallocate(m.fd, mode, at, length))
		return true;
	if (errno != EOPNOTSUPP)
		failed("%s", strerror(errno));
	return false;
}

static bool do_allocate(void)
{
	int mode = random_chance(&model.rnd, 2) ? FALLOC_FL_KEEP_SIZE : 0;
	size_t at, length;

	range(m.max, 1, &at, &length);
	doing("allocate%s at %zu, %zu bytes", mode ? " without the size" : "",
	      at, length);
	if (!allocated(mode, at, length))
		return false;
	if (!mode && at + length > m.size)
		m.size = at + length;
	return true;
}

static bool zero(int mode, const char *what)
{
	size_t at, length;

	range(m.max, 1, &at, &length);
	doing("%s at %zu, %zu bytes", what, at, length);
	if (!allocated(mode, at, length))
		return false;
	memset(m.model + at, 0, length);
	if (!(mode & FALLOC_FL_KEEP_SIZE) && at + length > m.size)
		m.size = at + length;
	return true;
}

/* The range must end before the file does. */
static bool do_collapse(void)
{
	size_t at, length;

	range(m.size ? m.size - 1 : 0, m.block, &at, &length);
	doing("collapse range at %zu, %zu bytes", at, length);
	if (!length)
		return true;
	if (!allocated(FALLOC_FL_COLLAPSE_RANGE, at, length))
		return false;
	memmove(m.model + at, m.model + at + length, m.size - at - length);
	m.size -= length;
	memset(m.model + m.size, 0, length);
	return true;
}

static bool do_insert(void)
{
	size_t at, length, unused;

	range(m.size ? m.size - 1 : 0, m.block, &at, &unused);
	range(m.max - m.size, m.block, &unused, &length);
	doing("insert range at %zu, %zu bytes", at, length);
	if (!length || !m.size)
		return true;
	if (!allocated(FALLOC_FL_INSERT_RANGE, at, length))
		return false;
	memmove(m.model + at + length, m.model + at, m.size - at);
	memset(m.model + at, 0, length);
	m.size += length;
	return true;
}

static void do_copy(void)
{
	size_t from, to, length, done = 0;
	ssize_t r;

	range(m.size, 1, &from, &length);
	to = random_below(&model.rnd, m.max - length + 1);
	if (to + length > from && from + length > to)
		length = to > from ? to - from : from - to;
	doing("copy range from %zu to %zu, %zu bytes", from, to, length);
	while (done < length) {
		off_t in = from + done, out = to + done;

		r = copy_file_range(m.fd, &in, m.fd, &out, length - done, 0);
		if (r <= 0)
			failed("%zd, %s", r, strerror(errno));
		done += r;
	}
	if (length)
		model_write(to, m.model + from, length);
}

static bool clone_range(void)
{
	struct file_clone_range clone = { .src_fd = m.fd };
	size_t from, to, length;

	range(m.size, m.block, &from, &length);
	to = random_below(&model.rnd, (m.max - length) / m.block + 1) * m.block;
	if (to + length > from && from + length > to)
		length = to > from ? to - from : from - to;
	doing("clone range from %zu to %zu, %zu bytes", from, to, length);
	if (!length)
		return true;
	clone.src_offset = from;
	clone.src_length = length;
	clone.dest_offset = to;
	if (ioctl(m.fd, FICLONERANGE, &clone)) {
		if (errno != EOPNOTSUPP)
			failed("%s", strerror(errno));
		return false;
	}
	model_write(to, m.model + from, length);
	return true;
}

static void file_open(int flags)
{
	m.fd = open(model.path, O_RDWR | O_CLOEXEC | flags, 0600);
	m.direct = open(model.path, O_RDWR | O_CLOEXEC | O_DIRECT);
	if (m.fd < 0 || m.direct < 0)
		failed("open: %s", strerror(errno));
}

static void file_sync(void)
{
	bool data = random_chance(&model.rnd, 2);

	doing("sync");
	if (data ? fdatasync(m.fd) : fsync(m.fd))
		failed("%s", strerror(errno));
}

static void reopen(void)
{
	doing("reopen");
	if (close(m.fd) || close(m.direct))
		failed("close: %s", strerror(errno));
	file_open(0);
}

/* So that what is read next comes from the device. */
static void do_drop(void)
{
	doing("drop the cache");
	if (fsync(m.fd))
		failed("%s", strerror(errno));
	posix_fadvise(m.fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void check_size(void)
{
	struct stat st;

	if (fstat(m.fd, &st))
		failed("stat: %s", strerror(errno));
	if ((size_t)st.st_size != m.size)
		failed("the file has %lld bytes, wanted %zu",
		       (long long)st.st_size, m.size);
}

/* All of it, from the device. */
static void check_all(void)
{
	size_t at, length;

	do_drop();
	for (at = 0; at < m.size; at += length) {
		length = there(at, MAX_LENGTH);
		expect_all(pread(m.fd, m.io.memory, length, at), length);
		compare(m.io.memory, at, length);
	}
}

static bool operate(unsigned int op)
{
	switch (op) {
	case OP_WRITE:
	case OP_READ:
		transfer(op == OP_WRITE, false);
		return true;
	case OP_DIRECT_WRITE:
	case OP_DIRECT_READ:
		transfer(op == OP_DIRECT_WRITE, true);
		return true;
	case OP_MAP_WRITE:
	case OP_MAP_READ:
		map(op == OP_MAP_WRITE);
		return true;
	case OP_TRUNCATE:
		change_size();
		return true;
	case OP_ALLOCATE:
		return do_allocate();
	case OP_PUNCH:
		return zero(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    "punch hole");
	case OP_ZERO:
		return zero(FALLOC_FL_ZERO_RANGE, "zero range");
	case OP_COLLAPSE:
		return do_collapse();
	case OP_INSERT:
		return do_insert();
	case OP_COPY:
		do_copy();
		return true;
	case OP_CLONE:
		return clone_range();
	case OP_SYNC:
		file_sync();
		return true;
	case OP_REOPEN:
		reopen();
		return true;
	default:
		do_drop();
		return true;
	}
}

static void begin(const char *size)
{
	struct stat st;
	int r;

	if (size)
		m.max = strtoull(size, NULL, 0);
	if (m.max < 2 * MAX_LENGTH)
		failed("--size is less than %u", 2 * MAX_LENGTH);
	m.model = calloc(1, m.max);
	r = io_init(&m.io, MAX_LENGTH);
	if (!m.model || r)
		failed("no memory, AIO or io_uring: %s", strerror(-r));
	file_open(O_CREAT | O_TRUNC);
	m.alignment = io_alignment(m.direct, &m.unit);
	if (fstat(m.fd, &st))
		failed("stat: %s", strerror(errno));
	m.block = st.st_blksize;
	if (m.alignment == IO_PAGE)	/* it did not say */
		m.unit = m.block;
}

static bool step(unsigned int op)
{
	bool done = operate(op);

	check_size();
	return done;
}

int main(int argc, char **argv)
{
	const char *size = NULL;
	unsigned int i;

	model.program = "file-model";
	model.ops = ops;
	model.nr_ops = NR_OPS;
	model.size = &m.size;
	model_begin(argc, argv, "FILE", "size", &size);
	begin(size);
	model_run(step);
	doing("at the end");
	check_size();
	check_all();
	model_counts();
	for (i = 0; i < NR_IO_WAYS; i++)
		printf(", %lu by %s", m.io.count[i], io_way_names[i]);
	printf(", %lu of odd memory; alignment %u\n", m.io.odd, m.alignment);
	model_end();
	return 0;
}
