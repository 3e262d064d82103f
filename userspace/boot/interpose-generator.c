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
#define FILE_DROP_IN	"51-interposetab-file.conf"

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

static void complain_of_file(const struct tab_entry *entry, const char *directory)
{
	char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s: %.1000s lies below %.1000s, which is to be mounted when %s is attached; name a file elsewhere",
		 entry->name, tab_file_of(entry), directory, entry->name);
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
	char file[2 * TAB_LINE_MAX];	/* and a file, as a unit names it, or "" */
	char swap[UNIT_MAX];
	char fsck[UNIT_MAX + 32];
};

/* %% stands for a percent sign; other letters that mean something are not in it */
static void name_file(const struct tab_entry *entry, struct units *u)
{
	const char *word = tab_file_of(entry);
	char path[TAB_LINE_MAX + 1] = "";
	size_t n = 0;

	if (word)
		tab_file(word, path, sizeof(path));
	*u->file = '\0';
	for (const char *c = path; *c && n < sizeof(u->file); c++)
		n += snprintf(u->file + n, sizeof(u->file) - n,
			      *c == '%' ? "%%%%" : "%c", *c);
}

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
	name_file(entry, u);
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

/* Its file system is to be mounted before, writable, and unmounted afterwards */
static void write_file(const struct units *u)
{
	write_drop_in(u->self, FILE_DROP_IN,
		      "[Unit]\n"
		      "RequiresMountsFor=\"%s\"\n"
		      "After=systemd-remount-fs.service\n"
		      "[Service]\n"
		      "ExecStop=\n"
		      "ExecStop=/usr/sbin/interposectl stop --shutdown %%i\n",
		      u->file);
}

/*
 * What is pinned stays to the very end, and so does what is under the root; but no
 * file system is unmounted as long as a file on it is in use.
 */
static void write_service(const struct tab_entry *entry, const struct units *u)
{
	bool held = entry->pin || entry->initramfs;
	bool stays = held && !*u->file;
	bool early = !entry->noauto && !entry->nofail && !*u->file;

	if (*u->file)
		write_file(u);
	write_drop_in(u->self, DROP_IN,
		      "[Unit]\n"
		      "SourcePath=" TAB_FILE "\n"
		      "%s=%s\n"
		      "%s%s%s"
		      "After=%s%s\n"
		      "Before=%s %s\n"
		      "%s%s%s"
		      "[Service]\n%s",
		      held ? "Wants" : "BindsTo", u->device,
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

/* What is mounted there, or below, would wait for itself */
static bool is_in(const char *file, const char *directory)
{
	size_t n = strlen(directory);

	while (n && directory[n - 1] == '/')
		n--;
	return !strncmp(file, directory, n) && file[n] == '/';
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
		if (is_in(u->file, mount->mnt_dir)) {
			complain_of_file(entry, mount->mnt_dir);
			continue;
		}
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
