// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "copy.h"
#include "freespace.h"
#include "fsmap.h"
#include "mount.h"
#include "say.h"

#define AT		"/run"		/* it is hidden from the child alone */

/*
 * Is it the truth?
 */

/* The first word behind " - " in mountinfo is the type, the third the options */
static bool is_mounted_for_writing(const char *path)
{
	unsigned int major_of, minor_of;
	char *line = NULL, *rest;
	bool found = false;
	struct stat st;
	size_t size = 0;
	FILE *file;

	file = fopen("/proc/self/mountinfo", "re");
	if (!file || stat(path, &st)) {
		if (file)
			fclose(file);
		return false;
	}
	while (!found && getline(&line, &size, file) > 0) {
		rest = strstr(line, " - ");
		if (!rest || sscanf(line, "%*u %*u %u:%u", &major_of, &minor_of) != 2 ||
		    makedev(major_of, minor_of) != st.st_rdev)
			continue;
		rest = strrchr(rest, ' ');
		found = !strncmp(rest, " rw", 3) && strchr(",\n", rest[3]);
	}
	free(line);
	fclose(file);
	return found;
}

void freespace_look(struct source *source)
{
	source->writable = is_mounted_for_writing(source->shown);
}

/* s_state and s_feature_incompat of the superblock of an ext4 */
static bool ext4_is_settled(const struct source *source, const char **why)
{
	enum { STATE = 1024 + 0x3a, INCOMPAT = 1024 + 0x60 };
	enum { HAS_ERRORS = 2, NEEDS_RECOVERY = 4 };
	unsigned char *head;
	uint32_t incompat;
	uint16_t state;

	if (posix_memalign((void **)&head, 4096, 4096))
		return false;
	if (pread(source->fd, head, 4096, 0) != 4096) {
		free(head);
		return false;
	}
	memcpy(&state, head + STATE, sizeof(state));
	memcpy(&incompat, head + INCOMPAT, sizeof(incompat));
	free(head);
	if (le16toh(state) & HAS_ERRORS)
		*why = "the file system has errors";
	else if (le32toh(incompat) & NEEDS_RECOVERY)
		*why = "the journal of the file system has not been replayed";
	return !*why;
}

/* Mounted for writing before the moment and after it, so it was frozen then */
static bool is_settled(const struct source *source, const char *type,
		       const char **why)
{
	if (!strcmp(type, "ext4"))
		return ext4_is_settled(source, why);
	if (strcmp(type, "xfs"))
		*why = "only an ext4 and an XFS tell what is free";
	else if (!source->writable || !is_mounted_for_writing(source->shown))
		*why = "the XFS was not mounted for writing at the moment, so its log may be needed";
	return !*why;
}

/*
 * In a process with a mount namespace of its own
 */

static bool print(uint64_t start, uint64_t length, void *to)
{
	return fprintf(to, "%llu %llu\n", (unsigned long long)start,
		       (unsigned long long)length) > 0;
}

static bool list(int fd, dev_t dev, FILE *to)
{
	if (!fsmap_each_free(fd, dev, print, to))
		return false;
	fputs("end\n", to);
	return !fflush(to) && !ferror(to);
}

/*
 * It does not end with the other one: the snapshot would be mounted still when it is
 * removed. What waits for that is the guard, whose pipe this one has open, too.
 */
__attribute__((noreturn))
static void tell(const char *node, const char *type, int output)
{
	const char *how = !strcmp(type, "xfs") ? "norecovery,nouuid" :
		"noload,errors=continue";
	FILE *to = fdopen(output, "w");
	struct stat st;
	bool good;
	int fd;

	if (!to || stat(node, &st) || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) ||
	    mount(node, AT, type, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  how))
		_exit(errno ?: EIO);
	fd = open(AT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = fd >= 0 && list(fd, st.st_rdev, to);
	if (!good && !errno)
		errno = EIO;
	if (fd >= 0)
		close(fd);
	umount2(AT, 0);
	_exit(good ? 0 : errno);
}

