// SPDX-License-Identifier: GPL-2.0
/*
 * backup mount: to look into a backup, and restore --file: to take something out
 *
 *     image <-- qemu-nbd --snapshot <-- /dev/nbd0 <-- mount -o ro
 *
 * A file system replays its journal also if it is mounted read-only. What it writes
 * then goes to a temporary file of qemu-nbd, and the image stays as it is.
 */
#include <blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "command.h"
#include "image.h"
#include "mount.h"
#include "source.h"
#include "state.h"

/*
 * The device
 */

static bool is_free(const char *node, const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/block/%s/pid", name);
	return access(path, F_OK) && !stat(node, &st) && S_ISBLK(st.st_mode);
}

/* Somebody else may take it meanwhile: then it is the next one */
static bool connect_nbd(const char *file, char *node, size_t size)
{
	const char *modprobe[] = { "modprobe", "nbd", NULL };
	const char *argv[] = { "qemu-nbd", "--snapshot", "--format=qcow2",
		"--connect", node, file, NULL };
	char name[32], why[512] = "";

	looks(modprobe);
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "nbd%d", i);
		snprintf(node, size, "/dev/%s", name);
		if (!is_free(node, name))
			continue;
		if (!step("qemu-nbd --snapshot --format=qcow2 --connect %s %s",
			  node, file) ||
		    !ask(argv, NULL, why, sizeof(why), -1))
			return true;
		if (!strstr(why, "busy"))
			break;
	}
	if (*why)
		complain("%s", why);
	else
		complain("there is no free /dev/nbd0 to /dev/nbd63; is there the module nbd?");
	return false;
}

static void disconnect_nbd(const char *node)
{
	const char *argv[] = { "qemu-nbd", "--disconnect", node, NULL };

	run(argv);
}

/* qemu-nbd has returned, and the kernel may still be at it */
static bool wait_for_size(const char *node)
{
	static const struct timespec tick = { .tv_nsec = 20000000 };
	off_t size = 0;

	for (int i = 0; i < 500 && size <= 0 && !interrupted(); i++) {
		int fd = open(node, O_RDONLY | O_CLOEXEC);

		size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
		if (fd >= 0)
			close(fd);
		if (size <= 0)
			nanosleep(&tick, NULL);
	}
	return size > 0;
}

void mount_type_of(const char *node, char *type, size_t size)
{
	blkid_probe probe = blkid_new_probe_from_filename(node);
	const char *value = NULL;

	if (probe && !blkid_do_safeprobe(probe))
		blkid_probe_lookup_value(probe, "TYPE", &value, NULL);
	snprintf(type, size, "%s", value ?: "");
	blkid_free_probe(probe);
}

bool mount_image(const char *file, const char *at, char *node, size_t size)
{
	char type[64];
	const char *argv[] = { "mount", "-o", "ro", node, at, NULL };

	if (!connect_nbd(file, node, size))
		return false;
	if (options.dry_run)
		return !run(argv);
	if (wait_for_size(node)) {
		mount_type_of(node, type, sizeof(type));
		/* the original is mounted, and has the same UUID */
		if (!strcmp(type, "xfs"))
			argv[2] = "ro,nouuid";
		if (!run(argv))
			return true;
	}
	disconnect_nbd(node);
	return false;
}

bool unmount_image(const char *at, const char *node)
{
	const char *argv[] = { "umount", at, NULL };

	if (run(argv))
		return false;
	disconnect_nbd(node);
	return true;
}

/*
 * The commands
 */

static struct option_values {
	const char *source;
} values;

static int parse(int argc, char **argv, const char *command, int wanted)
{
	static const struct option longs[] = {
		{ "source", required_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int option;

	while ((option = next_option(argc, argv, "", longs, NULL)) != -1) {
		if (option == '?')
			return usage_error("backup");
		values.source = optarg;
	}
	if (argc - optind == wanted)
		return -1;
	complain("backup %s: give %s", command, wanted == 1 ?
		 "the mount point" : "DIR or DIR@NAME, and a mount point");
	return usage_error("backup");
}

enum status mount_command(int argc, char **argv)
{
	char path[PATH_MAX], name[BACKUP_NAME_MAX], at[PATH_MAX], node[32];
	int done = parse(argc, argv, "mount", 2);
	struct backup *backup;
	struct store store;
	struct part *part;
	bool good;

	if (done >= 0)
		return done;
	if (!store_split(argv[optind], path, sizeof(path), name, sizeof(name)) ||
	    !image_programs())
		return FAILED;
	if (!realpath(argv[optind + 1], at))
		return refuse("%s: %s", argv[optind + 1], strerror(errno));
	if (!store_open(&store, path, false, false))
		return FAILED;
	backup = store_find(&store, name);
	part = backup ? backup_choose(backup, values.source) : NULL;
	good = part && mount_image(part->file, at, node, sizeof(node));
	if (good)
		say("%s of %s is mounted on %s, read-only; afterwards: interposectl backup umount %s",
		    part->source, backup->name, at, at);
	store_close(&store);
	return outcome(good);
}

enum status umount_command(int argc, char **argv)
{
	int done = parse(argc, argv, "umount", 1);
	char at[PATH_MAX], node[32], path[64];
	struct stat st;

	if (done >= 0)
		return done;
	if (!realpath(argv[optind], at) || stat(at, &st))
		return refuse("%s: %s", argv[optind], strerror(errno));
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_dev),
		 minor(st.st_dev));
	if (!realpath(path, at) || !strstr(at, "/nbd") ||
	    strlen(strrchr(at, '/')) > 16)
		return refuse("no backup is mounted on %s", argv[optind]);
	snprintf(node, sizeof(node), "/dev/%s", strrchr(at, '/') + 1);
	if (!realpath(argv[optind], at) || !unmount_image(at, node))
		return FAILED;
	say("%s is unmounted", at);
	return DONE;
}

/*
 * Files out of it
 */

/* Not out of the backup, by a link or by ".." */
static bool is_within(const char *at, const char *path)
{
	char real[PATH_MAX], joined[2 * PATH_MAX];
	size_t length = strlen(at);

	snprintf(joined, sizeof(joined), "%s/%s", at, path);
	/* a link itself is copied as a link: its directory has to be within */
	*strrchr(joined, '/') = '\0';
	if (realpath(joined, real) && !strncmp(real, at, length) &&
	    (!real[length] || real[length] == '/'))
		return true;
	complain("%s is not in the backup", path);
	return false;
}

bool restore_files(const char *file, char *const files[], size_t n,
		   const char *to)
{
	char at[] = "/tmp/interpose-backup-XXXXXX", node[32];
	bool good = true;

	if (!mkdtemp(at)) {
		complain("cannot make a directory: %s", strerror(errno));
		return false;
	}
	if (!mount_image(file, at, node, sizeof(node))) {
		rmdir(at);
		return false;
	}
	for (size_t i = 0; i < n && good && !interrupted(); i++) {
		char from[2 * PATH_MAX];
		const char *argv[] = { "cp", "-a", "-n", "--", from, to, NULL };

		snprintf(from, sizeof(from), "%s/%s", at, files[i]);
		good = is_within(at, files[i]) && !run(argv);
	}
	good &= unmount_image(at, node);
	rmdir(at);
	return good && !interrupted();
}
