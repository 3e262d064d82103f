// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "copy.h"
#include "say.h"
#include "state.h"
#include "stream.h"

#define ALIGNMENT	4096

static bool write_all(const char *data, size_t n)
{
	while (n && !interrupted()) {
		ssize_t written = write(STDOUT_FILENO, data, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			complain("cannot write the output: %s", strerror(errno));
			return false;
		}
		data += written;
		n -= written;
	}
	return !n;
}

static void keep_to_limit(const struct timespec *begun, uint64_t bytes)
{
	static const struct timespec tick = { .tv_nsec = 20000000 };
	struct timespec now;

	while (copy_limit && !interrupted()) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (bytes <= copy_limit * (now.tv_sec - begun->tv_sec +
					   (now.tv_nsec - begun->tv_nsec) / 1e9))
			break;
		nanosleep(&tick, NULL);
	}
}

/* In order, so a piece after the other */
bool stream(struct source *source)
{
	struct timespec begun;
	uint64_t at = 0;
	const char *why = copy_priority();
	void *buffer;
	bool good;

	if (why) {
		complain("cannot read with idle priority: %s", why);
		return false;
	}
	if (posix_memalign(&buffer, ALIGNMENT, PIECE_SIZE)) {
		complain("out of memory");
		return false;
	}
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (good = true; good && at < source->size && !interrupted();) {
		ssize_t n = pread(source->fd, buffer, PIECE_SIZE, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			complain("cannot read %s at %llu: %s", source->shown,
				 (unsigned long long)at,
				 n ? strerror(errno) : "it has become smaller");
			good = false;
			break;
		}
		if ((uint64_t)n > source->size - at)
			n = source->size - at;
		keep_to_limit(&begun, at);
		step_begins();
		good = write_all(buffer, n);
		at += n;
	}
	free(buffer);
	return good && !interrupted();
}
