// SPDX-License-Identifier: GPL-2.0
/*
 * Words for devices, in a sysfs made of files. No such device has a node, and
 * all numbers have a major that nobody has.
 */
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
	snprintf(node, sizeof(node), "rm -r %s", root);
	return system(node) ? 1 : done();
}
