// SPDX-License-Identifier: GPL-2.0
/*
 * What is said of the snapshots of each kind of content
 */
#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "device.h"
#include "tap.h"

static unsigned char head[CONTENT_HEAD];
static char text[1024];

void device_signature(const char *path, char *type, size_t size)
{
	(void)path;
	snprintf(type, size, "ext4");
}

static struct content of(const char *type)
{
	struct content content = { };

	snprintf(content.type, sizeof(content.type), "%s", type);
	content_parse(head, sizeof(head), &content);
	return content;
}

static bool hints(const struct content *content, const char *log,
		  const char *realtime, const char *wanted)
{
	content_hint(content, "s", log, realtime, text, sizeof(text));
	if (strstr(text, wanted))
		return true;
	printf("# '%s' is not in: %s\n", wanted, text);
	return false;
}

static void test_ext(void)
{
	struct content content;

	memset(head, 0, sizeof(head));
	content = of("ext2");
	is("ext2 without a journal", !content.other_journal &&
	   hints(&content, NULL, NULL, "mount -o ro /dev/mapper/s DIRECTORY"));
	head[1024 + 0x5c] = 0x3c;
	head[1024 + 0xe0] = 8;
	content = of("ext4");
	is("ext4 with its own", !content_needs_others(&content) &&
	   hints(&content, NULL, NULL, "mount -o ro /dev/mapper/s DIRECTORY"));
	head[1024 + 0xe0] = 0;
	content = of("ext4");
	is("ext4 with one elsewhere", content_needs_others(&content) &&
	   hints(&content, NULL, NULL, "mount -o ro,noload /dev/mapper/s DIRECTORY"));
}

static void test_xfs(void)
{
	struct content content;

	memset(head, 0, sizeof(head));
	memcpy(head, "XFSB", 4);
	head[55] = 6;
	content = of("xfs");
	is("xfs", !content_needs_others(&content) &&
	   hints(&content, NULL, NULL, "mount -o ro,nouuid /dev/mapper/s DIRECTORY"));
	head[55] = 0;
	content = of("xfs");
	is("xfs with a log elsewhere", content.other_log && !content.realtime &&
	   hints(&content, "l", NULL, "mount -o ro,nouuid,logdev=/dev/mapper/l /dev/mapper/s DIRECTORY"));
	is("of which there is no snapshot", !hints(&content, NULL, NULL, "mount -o") &&
	   strstr(text, "its log on another device"));
	head[23] = 1;
	content = of("xfs");
	is("and a realtime device", content.realtime &&
	   hints(&content, "l", "r", "mount -o ro,nouuid,logdev=/dev/mapper/l,rtdev=/dev/mapper/r /dev/mapper/s "));
	is("of which there is none", hints(&content, "l", NULL, "its realtime part on another device"));
	memset(head, 0, 4);
	content = of("xfs");
	is("no magic number, no reading", !content_needs_others(&content));
}

static void test_btrfs(void)
{
	struct content content;

	memset(head, 0, sizeof(head));
	memcpy(head + 65536 + 0x40, "_BHRfS_M", 8);
	head[65536 + 0x88] = 1;
	content = of("btrfs");
	is("btrfs on an old kernel", hints(&content, NULL, NULL, "copy it as a whole"));
	content.btrfs_clones = true;
	is("on a newer one", hints(&content, NULL, NULL, "mount -o ro /dev/mapper/s DIRECTORY"));
	head[65536 + 0x88] = 3;
	content = of("btrfs");
	content.btrfs_clones = true;
	is("on three devices", content_needs_others(&content) &&
	   hints(&content, NULL, NULL, "one of 3 devices of a btrfs"));
	content.devices = 0;
	content_parse(head, 65536, &content);
	is("a device that is too small for it", !content.devices);
}

static void test_others(void)
{
	static const struct {
		const char *type, *hint;
	} all[] = {
		{ "", "/dev/mapper/s" },
		{ "vfat", "mount -o ro /dev/mapper/s DIRECTORY" },
		{ "swap", "/dev/mapper/s: swap space" },
		{ "jbd", "/dev/mapper/s: the journal of a file system" },
		{ "xfs_external_log", "/dev/mapper/s: the log of an XFS" },
		{ "gpt", "losetup --find --show --partscan /dev/mapper/s" },
		{ "dos", "losetup --find --show --partscan /dev/mapper/s" },
		{ "crypto_LUKS", "cryptsetup open /dev/mapper/s NAME" },
		{ "BitLocker", "cryptsetup open --type bitlk /dev/mapper/s NAME" },
		{ "linux_raid_member", "the snapshot of the array" },
		{ "isw_raid_member", "the snapshot of the array" },
		{ "LVM2_member", "vgimportclone --basevgname NAME" },
		{ "several signatures", "wipefs lists them" },
	};

	memset(head, 0xff, sizeof(head));
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct content content = of(all[i].type);

		is(all[i].type, hints(&content, NULL, NULL, all[i].hint) &&
		   (!strncmp(all[i].hint, "mount", 5) ||
		    !strstr(text, "mount -o")));
	}
}

int main(void)
{
	test_ext();
	test_xfs();
	test_btrfs();
	test_others();
	return done();
}
