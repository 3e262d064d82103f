// SPDX-License-Identifier: GPL-2.0
/*
 * restore: verified first, and then written by qemu-img, to a new file or to a
 * device that nobody uses
 */
#include <blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "command.h"
#include "copy.h"
#include "mount.h"
#include "state.h"

struct target {
	const char *argument;
	char path[PATH_MAX];		/* absolute */
	bool device;
	bool exists;
	int fd;				/* a device is claimed, until the end */
	uint64_t size;
};

/* The directory has to be there, the file not */
static bool absolute(struct target *target)
{
	char directory[PATH_MAX], real[PATH_MAX];
	const char *slash = strrchr(target->argument, '/');

	if (realpath(target->argument, target->path))
		return true;
	snprintf(directory, sizeof(directory), "%.*s",
		 slash ? (int)(slash - target->argument + 1) : 1,
		 slash ? target->argument : ".");
	if (errno == ENOENT && realpath(directory, real) &&
	    (size_t)snprintf(target->path, sizeof(target->path), "%s/%s", real,
			     slash ? slash + 1 : target->argument) <
	    sizeof(target->path))
		return true;
	complain("%s: %s", target->argument, strerror(errno));
	return false;
}

/* Nobody can mount it, nor put anything on it, as long as it is open */
static bool claim(struct target *target)
{
	target->fd = open(target->path, O_RDWR | O_EXCL | O_CLOEXEC);
	if (target->fd >= 0 && !ioctl(target->fd, BLKGETSIZE64, &target->size))
		return true;
	if (errno == EBUSY)
		complain("%s is mounted, or in use by something else; a device to restore to has to be free",
			 target->argument);
	else
		complain("cannot write to %s: %s", target->argument,
			 strerror(errno));
	return false;
}

static bool find_target(struct target *target, const char *argument)
{
	struct stat st;

	memset(target, 0, sizeof(*target));
	target->fd = -1;
	target->argument = argument;
	if (!absolute(target))
		return false;
	target->exists = !stat(target->path, &st);
	target->device = target->exists && S_ISBLK(st.st_mode);
	if (!target->exists || S_ISREG(st.st_mode))
		return true;
	if (target->device)
		return claim(target);
	complain("%s is neither a file nor a block device", argument);
	return false;
}

static void what_is_there(const struct target *target, char *text, size_t size)
{
	blkid_probe probe = blkid_new_probe_from_filename(target->path);
	const char *type = NULL;

	if (probe && !blkid_do_safeprobe(probe))
		blkid_probe_lookup_value(probe, "TYPE", &type, NULL);
	if (type)
		snprintf(text, size, ", which holds data (%s)", type);
	else
		*text = '\0';
	blkid_free_probe(probe);
}

static bool ask_user(const struct target *target, bool yes)
{
	char answer[16], there[80];

	if (!target->exists || yes)
		return true;
	what_is_there(target, there, sizeof(there));
	if (!isatty(STDIN_FILENO)) {
		complain("all of %s%s would be overwritten; if that is what you want, add --yes",
			 target->argument, there);
		return false;
	}
	fprintf(stderr, "This overwrites all of %s%s. Are you sure? Type YES: ",
		target->argument, there);
	if (fgets(answer, sizeof(answer), stdin) && !strcmp(answer, "YES\n"))
		return true;
	complain("nothing was changed");
	return false;
}

static bool fits(const struct target *target, const struct part *part)
{
	if (!target->device || target->size >= part->size)
		return true;
	complain("%s is too small: it has %llu bytes, and %llu are needed",
		 target->argument, (unsigned long long)target->size,
		 (unsigned long long)part->size);
	return false;
}

/* A compressed image has whole clusters, and a device may have no room for that */
static bool convert(const struct target *target, const struct part *part,
		    const char *path)
{
	char image[NAME_MAX + 160];
	const char *file[] = { "qemu-img", "convert", "-U", "-f", "qcow2", "-O",
		"raw", "-W", part->file, path, NULL };
	const char *device[] = { "qemu-img", "convert", "-U", "--image-opts", "-n",
		"-t", "none", "-O", "raw", "-W", image, path, NULL };
	const char *const *argv = target->device ? device : file;

	snprintf(image, sizeof(image),
		 "driver=raw,size=%llu,file.driver=qcow2,file.file.driver=file,file.file.filename=%s",
		 (unsigned long long)part->size, part->file);
	if (run(argv)) {
		if (!interrupted())
			complain("%s is not restored", part->source);
		return false;
	}
	if (options.dry_run)
		return true;
	if (!target->device && truncate(path, part->size)) {
		complain("%s: %s", path, strerror(errno));
		return false;
	}
	return file_sync(path);
}

static bool restore_to(const struct target *target, const struct part *part)
{
	char path[PATH_MAX + 16];

	if (target->device)
		return convert(target, part, target->path);
	snprintf(path, sizeof(path), "%s" UNFINISHED, target->path);
	if (!convert(target, part, path)) {
		unlink(path);
		return false;
	}
	if (!step("mv %s %s", path, target->path) ||
	    !rename(path, target->path))
		return true;
	complain("cannot rename %s: %s", path, strerror(errno));
	unlink(path);
	return false;
}

