// SPDX-License-Identifier: GPL-2.0
/*
 * A generator of systemd: reads /etc/interposetab and /etc/fstab, and writes
 * when interpose@NAME.service is to be started and stopped:
 *
 *     device appears --> interpose@x.service --> fsck, mount, swap
 *                            (attach)                 |
 *                            (detach)  <--------- unmounted
 *
 * Usage: interpose-generator DIRECTORY [EARLY LATE]
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interposetab.h"

#ifndef UNIT_DIR
#define UNIT_DIR	"/lib/systemd/system"
#endif
#define DROP_IN		"50-interposetab.conf"

static const char *to;			/* the directory */
static bool failed;

/*
 * Messages: at boot nobody reads standard error
 */

/* In one write, for each is a message, and not by stdio, which would seek */
static void complain(const char *what, void *data)
{
	char text[PATH_MAX + 256];
	int n = snprintf(text, sizeof(text), "<3>interpose-generator: %.*s\n",
			 PATH_MAX, what);
	int log = isatty(STDERR_FILENO) ? -1 :
		  open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	(void)data;
	fputs(text + strlen("<3>"), stderr);
	if (log < 0)
		return;
	if (write(log, text, n) != n)
		fputs("interpose-generator: cannot write to /dev/kmsg\n",
		      stderr);
	close(log);
}

static void complain_of(const char *file, const struct tab_entry *entry)
{
	char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s:%u: a device name is too long for a systemd unit, or the line names too many devices; use shorter links",
		 file, entry->line);
	complain(text, NULL);
}

static void cannot(const char *what, const char *path)
{
	char text[PATH_MAX + 128];

	snprintf(text, sizeof(text), "cannot %s %s: %s", what, path,
		 strerror(errno));
	complain(text, NULL);
	failed = true;
}

/*
 * Files
 */

/* A file in a subdirectory, which is made */
static bool path_in(const char *directory, const char *file, char *path)
{
	if (snprintf(path, PATH_MAX, "%s/%s", to, directory) >= PATH_MAX ||
	    (mkdir(path, 0755) && errno != EEXIST)) {
		cannot("make", path);
		return false;
	}
	if (snprintf(path, PATH_MAX, "%s/%s/%s", to, directory, file) < PATH_MAX)
		return true;
	errno = ENAMETOOLONG;
	cannot("write", path);
	return false;
}

__attribute__((format(printf, 3, 4)))
static void write_drop_in(const char *unit, const char *file,
			  const char *format, ...)
{
	char directory[PATH_MAX], path[PATH_MAX];
	va_list args;
	FILE *out;

	snprintf(directory, sizeof(directory), "%s.d", unit);
	if (!path_in(directory, file, path))
		return;
	out = fopen(path, "we");
	if (!out) {
		cannot("write", path);
		return;
	}
	fputs("# Made by interpose-generator from " TAB_FILE "\n", out);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	if (fclose(out))
		cannot("write", path);
}

