// SPDX-License-Identifier: GPL-2.0
/*
 * On which disks a directory lies: one with the number of a disk (fake1), whose
 * file system is whatever a mount table made for that says.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backing.h"
#include "tap.h"

int __wrap_fstatfs(int fd, struct statfs *st);

static char root[] = "/tmp/interposectl-backing.XXXXXX";
static struct backing backing;
static struct stat st;

/* So that only the mount table counts */
int __wrap_fstatfs(int fd, struct statfs *out)
{
	(void)fd;
	(void)out;
	return -1;
}

static void sh(const char *commands)
{
	char line[2048];

	snprintf(line, sizeof(line), "cd %s && %s", root, commands);
	if (system(line))
		exit(1);
}

static void mounts(const char *table, const char *type, const char *options)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/%s/mountinfo", root, table);
	file = fopen(path, "a");
	fprintf(file, "36 1 %u:%u / /mnt rw,noatime shared:1 - %s /dev/fake1 rw%s\n",
		major(st.st_dev), minor(st.st_dev), type, options);
	fclose(file);
}

static void forget_mounts(void)
{
	sh("for table in proc/*/mountinfo; do : >$table; done");
}

/* @names: with blanks between; @why: part of what is unknown, or NULL */
static void lies(const char *claim, const char *names, const char *why)
{
	char text[256] = "";
	bool good;

	memset(&backing, 0, sizeof(backing));
	backing_of_directory(root, &backing);
	for (size_t i = 0; i < backing.n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			 i ? " " : "", backing.names[i]);
	good = !strcmp(text, names) && (why ? strstr(backing.unknown, why) != NULL :
		!*backing.unknown);
	is(claim, good);
	if (!good)
		printf("# '%s', unknown: '%s'\n", text, backing.unknown);
}

static void on_one_disk(void)
{
	static const char *const types[] = { "vfat", "msdos", "exfat", "ntfs3",
		"nilfs2", "udf", "iso9660", "hfsplus", "minix", "fuseblk",
		"fuseblk.ntfs", "xfs", "f2fs" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		forget_mounts();
		mounts("self", types[i], "");
		lies(types[i], "fake1", NULL);
	}
	forget_mounts();
	mounts("77", "vfat", "");
	lies("one that another process has mounted", "fake1", NULL);
}

static void on_others(void)
{
	static const char *const types[] = { "ext4", "ext3", "ext2" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		forget_mounts();
		mounts("self", types[i], "");
		lies(types[i], "fake1 fake2", NULL);
	}
	forget_mounts();
	mounts("self", "xfs", ",logdev=/dev/nosuch1,noquota");
	lies("an XFS with a log", "fake1", "/dev/nosuch1, which cannot be found");
	forget_mounts();
	mounts("self", "xfs", ",rtdev=/dev/nosuch2,noquota");
	lies("an XFS with a realtime device", "fake1", "/dev/nosuch2, which");
	forget_mounts();
	mounts("self", "f2fs", "");
	sh("printf 'Disk: 0 (zoned=0): 0x0 - 0x1 on /dev/nosuch3\n' >>proc/fs/f2fs/fake1/disk_map");
	lies("an f2fs on several", "fake1", "/dev/nosuch3, which");
	sh("rm proc/fs/f2fs/fake1/disk_map");
	lies("an f2fs that tells nothing", "fake1", "lies on an f2fs whose disks");
}

/* Its number is that of a disk, and where it has others is not known */
static void on_who_knows(void)
{
	static const char *const types[] = { "bcachefs", "jfs", "reiserfs",
		"gfs2", "ocfs2", "erofs", "zfs", "fuse", "ext", "ext4dev", "vfat2" };
	char why[128];

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		forget_mounts();
		mounts("self", types[i], "");
		snprintf(why, sizeof(why),
			 "lies on a file system (%s) whose disks are not known", types[i]);
		lies(types[i], "fake1", why);
	}
	mounts("self", "vfat2", "");
	mounts("self", "ext4", "");
	lies("two with one number", "fake1", "(vfat2 or ext4) whose disks are not known");
	forget_mounts();
	lies("one in no mount table", "fake1", "(in no mount table) whose disks are not known");
}

static void on_no_disk(void)
{
	static const char *const types[] = { "fuse.sshfs", "nfs4", "cifs", "overlay",
		"zfs", "virtiofs", "ext4" };
	char why[128];

	sh("rm dev/block/*");
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		forget_mounts();
		mounts("self", types[i], "");
		snprintf(why, sizeof(why),
			 "lies on a file system (%s) on an unknown disk", types[i]);
		lies(types[i], "", why);
	}
	forget_mounts();
	mounts("self", "ramfs", "");
	lies("ramfs", "", NULL);
	forget_mounts();
	mounts("self", "tmpfs", "");
	lies("tmpfs without swap space", "", NULL);
	sh("printf 'Filename Type\n/nosuch4 file 1 0 -2\n' >proc/swaps");
	lies("tmpfs", "", "(/nosuch4) is unknown");
}

int main(void)
{
	static char proc[64];
	char commands[1024];

	if (!mkdtemp(root) || stat(root, &st))
		return 1;
	sysfs_root = root;
	snprintf(proc, sizeof(proc), "%s/proc", root);
	proc_root = proc;
	snprintf(commands, sizeof(commands),
		 "mkdir -p class/block dev/block devices/fake1 devices/fake2 proc/self proc/77/ns "
		 "proc/fs/f2fs/fake1 proc/fs/jbd2/fake1-8 proc/fs/jbd2/fake2 && "
		 "echo %u:%u >devices/fake1/dev && echo 4000:2 >devices/fake2/dev && "
		 "ln -s ../../devices/fake1 ../../devices/fake2 class/block && "
		 "ln -s ../../devices/fake1 dev/block/%u:%u && "
		 "echo ' Checkpoint : 0x1 on X' >proc/fs/f2fs/fake1/disk_map && "
		 "touch proc/77/ns/mnt proc/self/mountinfo proc/77/mountinfo",
		 major(st.st_dev), minor(st.st_dev), major(st.st_dev), minor(st.st_dev));
	sh(commands);
	on_one_disk();
	on_others();
	on_who_knows();
	on_no_disk();
	sh("rm -r class dev devices proc");
	return rmdir(root) ? 1 : done();
}
