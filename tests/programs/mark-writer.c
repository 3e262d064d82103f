// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the numbers 1, 2, 3 … into a file, one over the other, with an fsync
 * after each, and then has dm-log-writes mark its log with the number: whoever
 * replays the log to a mark must find that number, or a later one, in the file.
 *
 *	mark-writer FILE MAPPED-DEVICE
 *
 * Ends with 0 on SIGTERM. The file has a number as text, in 4096 bytes.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dm.h"

static volatile sig_atomic_t stop;

static void on_term(int signal)
{
	(void)signal;
	stop = 1;
}

static void mark_log(const char *name, unsigned int number)
{
	char message[32];
	int r;

	sprintf(message, "mark %u", number);
	r = dm_message(name, 0, message);
	if (r)
		errx(1, "%s: %s", message, strerror(-r));
}

int main(int argc, char **argv)
{
	char block[4096];
	unsigned int i;
	int fd;

	if (argc != 3)
		errx(2, "usage: mark-writer FILE MAPPED-DEVICE");
	if (dm_open())
		errx(1, "/dev/mapper/control cannot be opened");
	fd = open(argv[1], O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		err(1, "%s", argv[1]);
	signal(SIGTERM, on_term);

	for (i = 1; !stop; i++) {
		memset(block, '\n', sizeof(block));
		block[sprintf(block, "%u", i)] = '\n';
		if (pwrite(fd, block, sizeof(block), 0) != sizeof(block) ||
		    fsync(fd))
			err(1, "%s", argv[1]);
		mark_log(argv[2], i);
	}
	return 0;
}
