// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <gcrypt.h>
#include <linux/ioprio.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "copy.h"
#include "pipe.h"
#include "say.h"
#include "state.h"

#define ALIGNMENT	4096
#define TELL_NS		250000000L	/* how often is told how far it is */

enum progress_kind progress_kind;
uint64_t copy_limit;
bool copy_idle;

/*
 * Ranges
 */

bool ranges_add(struct ranges *ranges, uint64_t start, uint64_t length)
{
	struct range *v = realloc(ranges->v, (ranges->n + 1) * sizeof(*v));

	if (!v) {
		complain("out of memory");
		return false;
	}
	ranges->v = v;
	v[ranges->n++] = (struct range){ start, length };
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct range *one = a, *two = b;

	return one->start < two->start ? -1 : one->start > two->start;
}

bool ranges_merge(struct ranges *ranges)
{
	size_t n = 0;

	if (ranges->n)
		qsort(ranges->v, ranges->n, sizeof(*ranges->v), by_start);
	for (size_t i = 0; i < ranges->n; i++) {
		struct range *last = n ? &ranges->v[n - 1] : NULL;
		uint64_t end = ranges->v[i].start + ranges->v[i].length;

		if (!ranges->v[i].length)
			continue;
		if (!last || ranges->v[i].start > last->start + last->length)
			ranges->v[n++] = ranges->v[i];
		else if (end > last->start + last->length)
			last->length = end - last->start;
	}
	ranges->n = n;
	return true;
}

/* The last block that was written may end behind the source */
bool ranges_align(struct ranges *ranges, uint64_t size)
{
	for (size_t i = 0; i < ranges->n; i++) {
		struct range *range = &ranges->v[i];
		uint64_t end = size;

		if (range->start >= size) {
			range->length = 0;
			continue;
		}
		if (range->length < size - range->start)
			end = range->start + range->length;
		end = (end + CLUSTER - 1) / CLUSTER * CLUSTER;
		range->start = range->start / CLUSTER * CLUSTER;
		range->length = (end < size ? end : size) - range->start;
	}
	return ranges_merge(ranges);
}

bool ranges_cut(const struct ranges *ranges, uint64_t size,
		struct extents *pieces)
{
	for (size_t i = 0; i < ranges->n; i++) {
		uint64_t at = ranges->v[i].start;
		uint64_t end = at + ranges->v[i].length;

		while (at < end && at < size) {
			uint64_t next = (at / PIECE_SIZE + 1) * PIECE_SIZE;
			struct extent piece = {
				.start = at,
				.length = (next < end ? next : end) - at,
			};

			if (!extents_add(pieces, &piece))
				return false;
			at = next;
		}
	}
	return true;
}

bool extents_compact(struct extents *extents)
{
	struct extents out = { };
	bool good = true;

	for (size_t i = 0; i < extents->n && good; i++)
		good = extents_add(&out, &extents->v[i]);
	if (!good) {
		free(out.v);
		return false;
	}
	free(extents->v);
	*extents = out;
	return true;
}

/*
 * What the workers share
 */

struct work;
typedef bool each_piece(struct work *work, struct nbd_handle *nbd, char *buffer,
			struct extent *piece);

struct work {
	each_piece *each;
	struct server server;
	const char *what;		/* is read, for messages */
	int fd;
	int pipe;			/* of frames */
	pthread_mutex_t turn;		/* who reads or writes a frame */
	bool *seen;			/* the pieces that have come */
	bool over;
	enum access access;
	struct extents *pieces;
	atomic_size_t next;
	atomic_uint_fast64_t taken;	/* by workers that wait for their turn, too */
	atomic_uint_fast64_t done;
	atomic_bool failed;
	uint64_t total;
	struct timespec begun;
	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t ended;
	size_t running;
	char why[512];			/* the first failure */
};

__attribute__((format(printf, 2, 3)))
static bool fail(struct work *work, const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&work->lock);
	if (!*work->why) {
		va_start(args, format);
		vsnprintf(work->why, sizeof(work->why), format, args);
		va_end(args);
	}
	pthread_mutex_unlock(&work->lock);
	atomic_store(&work->failed, true);
	return false;
}

static double seconds_since(const struct timespec *begun)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - begun->tv_sec + (now.tv_nsec - begun->tv_nsec) / 1e9;
}

/* Waits until so much may have been read */
static void keep_to_limit(struct work *work, uint64_t bytes)
{
	static const struct timespec tick = { .tv_nsec = 20000000 };

	while (copy_limit && !interrupted() && !atomic_load(&work->failed) &&
	       bytes > copy_limit * seconds_since(&work->begun))
		nanosleep(&tick, NULL);
}

