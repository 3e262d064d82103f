// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/loop.h>

#include "loop.h"
#include "say.h"
#include "sysfs.h"

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

bool loop_attach(const char *file, char *node, size_t size)
{
	int control, backing, error;

	snprintf(node, size, "$(losetup -nO NAME -j %s)", file);
	if (!step("losetup -f %s", file))
		return true;
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	backing = open(file, O_RDWR | O_CLOEXEC);
	error = control < 0 || backing < 0 ? errno :
		find_free(control, backing, node, size);
	if (control >= 0)
		close(control);
	if (backing >= 0)
		close(backing);
	if (error)
		complain("cannot make a loop device for %s: %s", file,
			 strerror(error));
	return !error;
}

struct search {
	struct stat file;
	bool failed;
};

/* Not by its path, which depends on who asks: by device and inode */
static bool has_file(int fd, const struct stat *file)
{
	struct loop_info64 info;

	return !ioctl(fd, LOOP_GET_STATUS64, &info) &&
	       info.lo_device == file->st_dev && info.lo_inode == file->st_ino;
}

static bool detach_one(const char *name, void *data)
{
	struct search *search = data;
	char node[NAME_SIZE + 8];
	int fd;

	if (!sysfs_exists(name, "loop/backing_file"))
		return false;
	snprintf(node, sizeof(node), "/dev/%s", name);
	fd = open(node, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (has_file(fd, &search->file) && step("losetup -d %s", node) &&
	    ioctl(fd, LOOP_CLR_FD)) {
		complain("cannot detach %s: %s", node, strerror(errno));
		search->failed = true;
	}
	close(fd);
	return false;
}

bool loop_detach(const char *file)
{
	struct search search = { .failed = false };

	if (stat(file, &search.file))
		return true;
	sysfs_each(".", ".", detach_one, &search);
	return !search.failed;
}