#define FILES_MAX	256

struct request {
	char path[PATH_MAX], name[BACKUP_NAME_MAX];
	const char *to;
	const char *source;
	char *files[FILES_MAX];		/* of it, and not all of it */
	size_t n_files;
	bool yes;
	bool trust;
};

/* An image would be replaced by what is in it; this is the directory of the backups */
static bool is_elsewhere(const struct target *target)
{
	char directory[PATH_MAX];
	struct stat here, there;

	snprintf(directory, sizeof(directory), "%s", target->path);
	*strrchr(directory, '/') = '\0';
	if (stat(".", &here) || stat(*directory ? directory : "/", &there) ||
	    here.st_dev != there.st_dev || here.st_ino != there.st_ino)
		return true;
	complain("%s is among the backups; restore to a file in another directory",
		 target->argument);
	return false;
}

/* In a directory, where nothing is replaced unasked */
static bool may_restore_files(const struct request *request)
{
	char path[2 * PATH_MAX], *name;
	struct stat st;

	for (size_t i = 0; i < request->n_files; i++) {
		for (name = request->files[i] + strlen(request->files[i]);
		     name > request->files[i] && name[-1] == '/';)
			*--name = '\0';
		name = strrchr(request->files[i], '/');
		name = name ? name + 1 : request->files[i];
		if (!*name || !strcmp(name, ".") || !strcmp(name, "..")) {
			complain("--file: '%s' is not the path of a file",
				 request->files[i]);
			return false;
		}
		snprintf(path, sizeof(path), "%s/%s", request->to, name);
		if (request->yes || lstat(path, &st))
			continue;
		complain("%s is there already; to overwrite it, add --yes", path);
		return false;
	}
	return true;
}

static bool restore_some(struct store *store, const struct request *request)
{
	struct backup *backup = store_find(store, request->name);
	struct part *part;

	part = backup ? backup_choose(backup, request->source) : NULL;
	if (!part || !restore_files(part->file, request->files,
				    request->n_files, request->to))
		return false;
	say("%zu of %s of %s, %s, restored to %s", request->n_files,
	    part->source, backup->name, backup->made, request->to);
	return true;
}

static enum status restore_files_command(struct request *request)
{
	char to[PATH_MAX];
	struct store store;
	struct stat st;
	bool good;

	if (!realpath(request->to, to) || stat(to, &st) || !S_ISDIR(st.st_mode))
		return refuse("%s is not a directory; files are restored to one",
			      request->to);
	request->to = to;
	if (!image_programs() || !may_restore_files(request))
		return FAILED;
	good = store_open(&store, request->path, false, false) &&
	       restore_some(&store, request);
	store_close(&store);
	return outcome(good);
}

static bool add_file(struct request *request, char *file)
{
	if (request->n_files < FILES_MAX) {
		request->files[request->n_files++] = file;
		return true;
	}
	complain("these are too many files for one command");
	return false;
}

static bool restore(struct store *store, const struct request *request,
		    const struct target *target)
{
	struct backup *backup = store_find(store, request->name);
	struct part *part;

	part = backup ? backup_choose(backup, request->source) : NULL;
	if (!part || !fits(target, part) || !is_elsewhere(target))
		return false;
	if (!request->trust && !verify_backup(store, backup, true)) {
		if (!interrupted())
			complain("the backup %s is damaged, so nothing is restored; to restore what is left of it, add --no-verify",
				 backup->name);
		return false;
	}
	if (interrupted() || !ask_user(target, request->yes) ||
	    !restore_to(target, part))
		return false;
	say("%s is %s of %s, %s", request->to, part->source, backup->name,
	    backup->made);
	if (target->device && target->size > part->size)
		say("the last %llu bytes of %s are as they were",
		    (unsigned long long)(target->size - part->size), request->to);
	return true;
}

enum status restore_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "source", required_argument, NULL, 'S' },
		{ "file", required_argument, NULL, 'F' },
		{ "yes", no_argument, NULL, 'y' },
		{ "no-verify", no_argument, NULL, 'n' },
		{ "progress", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	static struct request request;
	struct target target;
	struct store store;
	bool good = true;
	int option;

	while ((option = next_option(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 't': request.to = optarg; break;
		case 'S': request.source = optarg; break;
		case 'F': good &= add_file(&request, optarg); break;
		case 'y': request.yes = true; break;
		case 'n': request.trust = true; break;
		case 'p': good &= choose_progress(optarg); break;
		default: return usage_error("restore");
		}
	}
	if (good && argc - optind != 1)
		complain("restore: give one DIR or DIR@NAME");
	else if (good && !request.to)
		complain("restore: --to DEVICE or FILE is missing");
	if (!good || argc - optind != 1 || !request.to)
		return usage_error("restore");
	if (!store_split(argv[optind], request.path, sizeof(request.path),
			 request.name, sizeof(request.name)))
		return FAILED;
	if (request.n_files)
		return restore_files_command(&request);
	if (!image_programs() || !find_target(&target, request.to))
		return FAILED;
	good = store_open(&store, request.path, false, false) &&
	       restore(&store, &request, &target);
	store_close(&store);
	if (target.fd >= 0)
		close(target.fd);
	return outcome(good);
}