static bool is_zero(const char *data, size_t n)
{
	return !n || (!*data && !memcmp(data, data + 1, n - 1));
}

static void sum(struct extent *piece, const char *data)
{
	piece->zero = is_zero(data, piece->length);
	if (piece->zero)
		memset(piece->sum, 0, SUM_SIZE);
	else
		gcry_md_hash_buffer(GCRY_MD_SHA256, piece->sum, data,
				    piece->length);
}

/*
 * source --> image
 */

/* Up to the alignment that O_DIRECT needs; a source ends where it ends */
static bool read_source(struct work *work, char *buffer,
			const struct extent *piece)
{
	size_t want = (piece->length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	size_t got = 0;
	ssize_t n;

	while (got < piece->length) {
		n = pread(work->fd, buffer + got, want - got, piece->start + got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(work, "cannot read %s at %llu: %s%s",
				    work->what,
				    (unsigned long long)piece->start + got,
				    strerror(errno), errno == EIO ?
				    " (of a snapshot: is its COW store full?)" : "");
		if (!n)
			return fail(work, "%s has become smaller", work->what);
		got += n;
	}
	return true;
}

/*
 * Runs of clusters that are zero and of others, in turns. Of an image that is
 * compressed the last cluster is a whole one.
 */
static bool write_image(struct work *work, struct nbd_handle *nbd,
			char *buffer, const struct extent *piece)
{
	size_t at = 0, end, length, all = piece->length;
	int failed = 0;

	if (work->access == IMAGE_COMPRESS)
		all = (all + CLUSTER - 1) / CLUSTER * CLUSTER;
	memset(buffer + piece->length, 0, all - piece->length);
	while (at < all && !failed) {
		bool zero = false;

		for (end = at; end < all; end += length) {
			length = all - end < CLUSTER ? all - end : CLUSTER;
			if (end == at)
				zero = is_zero(buffer + end, length);
			else if (zero != is_zero(buffer + end, length))
				break;
		}
		if (!zero)
			failed = nbd_pwrite(nbd, buffer + at, end - at,
					    piece->start + at, 0);
		else if (work->over)
			failed = nbd_zero(nbd, end - at, piece->start + at, 0);
		at = end;
	}
	if (failed)
		return fail(work, "cannot write the image: %s", nbd_get_error());
	return true;
}

static bool copy_piece(struct work *work, struct nbd_handle *nbd, char *buffer,
		       struct extent *piece)
{
	if (!read_source(work, buffer, piece))
		return false;
	sum(piece, buffer);
	return write_image(work, nbd, buffer, piece);
}

/*
 * source --> pipe
 */

static bool send_piece(struct work *work, struct nbd_handle *nbd, char *buffer,
		       struct extent *piece)
{
	struct frame frame = {
		.magic = htole32(FRAME_MAGIC),
		.index = htole64(piece - work->pieces->v),
	};
	bool good;

	(void)nbd;
	if (!read_source(work, buffer, piece))
		return false;
	sum(piece, buffer);
	frame.zero = htole32(piece->zero);
	memcpy(frame.sum, piece->sum, SUM_SIZE);
	pthread_mutex_lock(&work->turn);
	/* nothing behind one of which only a part was written */
	good = !atomic_load(&work->failed) &&
	       pipe_write(work->pipe, &frame, sizeof(frame)) &&
	       (piece->zero || pipe_write(work->pipe, buffer, piece->length));
	if (!good)
		fail(work, "the receiver takes no more: %s", strerror(errno));
	pthread_mutex_unlock(&work->turn);
	return good;
}

/*
 * pipe --> image
 */

/*
 * The next one that comes, whichever that is; in turns. Who has sent it says why no
 * more come.
 */
static struct extent *read_frame(struct work *work, char *buffer,
				 struct frame *frame)
{
	struct extent *piece;
	uint64_t index;

	if (atomic_load(&work->failed))
		return NULL;
	if (!pipe_read(work->pipe, frame, sizeof(*frame))) {
		atomic_store(&work->failed, true);
		return NULL;
	}
	index = le64toh(frame->index);
	if (frame->magic != htole32(FRAME_MAGIC) || index >= work->pieces->n ||
	    work->seen[index]) {
		fail(work, "what comes is not understood");
		return NULL;
	}
	work->seen[index] = true;
	piece = &work->pieces->v[index];
	if (frame->zero) {
		memset(buffer, 0, piece->length);
	} else if (!pipe_read(work->pipe, buffer, piece->length)) {
		atomic_store(&work->failed, true);
		return NULL;
	}
	return piece;
}

static bool receive_piece(struct work *work, struct nbd_handle *nbd,
			  char *buffer, struct extent *any)
{
	struct extent *piece;
	struct frame frame;

	(void)any; /* only as many as there are */
	pthread_mutex_lock(&work->turn);
	piece = read_frame(work, buffer, &frame);
	pthread_mutex_unlock(&work->turn);
	if (!piece)
		return false;
	sum(piece, buffer);
	if (memcmp(piece->sum, frame.sum, SUM_SIZE))
		return fail(work, "at %llu has come something else than was sent: the checksum differs",
			    (unsigned long long)piece->start);
	return write_image(work, nbd, buffer, piece);
}

/*
 * image --> checksum
 */

static bool read_image(struct work *work, struct nbd_handle *nbd, char *buffer,
		       uint64_t at, size_t length)
{
	if (!nbd_pread(nbd, buffer, length, at, 0))
		return true;
	return fail(work, "cannot read it at %llu: %s", (unsigned long long)at,
		    nbd_get_error());
}

/* Zeroes can be many */
static bool check_zeroes(struct work *work, struct nbd_handle *nbd, char *buffer,
			 const struct extent *piece)
{
	uint64_t length;

	for (uint64_t at = 0; at < piece->length; at += length) {
		length = piece->length - at < PIECE_SIZE ?
			piece->length - at : PIECE_SIZE;
		if (interrupted() || !read_image(work, nbd, buffer,
						 piece->start + at, length))
			return false;
		if (!is_zero(buffer, length))
			return fail(work, "at %llu is data where zeroes have been",
				    (unsigned long long)piece->start + at);
	}
	return true;
}

static bool check_piece(struct work *work, struct nbd_handle *nbd, char *buffer,
			struct extent *piece)
{
	struct extent found = *piece;

	if (piece->zero)
		return check_zeroes(work, nbd, buffer, piece);
	if (!read_image(work, nbd, buffer, piece->start, piece->length))
		return false;
	sum(&found, buffer);
	if (!found.zero && !memcmp(found.sum, piece->sum, SUM_SIZE))
		return true;
	return fail(work, "%llu bytes at %llu are not what was written: the checksum differs",
		    (unsigned long long)piece->length,
		    (unsigned long long)piece->start);
}

static bool sum_piece(struct work *work, struct nbd_handle *nbd, char *buffer,
		      struct extent *piece)
{
	if (!read_image(work, nbd, buffer, piece->start, piece->length))
		return false;
	sum(piece, buffer);
	return true;
}

/*
 * The workers
 */

const char *copy_priority(void)
{
	if (!copy_idle || !syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
				   IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)))
		return NULL;
	return strerror(errno);
}

