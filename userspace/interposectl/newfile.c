// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/fs.h>

#include "memory.h"
#include "newfile.h"
#include "say.h"

#define MIB		(1024 * 1024)

bool file_exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

bool file_path_is_good(const char *path)
{
	if (*path == '/')
		return true;
	complain("%s: give the full path of the file, starting with /", path);
	return false;
}

bool write_zeroes(int fd, const char *path, uint64_t bytes, bool in_memory)
{
	static const char zeroes[MIB];
	uint64_t done = 0;
	ssize_t n = 0;

	while (fd >= 0 && n >= 0 && done < bytes && !interrupted()) {
		if (in_memory && !(done % (16 * MIB)) && memory_is_low()) {
			errno = ENOMEM;
			break;
		}
		n = write(fd, zeroes, bytes - done < MIB ? bytes - done : MIB);
		if (n > 0)
			done += n;
		if (bytes > 16 * MIB)
			progress(path, done * 100 / bytes);
	}
	if (done == bytes && !fsync(fd))
		return true;
	complain("cannot write to %s: %s", path,
		 interrupted() ? "interrupted" : strerror(errno));
	return false;
}

int file_create(struct record *record, const char *line, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0) {
		complain("cannot make %s: %s", path, strerror(errno));
		record_made_nothing(record, "%s", line);
	} else if (!record_made(record, "%s", line)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A btrfs would need new space for each write all the same */
static void write_in_place(int fd)
{
	int flags;

	if (!ioctl(fd, FS_IOC_GETFLAGS, &flags)) {
		flags |= FS_NOCOW_FL;
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
}

static bool allocate(int fd, const char *path, uint64_t bytes)
{
	write_in_place(fd);
	if (!fallocate(fd, 0, 0, bytes))
		return true;
	if (errno == EOPNOTSUPP)
		return write_zeroes(fd, path, bytes, false);
	complain("cannot make %s: %s", path, strerror(errno));
	return false;
}

bool file_make(struct record *record, const char *path, uint64_t bytes, int *fd)
{
	char word[PATH_MAX], line[PATH_MAX + 8];

	*fd = -1;
	snprintf(line, sizeof(line), "file %s", path);
	if (!record_undo(record, "%s", line))
		return false;
	if (!step("fallocate -l %" PRIu64 " %s", bytes,
		  quote(path, word, sizeof(word))))
		return true;
	*fd = file_create(record, line, path);
	return *fd >= 0 && allocate(*fd, path, bytes);
}
