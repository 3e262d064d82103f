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

#define ATTEMPTS	16

/*
 * New ones
 */

/* Direct I/O, where the file system has that, keeps copies out of its cache */
static int configure(int fd, struct loop_config *config)
{
	config->info.lo_flags |= LO_FLAGS_DIRECT_IO;
	if (!ioctl(fd, LOOP_CONFIGURE, config))
		return 0;
	config->info.lo_flags &= ~LO_FLAGS_DIRECT_IO;
	return errno != EINVAL || ioctl(fd, LOOP_CONFIGURE, config) ? errno : 0;
}

static int configure_node(const char *node, struct loop_config *config, int *fd)
{
	int error;

	*fd = open(node, O_RDWR | O_CLOEXEC);
	if (*fd < 0)
		return errno;
	error = configure(*fd, config);
	if (error)
		close(*fd);
	return error;
}

static int find_free(int control, struct loop_config *config, char *node,
		     size_t size, int *fd)
{
	int error = EBUSY, number;

	/* somebody else may take it first */
	for (int i = 0; i < ATTEMPTS && error == EBUSY; i++) {
		number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0)
			return errno;
		snprintf(node, size, "/dev/loop%d", number);
		error = configure_node(node, config, fd);
	}
	return error;
}

/* @fd: it is open, or -1 */
static bool attach(const char *file, struct loop_config *config, char *node,
		   size_t size, int *fd)
{
	char word[PATH_MAX];
	int control, error;

	*fd = -1;
	snprintf(node, size, "$(losetup -nO NAME -j %s)",
		 quote(file, word, sizeof(word)));
	if (!step("losetup -f %s", word))
		return true;
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	error = control < 0 ? errno : find_free(control, config, node, size, fd);
	if (control >= 0)
		close(control);
	if (!error)
		return true;
	*fd = -1;
	complain("cannot make a loop device for %s: %s", file, strerror(error));
	return false;
}

bool loop_attach(const char *file, int backing, char *node, size_t size)
{
	struct loop_config config = { .fd = backing };
	int fd;

	if (!attach(file, &config, node, size, &fd))
		return false;
	if (fd >= 0)
		close(fd);
	return true;
}

bool loop_hold(const char *file, int backing, const char *mark, char *node,
	       size_t size, int *fd)
{
	struct loop_config config = { .fd = backing,
				      .info.lo_flags = LO_FLAGS_AUTOCLEAR };

	snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", mark);
	return attach(file, &config, node, size, fd);
}

/*
 * Those that are there
 */

static bool look_at(const char *name, struct loop_info64 *info)
{
	char node[NAME_SIZE + 8];
	bool good;
	int fd;

	if (!sysfs_exists(name, "loop/backing_file"))
		return false;
	snprintf(node, sizeof(node), "/dev/%s", name);
	fd = open(node, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	good = !ioctl(fd, LOOP_GET_STATUS64, info);
	close(fd);
	return good;
}

static bool is_file_of(const struct loop_info64 *info, const struct stat *st)
{
	return info->lo_device == st->st_dev && info->lo_inode == st->st_ino;
}

struct file_search {
	struct stat file;
	char name[NAME_SIZE];
};

static bool is_loop_of(const char *name, void *data)
{
	struct file_search *search = data;
	struct loop_info64 info;

	if (!look_at(name, &info) || !is_file_of(&info, &search->file))
		return false;
	snprintf(search->name, sizeof(search->name), "%s", name);
	return true;
}

bool loop_of_file(const char *path, char *name)
{
	struct file_search search = { };

	if (stat(path, &search.file) ||
	    !sysfs_each(".", ".", is_loop_of, &search))
		return false;
	snprintf(name, NAME_SIZE, "%s", search.name);
	return true;
}

bool loop_is_marked(const char *name, const char *mark, char *path, size_t size)
{
	struct loop_info64 info;
	struct stat st;

	if (!look_at(name, &info) ||
	    strncmp((char *)info.lo_file_name, mark, LO_NAME_SIZE))
		return false;
	if (!sysfs_read(name, "loop/backing_file", path, size) ||
	    lstat(path, &st) || !is_file_of(&info, &st))
		*path = '\0';
	return true;
}

static bool is_there(const char *entry, void *data)
{
	(void)entry;
	(void)data;
	return true;
}

bool loop_goes(const char *name)
{
	return sysfs_is(name, "loop/autoclear", "1") &&
	       !sysfs_each(name, "holders", is_there, NULL);
}