struct worker {
	pthread_t thread;
	struct work *work;
	struct nbd_handle *nbd;
};

static void work_off(struct work *work, struct nbd_handle *nbd, char *buffer)
{
	size_t i;

	while (!atomic_load(&work->failed) && !interrupted()) {
		i = atomic_fetch_add(&work->next, 1);
		if (i >= work->pieces->n)
			break;
		step_begins();
		keep_to_limit(work, atomic_fetch_add(&work->taken,
						     work->pieces->v[i].length));
		if (!work->each(work, nbd, buffer, &work->pieces->v[i]))
			break;
		atomic_fetch_add(&work->done, work->pieces->v[i].length);
	}
}

static void *worker(void *data)
{
	struct worker *self = data;
	struct work *work = self->work;
	const char *why = copy_priority();
	void *buffer;

	if (why) {
		fail(work, "cannot read with idle priority: %s", why);
	} else if (posix_memalign(&buffer, ALIGNMENT, PIECE_SIZE)) {
		fail(work, "out of memory");
	} else {
		work_off(work, self->nbd, buffer);
		free(buffer);
	}
	pthread_mutex_lock(&work->lock);
	work->running--;
	pthread_cond_signal(&work->ended);
	pthread_mutex_unlock(&work->lock);
	return NULL;
}

static void show(const struct work *work, double seconds)
{
	uint64_t done = atomic_load(&work->done);
	double rate = seconds > 0 ? done / seconds : 0;
	unsigned int percent = work->total ? done * 100 / work->total : 100;
	unsigned long left = rate > 0 ? (work->total - done) / rate : 0;
	char what[128];

	if (progress_kind == PROGRESS_JSON) {
		printf("{\"what\":\"%s\",\"done\":%llu,\"total\":%llu,\"rate\":%.0f,\"remaining\":%lu}\n",
		       work->what, (unsigned long long)done,
		       (unsigned long long)work->total, rate, left);
		fflush(stdout);
		return;
	}
	if (progress_kind != PROGRESS_BAR)
		return;
	snprintf(what, sizeof(what), "%.40s %llu of %llu MiB, %.0f MiB/s, %lu:%02lu left",
		 work->what, (unsigned long long)done >> 20,
		 (unsigned long long)work->total >> 20, rate / (1 << 20),
		 left / 60, left % 60);
	progress(what, percent);
}

