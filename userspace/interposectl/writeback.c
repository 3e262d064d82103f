// SPDX-License-Identifier: GPL-2.0
/*
 * Before a freeze. It writes back whatever is cached, while all others wait: at 50
 * MB a second 5 GB take more than a minute and a half. So they are written before,
 * where nobody waits for that.
 *
 * Nothing is to be undone, and a process that hangs here hinders nobody. How much is
 * written meanwhile by others cannot be known, so while it takes long, it is repeated.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "say.h"
#include "state.h"
#include "writeback.h"

#define TIMES		4		/* others may write as fast as this does */

struct work {
	const struct device *device;
	bool elsewhere;			/* it may be written to other disks */
	unsigned int limit;
};

/* A file system, or what is cached of a device without one, as the kernel does */
static bool write_one(const char *name, void *data)
{
	char path[PATH_MAX];
	struct usage usage;
	int fd;

	(void)data;
	device_usage(name, &usage);
	device_node(name, path, sizeof(path));
	fd = open(*usage.mountpoint ? usage.mountpoint : path,
		  O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (*usage.mountpoint)
		syncfs(fd);
	else
		sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE |
				SYNC_FILE_RANGE_WRITE |
				SYNC_FILE_RANGE_WAIT_AFTER);
	close(fd);
	return false;
}

static bool write_partition(const char *entry, void *data)
{
	return sysfs_is_partition(entry) && write_one(entry, data);
}

static bool write_all(void *data)
{
	const struct work *work = data;
	time_t start;
	int n = 0;

	do {
		start = time(NULL);
		write_one(work->device->name, NULL);
		if (!sysfs_is_partition(work->device->name))
			sysfs_each(work->device->name, ".", write_partition,
				   NULL);
	} while (++n < TIMES && time(NULL) - start > work->limit / 4);
	return true;
}

/* While another disk of the same file system is written to, this one may be idle */
static bool has_other_disks(const struct device *device)
{
	static const char *const types[] = { "btrfs", "bcachefs", "f2fs" };
	struct usage usage;

	device_usage(device->name, &usage);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(usage.fstype, types[i]))
			return true;
	return false;
}

/* Writes, discards and flushes; where they are not counted, each look finds more */
static uint64_t completed(const void *data)
{
	const struct work *work = data;
	unsigned long long writes, discards = 0, flushes = 0;
	char line[512], disk[NAME_SIZE];
	static uint64_t looks;

	if (work->elsewhere || !sysfs_disk(work->device->name, disk) ||
	    sysfs_is(disk, "queue/iostats", "0") ||
	    !sysfs_read(work->device->name, "stat", line, sizeof(line)) ||
	    sscanf(line, "%*u %*u %*u %*u %llu %*u %*u %*u %*u %*u %*u %llu %*u %*u %*u %llu",
		   &writes, &discards, &flushes) < 1)
		return ++looks;
	return writes + discards + flushes;
}

bool write_back(const struct device *device, unsigned int limit)
{
	struct work work = { .device = device, .limit = limit };
	struct process process = { .run = write_all, .data = &work,
				   .limit = limit, .progress = completed };

	if (options.dry_run)
		return true;
	work.elsewhere = has_other_disks(device);
	if (process_in_time(&process) == ENDED_LATE) {
		complain("given up: %s has completed no write for %u seconds; if it is only slow, add --timeout SECONDS",
			 device->shown, limit);
		return false;
	}
	return !interrupted();
}