/* Else an ext4 removes what was open when it was deleted, however it is mounted */
static bool set_read_only(const char *node, int on)
{
	int fd = open(node, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && !ioctl(fd, BLKROSET, &on);

	if (fd >= 0)
		close(fd);
	return good;
}

static int ask_kernel(const char *node, const char *type, int output)
{
	int status = -1;
	pid_t pid;

	if (!set_read_only(node, true))
		return errno;
	fflush(NULL);
	pid = fork();
	if (!pid)
		tell(node, type, output);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	set_read_only(node, false);
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

/* Those that are whole; the last one of a device may be shorter */
static bool add_clusters(struct ranges *ranges, uint64_t start, uint64_t end,
			 uint64_t size)
{
	start = (start + CLUSTER - 1) / CLUSTER * CLUSTER;
	if (end != size)
		end = end / CLUSTER * CLUSTER;
	return start >= end || ranges_add(ranges, start, end - start);
}

/* All or nothing; whole clusters, within the source */
static bool read_list(int fd, uint64_t size, struct ranges *free_ranges)
{
	FILE *from = fdopen(fd, "r");
	unsigned long long start, length;
	uint64_t end;
	bool good = from;
	char word[8] = "";

	if (from)
		rewind(from);
	while (good && fscanf(from, "%llu %llu", &start, &length) == 2) {
		end = start < size && length > size - start ? size : start + length;
		good = add_clusters(free_ranges, start, end, size);
	}
	good = good && fscanf(from, "%7s", word) == 1 && !strcmp(word, "end");
	if (from)
		fclose(from);
	return good && ranges_merge(free_ranges);
}

/*
 * Leaving it out
 */

/* Both are sorted, and none overlaps another of its kind */
static bool subtract(struct ranges *from, const struct ranges *what)
{
	struct ranges left = { };
	size_t j = 0;
	bool good = true;

	for (size_t i = 0; i < from->n && good; i++) {
		uint64_t at = from->v[i].start, end = at + from->v[i].length;

		while (j < what->n && what->v[j].start + what->v[j].length <= at)
			j++;
		for (size_t k = j; k < what->n && what->v[k].start < end && good; k++) {
			if (what->v[k].start > at)
				good = ranges_add(&left, at, what->v[k].start - at);
			at = what->v[k].start + what->v[k].length;
		}
		if (at < end && good)
			good = ranges_add(&left, at, end - at);
	}
	free(from->v);
	*from = left;
	return good;
}

static uint64_t sum_of(const struct ranges *ranges)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < ranges->n; i++)
		bytes += ranges->v[i].length;
	return bytes;
}

bool freespace_leave_out(struct source *source)
{
	struct ranges free_ranges = { };
	const char *why = NULL;
	char type[32];
	int output, error;
	uint64_t before;
	bool good = true;

	mount_type_of(source->node, type, sizeof(type));
	if (!is_settled(source, type, &why)) {
		snprintf(source->kept, sizeof(source->kept), "%s",
			 why ?: "its superblock cannot be read");
		return true;
	}
	output = memfd_create("free", MFD_CLOEXEC);
	error = ask_kernel(source->node, type, output);
	if (error) {
		snprintf(source->kept, sizeof(source->kept),
			 "the kernel does not tell what is free: %s", strerror(error));
		close(output);
		return true;
	}
	before = sum_of(&source->ranges);
	if (read_list(output, source->size, &free_ranges)) {
		good = subtract(&source->ranges, &free_ranges);
		source->skipped = before - sum_of(&source->ranges);
	} else {
		snprintf(source->kept, sizeof(source->kept),
			 "the list of what is free is not complete");
	}
	free(free_ranges.v);
	return good;
}

/*
 * COW stores on the device itself
 */

static bool read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool good = file && fgets(line, size, file);

	if (file)
		fclose(file);
	if (good)
		line[strcspn(line, "\n")] = '\0';
	return good;
}

/* A line of a table: "0 16 linear 259:0 2048" */
static bool add_store(struct source *source, struct ranges *stores,
		      const char *name)
{
	const char *argv[] = { "dmsetup", "table", name, NULL };
	unsigned long long length, at;
	char *table, *line, *save = NULL, why[512];
	bool good = true;

	if (ask(argv, &table, why, sizeof(why), -1)) {
		free(table);
		return true;
	}
	for (line = strtok_r(table, "\n", &save); line && good;
	     line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%*u %llu linear %*u:%*u %llu", &length,
			   &at) == 2)
			good = add_clusters(stores, at * 512,
					    (at + length) * 512, source->size);
	free(table);
	return good;
}

/* @entry: what is on the disk beneath the hook. Is it a store, by its UUID? */
static bool add_if_store(struct source *source, struct ranges *stores,
			 const char *entry)
{
	char path[PATH_MAX], uuid[160], name[160];

	snprintf(path, sizeof(path), "/sys/class/block/%s/dm/uuid", entry);
	if (!read_line(path, uuid, sizeof(uuid)) ||
	    strncmp(uuid, "INTERPOSE-COW-", strlen("INTERPOSE-COW-")))
		return true;
	snprintf(path, sizeof(path), "/sys/class/block/%s/dm/name", entry);
	return !read_line(path, name, sizeof(name)) ||
	       add_store(source, stores, name);
}

static bool add_stores_on(struct source *source, struct ranges *stores,
			  const char *beneath)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool good = true;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/class/block/%s/holders", beneath);
	dir = opendir(path);
	while (dir && good && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			good = add_if_store(source, stores, entry->d_name);
	if (dir)
		closedir(dir);
	return good;
}

bool freespace_leave_out_stores(struct source *source)
{
	struct ranges stores = { };
	char path[PATH_MAX];
	struct dirent *entry;
	bool good = true;
	struct stat st;
	DIR *dir;

	if (stat(source->node, &st))
		return true;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves",
		 major(st.st_rdev), minor(st.st_rdev));
	dir = opendir(path);
	while (dir && good && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "interpose", strlen("interpose")))
			good = add_stores_on(source, &stores, entry->d_name);
	if (dir)
		closedir(dir);
	if (good && stores.n)
		good = ranges_merge(&stores) &&
		       subtract(&source->ranges, &stores);
	free(stores.v);
	return good;
}
