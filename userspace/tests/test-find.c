// SPDX-License-Identifier: GPL-2.0
/*
 * Words for devices, in a sysfs made of files. No such device has a node, and
 * all numbers have a major that nobody has.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "say.h"
#include "tap.h"

static char root[] = "/tmp/interposectl-find.XXXXXX";

static void make(const char *name, unsigned int minor, const char *map)
{
	char line[1024];

	snprintf(line, sizeof(line),
		 "cd %s && mkdir -p 'devices/%s' class/block dev/block && cd 'devices/%s' && "
		 "echo 4000:%u >dev && echo 2048 >size && ln -s '../../devices/%s' ../../class/block/ && "
		 "ln -s '../../devices/%s' ../../dev/block/4000:%u", root, name,
		 name, minor, name, name, minor);
	if (system(line))
		exit(1);
	if (!map)
		return;
	snprintf(line, sizeof(line), "cd '%s/devices/%s' && mkdir dm && cat >dm/name",
		 root, name);
	FILE *file = popen(line, "w");

	fputs(map, file);
	fputc('\n', file);
	pclose(file);
}

static bool finds(const char *word, unsigned int minor)
{
	struct device device;

	return device_look(word, &device) == 1 &&
	       device.dev == makedev(4000, minor) && device.sectors == 2048;
}

static void found(void)
{
	is("a name of the kernel", finds("fake1", 1));
	is("one with a '!'", finds("cciss!c0d0", 2));
	is("a number", finds("4000:2", 2));
	is("a mapped device as the kernel calls it", finds("dm-77", 3));
	is("a mapped device by its name", finds("vg0-home", 3));
	is("one with a blank, as it is written", finds("a\\x20b", 4));
	is("and as it was meant", finds("a b", 4));
	is("one with UTF-8", finds("caf\xc3\xa9", 5));
	is("one whose node libdevmapper has called otherwise",
	   finds("/dev/mapper/caf\xc3\xa9", 5));
	is("and the other way round", finds("caf\\xc3\\xa9", 5));
	is("that of another one, as it is printed",
	   finds("/dev/mapper/na\xc3\xafve\\x20one", 7));
	is("in the same way without a path", finds("na\xc3\xafve\\x20one", 7));
	is("and as it was meant", finds("na\xc3\xafve one", 7));
	is("a word that is none", device_look("nosuch", &(struct device){ }) == 0);
	is("nor a path", device_look("/nosuch/file", &(struct device){ }) == 0);
	is("nor an empty one", device_look("", &(struct device){ }) == 0);
}

static void refused(void)
{
	static const struct {
		const char *word, *says;
	} cases[] = {
		{ "4000:99", "no block device 4000:99" },
		{ "/dev/null", "not a block device" },
		{ "/etc/passwd", "is a file" },
		{ "/proc", "name the device" },
		{ "LABEL=nobody has that", "no block device has LABEL=nobody has that" },
		{ "UUID=", "no block device has UUID=" },
		{ "PARTLABEL=x\\x20y", "no block device has PARTLABEL" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		FILE *err = stderr;
		char *said, claim[128];
		size_t length;
		struct device device;
		int result;

		stderr = open_memstream(&said, &length);
		result = device_look(cases[i].word, &device);
		fclose(stderr);
		stderr = err;
		snprintf(claim, sizeof(claim), "%s is refused in one line", cases[i].word);
		is(claim, result == -1 && strstr(said, cases[i].says) &&
		   strchr(said, '\n') == said + length - 1);
		free(said);
	}
}

static bool shows(const char *name, const char *shown, const char *column)
{
	char out[SHOWN_SIZE];

	return !strcmp(device_shown(name, out, sizeof(out)), shown) &&
	       !strcmp(device_column(name, out, sizeof(out)), column);
}

static void printed(void)
{
	is("a disk", shows("fake1", "/dev/fake1", "fake1"));
	is("one in a directory", shows("cciss!c0d0", "/dev/cciss/c0d0", "cciss/c0d0"));
	is("a mapped device", shows("dm-77", "/dev/mapper/vg0-home", "vg0-home"));
	is("one with a blank", shows("dm-78", "/dev/mapper/a\\x20b", "a\\x20b"));
	is("one with UTF-8", shows("dm-79", "/dev/mapper/caf\xc3\xa9", "caf\xc3\xa9"));
	is("one with UTF-8 that libdevmapper has written",
	   shows("dm-81", "/dev/mapper/na\xc3\xafve\\x20one", "na\xc3\xafve\\x20one"));
	is("one that controls a terminal", shows("dm-80", "/dev/mapper/\\x1b[2J", "\\x1b[2J"));
}

/* What somebody types is the directory itself, and its number that of fake90 */
static const char *looked_up(const char *type, const struct statx *at)
{
	static char says[2 * PATH_MAX];
	FILE *err = stderr, *mounts;
	struct device device;
	char path[PATH_MAX];
	size_t length;
	char *said;

	mounts = fopen(proc_path("self/mountinfo", path, sizeof(path)), "w");
	fprintf(mounts, "%llu 1 %u:%u / /mnt rw - %s /dev/fake90 rw\n",
		(unsigned long long)at->stx_mnt_id, at->stx_dev_major,
		at->stx_dev_minor, type);
	fclose(mounts);
	stderr = open_memstream(&said, &length);
	if (device_look(root, &device) == 1)
		complain("%s", device.shown);
	fclose(stderr);
	stderr = err;
	snprintf(says, sizeof(says), "%s", said);
	free(said);
	return says;
}