/* @file: in UNIT_DIR */
static void want(const char *by, const char *unit, const char *file)
{
	char directory[PATH_MAX], path[PATH_MAX], target[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s.wants", by);
	snprintf(target, sizeof(target), UNIT_DIR "/%s", file);
	if (path_in(directory, unit, path) && symlink(target, path) &&
	    errno != EEXIST)
		cannot("write", path);
}

/*
 * What one line needs
 */

#define UNIT_MAX	(NAME_MAX - 31)	/* with what is put around it, a file's name */

struct units {
	char self[TAB_NAME_MAX + 32];
	char path[TAB_PATH_MAX];	/* of the device */
	char device[UNIT_MAX];
	char others[4096];		/* devices among the arguments */
	char swap[UNIT_MAX];
	char fsck[UNIT_MAX + 32];
};

/* False: a name is too long for systemd */
static bool name_units(const struct tab_entry *entry, struct units *u)
{
	char path[TAB_PATH_MAX], unit[UNIT_MAX];
	size_t n = 0;

	snprintf(u->self, sizeof(u->self), "interpose@%s.service", entry->name);
	if (!tab_path(entry->device, u->path, sizeof(u->path)) ||
	    !tab_unit(u->path, "device", u->device, sizeof(u->device)) ||
	    !tab_unit(u->path, "swap", u->swap, sizeof(u->swap)) ||
	    !tab_unit(u->path, "service", unit, sizeof(unit)))
		return false;
	snprintf(u->fsck, sizeof(u->fsck), "systemd-fsck@%s", unit);
	*u->others = '\0';
	for (unsigned int i = 0; i < entry->n_args; i++) {
		if (!tab_is_device(entry->args[i]))
			continue;
		if (!tab_path(entry->args[i], path, sizeof(path)) ||
		    !tab_unit(path, "device", unit, sizeof(unit)) ||
		    n + sizeof(unit) >= sizeof(u->others))
			return false;
		if (strcmp(path, u->path))
			n += snprintf(u->others + n, sizeof(u->others) - n,
				      " %s", unit);
	}
	return true;
}

/* What is pinned stays to the very end, and so does what is under the root */
static void write_service(const struct tab_entry *entry, const struct units *u)
{
	bool stays = entry->pin || entry->initramfs;
	bool early = !entry->noauto && !entry->nofail;

	write_drop_in(u->self, DROP_IN,
		      "[Unit]\n"
		      "SourcePath=" TAB_FILE "\n"
		      "%s=%s\n"
		      "%s%s%s"
		      "After=%s%s\n"
		      "Before=%s %s\n"
		      "%s%s%s"
		      "[Service]\n%s",
		      stays ? "Wants" : "BindsTo", u->device,
		      *u->others ? "Requires=" : "", u->others,
		      *u->others ? "\n" : "", u->device, u->others, u->fsck, u->swap,
		      early ? "Wants=local-fs-pre.target\n"
			      "Before=local-fs-pre.target\n" : "",
		      stays ? "" : "Conflicts=umount.target\n"
				   "Before=umount.target\n",
		      entry->pin ? "RefuseManualStop=yes\n" : "",
		      entry->pin ? "ExecStop=\n" : "");
	if (!entry->noauto)
		want("local-fs.target", u->self, "interpose@.service");
	if (!strcmp(entry->args[0], "era"))
		want("timers.target", "interpose-track.timer",
		     "interpose-track.timer");
}

/*
 * A mount of the device goes on after it alone, but is not stopped with it. Is
 * there no interposer, it fails, unless that may be so.
 */
static void write_mounts(FILE *fstab, const struct tab_entry *entry,
			 const struct units *u)
{
	char path[TAB_PATH_MAX], unit[UNIT_MAX], file[TAB_NAME_MAX + 32];
	struct mntent *mount;

	rewind(fstab);
	while ((mount = getmntent(fstab))) {
		if (!tab_path(mount->mnt_fsname, path, sizeof(path)) ||
		    strcmp(path, u->path) || *mount->mnt_dir != '/' ||
		    !mount->mnt_dir[strspn(mount->mnt_dir, "/")])
			continue;
		if (!tab_unit(mount->mnt_dir, "mount", unit, sizeof(unit)))
			continue; /* systemd does not mount it either */
		snprintf(file, sizeof(file), "50-interpose-%s.conf",
			 entry->name);
		write_drop_in(unit, file,
			      "[Unit]\n"
			      "Wants=%s\n"
			      "After=%s\n"
			      "%s%s%s", u->self, u->self,
			      entry->nofail ? "" : "AssertPathExists=/dev/mapper/",
			      entry->nofail ? "" : entry->name,
			      entry->nofail ? "" : "\n");
	}
}

/*
 * All of them
 */

static const char *file_named(const char *variable, const char *usual)
{
	const char *name = getenv(variable);

	return name ? name : usual;
}

static bool generate(void)
{
	const char *name = file_named("SYSTEMD_INTERPOSETAB", TAB_FILE);
	FILE *file = fopen(name, "re"), *fstab;
	struct units units;
	struct tab tab;

	if (!file && errno == ENOENT)
		return true;
	if (!file || !tab_read(file, name, complain, NULL, &tab)) {
		cannot("read", name);
		return false;
	}
	fclose(file);
	fstab = setmntent(file_named("SYSTEMD_FSTAB", "/etc/fstab"), "re");
	for (size_t i = 0; i < tab.n; i++) {
		if (!name_units(&tab.v[i], &units)) {
			complain_of(name, &tab.v[i]);
			continue;
		}
		write_service(&tab.v[i], &units);
		if (fstab && !tab.v[i].noauto)
			write_mounts(fstab, &tab.v[i], &units);
	}
	if (fstab)
		endmntent(fstab);
	tab_free(&tab);
	return !failed;
}

int main(int argc, char **argv)
{
	if (argc != 2 && argc != 4) {
		fputs("usage: interpose-generator DIRECTORY [EARLY LATE]\n",
		      stderr);
		return 2;
	}
	to = argv[1];
	umask(022);
	return !generate();
}