static void await_workers(struct work *work)
{
	struct timespec until;

	pthread_mutex_lock(&work->lock);
	while (work->running) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TELL_NS;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		if (pthread_cond_timedwait(&work->ended, &work->lock,
					   &until) == ETIMEDOUT)
			show(work, seconds_since(&work->begun));
	}
	pthread_mutex_unlock(&work->lock);
	if (!*work->why && !interrupted())
		show(work, seconds_since(&work->begun));
	else if (progress_kind == PROGRESS_BAR && isatty(STDERR_FILENO))
		fputc('\n', stderr);
}

static void run_workers(struct work *work)
{
	struct worker workers[WORKERS];
	size_t n;

	clock_gettime(CLOCK_MONOTONIC, &work->begun);
	for (n = 0; n < WORKERS; n++) {
		workers[n].work = work;
		workers[n].nbd = work->server.nbd[n];
		pthread_mutex_lock(&work->lock);
		work->running++;
		pthread_mutex_unlock(&work->lock);
		if (!pthread_create(&workers[n].thread, NULL, worker,
				    &workers[n]))
			continue;
		pthread_mutex_lock(&work->lock);
		work->running--;
		pthread_mutex_unlock(&work->lock);
		fail(work, "cannot start a thread");
		break;
	}
	await_workers(work);
	while (n--)
		pthread_join(workers[n].thread, NULL);
}

static bool gcrypt_is_ready(void)
{
	if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P))
		return true;
	if (!gcry_check_version("1.8.0")) {
		complain("the library libgcrypt is too old");
		return false;
	}
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	return true;
}

/* What is wrong is said with @prefix. @file: of an image, or NULL for none */
static bool work_on(struct work *work, const char *file, enum access access,
		    const char *prefix)
{
	bool good;

	if (!work->pieces->n)
		return true;
	work->access = access;
	pthread_mutex_init(&work->lock, NULL);
	pthread_mutex_init(&work->turn, NULL);
	pthread_cond_init(&work->ended, NULL);
	work->total = extents_bytes(work->pieces);
	if (!gcrypt_is_ready() ||
	    (file && !server_start(&work->server, file, access)))
		return false;
	run_workers(work);
	good = !file || server_stop(&work->server, access != IMAGE_READ);
	if (interrupted())
		return false;
	if (*work->why)
		complain("%s%s", prefix, work->why);
	return good && !atomic_load(&work->failed);
}

bool copy_in(int fd, const char *what, struct extents *pieces,
	     const char *file, bool over, enum access access)
{
	struct work work = {
		.each = copy_piece,
		.what = what,
		.fd = fd,
		.over = over,
		.pieces = pieces,
	};

	return work_on(&work, file, access, "") && extents_compact(pieces);
}

bool copy_out(int fd, const char *what, struct extents *pieces, int to)
{
	struct work work = {
		.each = send_piece,
		.what = what,
		.fd = fd,
		.pipe = to,
		.pieces = pieces,
	};

	return work_on(&work, NULL, IMAGE_READ, "");
}

bool copy_from(int from, struct extents *pieces, const char *file, bool over,
	       enum access access)
{
	struct work work = {
		.each = receive_piece,
		.what = file,
		.pipe = from,
		.over = over,
		.pieces = pieces,
		.seen = calloc(pieces->n + 1, sizeof(bool)),
	};
	bool good = work.seen && work_on(&work, file, access, "") &&
		    extents_compact(pieces);

	free(work.seen);
	return good;
}

bool copy_check(const char *file, const struct extents *pieces)
{
	char prefix[NAME_MAX + 8];
	struct work work = {
		.each = check_piece,
		.what = file,
		.pieces = (struct extents *)pieces,
	};

	snprintf(prefix, sizeof(prefix), "%s: ", file);
	return work_on(&work, file, IMAGE_READ, prefix);
}

bool copy_sum(const char *file, struct extents *pieces)
{
	char prefix[NAME_MAX + 8];
	struct work work = {
		.each = sum_piece,
		.what = file,
		.pieces = pieces,
	};

	snprintf(prefix, sizeof(prefix), "%s: ", file);
	return work_on(&work, file, IMAGE_READ, prefix);
}
