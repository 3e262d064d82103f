// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/loop.h>

#include "loop.h"
#include "say.h"

#define ATTEMPTS	16

/* Direct I/O, where the file system has that, keeps copies out of its cache */
static int configure(int backing, const char *node)
{
	struct loop_config config = {
		.fd = backing,
		.info.lo_flags = LO_FLAGS_DIRECT_IO,
	};
	int fd = open(node, O_RDWR | O_CLOEXEC), error = 0;

	if (fd < 0)
		return errno;
	if (ioctl(fd, LOOP_CONFIGURE, &config)) {
		config.info.lo_flags = 0;
		if (errno != EINVAL || ioctl(fd, LOOP_CONFIGURE, &config))
			error = errno;
	}
	close(fd);
	return error;
}

static int find_free(int control, int backing, char *node, size_t size)
{
	int error = EBUSY, number;

	/* somebody else may take it first */
	for (int i = 0; i < ATTEMPTS && error == EBUSY; i++) {
		number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0)
			return errno;
		snprintf(node, size, "/dev/loop%d", number);
		error = configure(backing, node);
	}
	return error;
}

bool loop_attach(const char *file, int backing, char *node, size_t size)
{
	int control, error;

	snprintf(node, size, "$(losetup -nO NAME -j %s)", file);
	if (!step("losetup -f %s", file))
		return true;
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	error = control < 0 ? errno : find_free(control, backing, node, size);
	if (control >= 0)
		close(control);
	if (error)
		complain("cannot make a loop device for %s: %s", file,
			 strerror(error));
	return !error;
}
