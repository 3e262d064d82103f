// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipe.h"
#include "state.h"

#define TICK_MS		200
#define HEAD		"IPBACKUP"
#define HEAD_SIZE	24		/* with 16 digits */
#define MESSAGE_MAX	(1ULL << 30)

/* So that nobody waits in it for ever who is told to stop */
bool pipe_prepare(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static bool await(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int n;

	do {
		if (interrupted()) {
			errno = EINTR;
			return false;
		}
		n = poll(&poll_fd, 1, TICK_MS);
	} while (!n || (n < 0 && errno == EINTR));
	return n > 0;
}

bool pipe_write(int fd, const void *data, size_t n)
{
	while (n) {
		ssize_t done;

		if (!await(fd, POLLOUT))
			return false;
		done = write(fd, data, n);
		if (done < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (done < 0)
			return false;
		data = (const char *)data + done;
		n -= done;
	}
	return true;
}

bool pipe_read(int fd, void *data, size_t n)
{
	while (n) {
		ssize_t done;

		if (!await(fd, POLLIN))
			return false;
		done = read(fd, data, n);
		if (done < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (!done)
			errno = 0;
		if (done <= 0)
			return false;
		data = (char *)data + done;
		n -= done;
	}
	return true;
}

bool pipe_say(int fd, const char *text, size_t n)
{
	char head[HEAD_SIZE + 1];

	snprintf(head, sizeof(head), HEAD "%016llx", (unsigned long long)n);
	return pipe_write(fd, head, HEAD_SIZE) && pipe_write(fd, text, n);
}

struct json_object *pipe_hear(int fd)
{
	struct json_object *object = NULL;
	char head[HEAD_SIZE + 1] = "";
	unsigned long long n;
	char *text, *end;

	if (!pipe_read(fd, head, HEAD_SIZE) ||
	    strncmp(head, HEAD, strlen(HEAD)))
		return NULL;
	n = strtoull(head + strlen(HEAD), &end, 16);
	if (*end || n > MESSAGE_MAX)
		return NULL;
	text = malloc(n + 1);
	if (text && pipe_read(fd, text, n)) {
		text[n] = '\0';
		object = json_tokener_parse(text);
	}
	free(text);
	return object;
}
