// SPDX-License-Identifier: GPL-2.0
/*
 * A sysfs made of files:
 *
 *   sda: sda1, sda2; sdb: sdb1; dm-0 on sda2; loop0 on a file on sda1;
 *   loop1 on a file on dm-0, and so on, see backing_of(); md0 on sda1 and sdb1, with md0p1
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sysfs.h"
#include "tap.h"

static char root[] = "/tmp/interposectl-sysfs.XXXXXX";

/* In the root, with $1 and $2 */
static void shell(const char *commands, const char *one, const char *two)
{
	char line[1024];

	snprintf(line, sizeof(line), "cd %s && set -e -- '%s' '%s' && %s", root,
		 one, two, commands);
	if (system(line))
		exit(1);
}

static void make_disk(const char *disk, const char *number)
{
	shell("mkdir -p devices/$1/slaves class/block dev/block; echo $2 >devices/$1/dev; echo 2048 >devices/$1/size; "
	      "ln -s ../../devices/$1 class/block/; ln -s ../../devices/$1 dev/block/$2",
	      disk, number);
}

static void make_partition(const char *disk, const char *name)
{
	shell("mkdir devices/$1/$2; echo 1 >devices/$1/$2/partition; ln -s ../../devices/$1/$2 class/block/",
	      disk, name);
}

static void make_slave(const char *name, const char *slave)
{
	shell("ln -s ../../../class/block/$2 devices/$1/slaves/", name, slave);
}

static void backing_of(const char *disk, struct backing *backing)
{
	static const char *const on[][2] = {
		{ "loop0", "sda1" }, { "loop1", "dm-0" },
		{ "loop3", "sda2" }, { "loop3", "sdb1" },	/* a btrfs */
		{ "loop4", "sdb1" }, { "loop5", "loop4" },
	};

	for (size_t i = 0; i < sizeof(on) / sizeof(*on); i++)
		if (!strcmp(on[i][0], disk))
			strcpy(backing->names[backing->n++], on[i][1]);
	if (!strcmp(disk, "loop4"))
		strcpy(backing->unknown, "lies on a cloud too");
}

static void make_all(void)
{
	make_disk("sda", "8:0");
	make_partition("sda", "sda1");
	make_partition("sda", "sda2");
	make_disk("sdb", "8:16");
	make_partition("sdb", "sdb1");
	make_disk("dm-0", "254:0");
	make_slave("dm-0", "sda2");
	make_disk("loop0", "7:0");
	make_disk("loop1", "7:1");
	make_disk("loop2", "7:2");
	make_disk("loop3", "7:3");
	make_disk("loop4", "7:4");
	make_disk("loop5", "7:5");
	make_disk("nbd12", "43:12");
	make_partition("nbd12", "nbd12p1");
	make_disk("nbdx", "43:13");
	make_disk("md0", "9:0");
	make_partition("md0", "md0p1");
	make_slave("md0", "sda1");
	make_slave("md0", "sdb1");
	make_disk("dm-1", "254:1");
	make_slave("dm-1", "dm-1");
}

static void names(void)
{
	char name[NAME_SIZE];
	dev_t dev;

	is("a number has its name", sysfs_name(makedev(8, 0), name) &&
	   !strcmp(name, "sda"));
	is("an unknown number has none", !sysfs_name(makedev(9, 9), name));
	is("a name has its number", sysfs_devno("dm-0", &dev) &&
	   dev == makedev(254, 0));
	is("a partition's disk", sysfs_disk("sda1", name) &&
	   !strcmp(name, "sda"));
	is("a disk's disk", sysfs_disk("sda", name) && !strcmp(name, "sda"));
	is("a size", sysfs_sectors("sda") == 2048);
	is("interpose12 is a bypass disk", sysfs_is_bypass("interpose12"));
	is("interpose is none", !sysfs_is_bypass("interpose"));
	is("interpose1x is none", !sysfs_is_bypass("interpose1x"));
}

static void walks(void)
{
	is("a device lies on itself", sysfs_lies_on("sda1", "sda1"));
	is("a partition on its disk", sysfs_lies_on("sda1", "sda"));
	is("a disk on its partition", sysfs_lies_on("sda", "sda1"));
	is("a partition not on its neighbour", !sysfs_lies_on("sda2", "sda1"));
	is("a disk not on another one", !sysfs_lies_on("sdb1", "sda"));
	is("a mapped device on its slave", sysfs_lies_on("dm-0", "sda2"));
	is("and on its slave's disk", sysfs_lies_on("dm-0", "sda"));
	is("but not on that one's other partition",
	   !sysfs_lies_on("dm-0", "sda1"));
	is("a loop device on its file's device", sysfs_lies_on("loop0", "sda1"));
	is("and on what that lies on", sysfs_lies_on("loop1", "sda2"));
	is("but on no other", !sysfs_lies_on("loop1", "sda1"));
	is("a file in memory lies on nothing", !sysfs_lies_on("loop2", "sda"));
	is("a partition of an array on its legs", sysfs_lies_on("md0p1", "sdb1"));
	is("a circle is no endless walk", sysfs_lies_on("dm-1", "sda"));
}

static void unknowns(void)
{
	char why[64];

	is("a file on two devices lies on the first",
	   sysfs_where("loop3", "sda2", why, sizeof(why)) == LIES_ON);
	is("and on the second, for certain",
	   sysfs_where("loop3", "sdb", why, sizeof(why)) == LIES_ON && !*why);
	is("and on no third",
	   sysfs_where("loop3", "sda1", why, sizeof(why)) == LIES_NOT && !*why);
	is("what cannot be told may be on anything",
	   sysfs_where("loop4", "sda", why, sizeof(why)) == LIES_UNKNOWN &&
	   !strcmp(why, "loop4 lies on a cloud too"));
	is("a yes is more than that",
	   sysfs_where("loop4", "sdb", why, sizeof(why)) == LIES_ON);
	is("so it is beneath another one",
	   sysfs_where("loop5", "md0", why, sizeof(why)) == LIES_UNKNOWN &&
	   sysfs_where("loop5", "sdb1", why, sizeof(why)) == LIES_ON);
	is("a program's disk may be on anything",
	   sysfs_where("nbd12", "sda", why, sizeof(why)) == LIES_UNKNOWN &&
	   strstr(why, "nbd12 "));
	is("and its partition",
	   sysfs_where("nbd12p1", "sda", why, sizeof(why)) == LIES_UNKNOWN);
	is("and is for certain itself",
	   sysfs_where("nbd12p1", "nbd12", why, sizeof(why)) == LIES_ON);
	is("what is called in another way is none",
	   sysfs_where("nbdx", "sda", why, sizeof(why)) == LIES_NOT);
	is("what cannot be told is not certain", !sysfs_lies_on("loop4", "sda"));
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	sysfs_root = root;
	sysfs_backing = backing_of;
	make_all();
	names();
	walks();
	unknowns();
	shell("rm -r \"$PWD\"", "", "");
	return done();
}