static void directories(void)
{
	static const char several[] = "that may be on several block devices; name the device\n";
	static char proc[64];
	struct statx at;
	char line[1024];

	if (statx(AT_FDCWD, root, 0, STATX_BASIC_STATS | STATX_MNT_ID, &at))
		exit(1);
	make("fake90", 90, NULL);
	snprintf(proc, sizeof(proc), "%s/proc", root);
	proc_root = proc;
	snprintf(line, sizeof(line), "cd %s && mkdir -p proc/self proc/fs/f2fs/fake90 && touch proc/fs/f2fs/fake90/disk_map && "
		 "echo %u:%u >devices/fake90/dev && ln -s ../../devices/fake90 dev/block/%u:%u",
		 root, at.stx_dev_major, at.stx_dev_minor, at.stx_dev_major, at.stx_dev_minor);
	if (system(line))
		exit(1);
	is("a directory on an ext4", !strcmp(looked_up("ext4", &at), "interposectl: /dev/fake90\n"));
	is("on a JFS", !strcmp(looked_up("jfs", &at), "interposectl: /dev/fake90\n"));
	is("on an f2fs of one device", !strcmp(looked_up("f2fs", &at), "interposectl: /dev/fake90\n"));
	is("on a bcachefs, it is not the first device that is meant",
	   strstr(looked_up("bcachefs", &at), "is on a file system (bcachefs) ") &&
	   strstr(looked_up("bcachefs", &at), several));
	snprintf(line, sizeof(line), "echo 'Disk: 0 (zoned=0): 0x0 - 0x1 on /dev/nosuch' >%s/proc/fs/f2fs/fake90/disk_map",
		 root);
	if (system(line))
		exit(1);
	is("nor on an f2fs of several", strstr(looked_up("f2fs", &at), several));
	is("on a FUSE disk", !strcmp(looked_up("fuseblk", &at), "interposectl: /dev/fake90\n"));
	is("on an overlay", strstr(looked_up("overlay", &at), "name the device\n"));
}

int main(void)
{
	char node[PATH_MAX];

	if (!mkdtemp(root))
		return 1;
	sysfs_root = root;
	make("fake1", 1, NULL);
	make("cciss!c0d0", 2, NULL);
	make("dm-77", 3, "vg0-home");
	make("dm-78", 4, "a\\x20b");
	make("dm-79", 5, "caf\xc3\xa9");
	make("dm-80", 6, "\033[2J");
	make("dm-81", 7, "na\\xc3\\xafve\\x20one");
	found();
	refused();
	printed();
	device_node("cciss!c0d0", node, sizeof(node));
	is("without a node, its number goes into a table", !strcmp(node, "4000:2"));
	directories();
	snprintf(node, sizeof(node), "rm -r %s", root);
	return system(node) ? 1 : done();
}
