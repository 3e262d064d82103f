// SPDX-License-Identifier: GPL-2.0
/*
 * By what is found out that somebody has written while no interposer was attached
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "continuity.h"
#include "tap.h"
#include "witness.h"

#define MIB	(1 << 20)

static unsigned char disk[4 * MIB];
static char why[256];

static bool read_disk(void *data, uint64_t offset, void *to, size_t size)
{
	(void)data;
	if (offset > sizeof(disk) || size > sizeof(disk) - offset)
		return false;
	memcpy(to, disk + offset, size);
	return true;
}

static struct witness of(const char *type)
{
	struct witness witness;

	witness_of(type, read_disk, NULL, &witness);
	return witness;
}

static bool continues(struct witness then, struct witness now, bool attached)
{
	*why = '\0';
	return witness_continues(&then, &now, attached, why, sizeof(why)) || !*why;
}

static void le16(size_t at, uint16_t value)
{
	value = htole16(value);
	memcpy(disk + at, &value, sizeof(value));
}

static void le32(size_t at, uint32_t value)
{
	value = htole32(value);
	memcpy(disk + at, &value, sizeof(value));
}

static void be32(size_t at, uint32_t value)
{
	value = htobe32(value);
	memcpy(disk + at, &value, sizeof(value));
}

/*
 * ext4
 */

#define SUPER	1024

static void ext4(bool journal)
{
	memset(disk, 0, sizeof(disk));
	le16(SUPER + 0x38, 0xef53);
	le16(SUPER + 0x3a, 1);
	le32(SUPER + 0x5c, journal ? 0x4 : 0);
	memset(disk + SUPER + 0x68, 0xab, 16);
}

static void ext4_mount(bool journal)
{
	le16(SUPER + 0x34, disk[SUPER + 0x34] + 1);
	le32(SUPER + 0x2c, 1000 + disk[SUPER + 0x34]);
	if (journal)
		le32(SUPER + 0x60, 0x4);
	else
		le16(SUPER + 0x3a, 0);
}

static void ext4_umount(void)
{
	le32(SUPER + 0x60, 0);
	le16(SUPER + 0x3a, 1);
	le32(SUPER + 0x30, disk[SUPER + 0x30] + 1);
}

static void test_ext4(bool journal)
{
	struct witness clean, mounted, crashed, now;

	ext4(journal);
	clean = of("ext4");
	is("an ext4 has a witness", !strcmp(clean.type, "ext4") && clean.size == 1024);
	is("nothing was written", continues(clean, of("ext4"), false));
	ext4_mount(journal);
	mounted = of("ext4");
	is("it was mounted", !continues(clean, mounted, false) &&
	   strstr(why, "mount count 0, and 1 now"));
	is("also before a crash", !continues(clean, mounted, true));
	le32(SUPER + 0x178, 77); /* s_kbytes_written */
	le32(SUPER + 0x30, 2000);
	crashed = of("ext4");
	is("a crash while it was mounted is no gap",
	   continues(mounted, crashed, true));
	is("but it is if it was detached before",
	   !continues(mounted, crashed, false) && strstr(why, "was changed"));
	ext4_umount();
	now = of("ext4");
	is("somebody has replayed the journal after the crash",
	   !continues(mounted, now, true));
	ext4_mount(journal);
	now = of("ext4");
	is("or has mounted it", !continues(mounted, now, true));
	now = crashed;
	now.data[0x40]++;
	is("or has checked it", !continues(mounted, now, true));
	now = crashed;
	now.data[0x68]++;
	is("or it is another one", !continues(mounted, now, true));
	now = crashed;
	now.data[0x275]++;
	is("or it was mounted 136 years later", !continues(mounted, now, true));
	ext4(journal);
	now = of("ext4");
	disk[SUPER + 0x3ff]++;
	is("each byte counts", !continues(now, of("ext4"), false));
	disk[SUPER + 0x38]++;
	is("without its magic it has none", !*of("ext4").type);
}

/*
 * XFS: its log from 64 KiB on, 128 blocks of 512 bytes
 */

#define LOG	65536
#define BLOCKS	128

/* Blocks before @head are of @cycle, the others of the one before */
static void xfs(unsigned int head, uint32_t cycle)
{
	memset(disk, 0, sizeof(disk));
	memcpy(disk, "XFSB", 4);
	be32(4, 4096);
	be32(52, LOG / 4096);		/* sb_logstart, in AG 0 */
	be32(84, 256);
	be32(96, BLOCKS * 512 / 4096);
	disk[120] = 12;
	disk[124] = 8;
	for (unsigned int i = 0; i < BLOCKS; i++) {
		be32(LOG + i * 512, i % 5 ? i < head ? cycle : cycle - 1 : 0xfeedbabe);
		be32(LOG + i * 512 + 4, i % 5 ? i : i < head ? cycle : cycle - 1);
		be32(LOG + i * 512 + 8, cycle * 1000 + i);
	}
}

static void test_xfs(void)
{
	static const unsigned int heads[] = { 1, 2, 3, 31, 32, 63, 64, 100, 126, 127 };
	struct witness then, now;
	char claim[64];

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		xfs(heads[i], 5);
		then = of("xfs");
		snprintf(claim, sizeof(claim), "the log's head at %u is found", heads[i]);
		is(claim, then.size == 1536 &&
		   !memcmp(then.data + 512, disk + LOG + (heads[i] - 1) * 512, 512) &&
		   !memcmp(then.data + 1024, disk + LOG + heads[i] * 512, 512));
		is("nothing was written", continues(then, of("xfs"), false));
		xfs(heads[i] + 1, 5);
		is("one record more is found out", !continues(then, of("xfs"), false) &&
		   strstr(why, "its xfs was changed"));
	}
	xfs(BLOCKS, 5);
	then = of("xfs");
	is("a log that has just come round", then.size == 1536 &&
	   !memcmp(then.data + 512, disk + LOG + (BLOCKS - 1) * 512, 512) &&
	   !memcmp(then.data + 1024, disk + LOG, 512));
	xfs(40, 5);
	then = of("xfs");
	disk[LOG + 40 * 512 + 100] = 1;
	is("a mount that only stamps the head is found out",
	   !continues(then, of("xfs"), false));
	xfs(60, 5);
	now = of("xfs");
	is("a crash while it was mounted is a gap", !continues(then, now, true) &&
	   strstr(why, "in use when the system crashed"));
	memset(disk + 48, 0, 8);
	is("with a log elsewhere it has no witness", !*of("xfs").type);
	xfs(1, 1);
	disk[124] = 200;
	is("nor with nonsense in the superblock", !*of("xfs").type);
	xfs(1, 1);
	memset(disk + 48, 0xff, 8);
	is("nor with a log beyond its end", !*of("xfs").type);
}

static void test_others(void)
{
	struct witness then;

	memset(disk, 0, sizeof(disk));
	memcpy(disk + 65536 + 0x40, "_BHRfS_M", 8);
	disk[65536 + 0x48] = 7;
	then = of("btrfs");
	is("a btrfs has a witness", then.size == 512 && continues(then, of("btrfs"), false));
	disk[65536 + 0x48]++;
	is("its generation counts", !continues(then, of("btrfs"), false));
	is("and a crash is a gap", !continues(then, of("btrfs"), true));
	memset(disk, 0, sizeof(disk));
	le32(1024, 0xf2f52010);
	le32(1024 + 16, 12);
	le32(1024 + 20, 9);
	le32(1024 + 76, 1);
	then = of("f2fs");
	is("an f2fs has a witness", then.size == 1024 && continues(then, of("f2fs"), false));
	disk[4096 + (512 << 12)]++;
	is("both its checkpoints count", !continues(then, of("f2fs"), false));
	then = of("f2fs");
	disk[4096]++;
	is("the first one, too", !continues(then, of("f2fs"), false));
	is("what is not known has none", !*of("LVM2_member").type && !*of("").type);
	is("and is a gap", !continues(of(""), of(""), false) &&
	   strstr(why, "does not tell"));
	ext4(true);
	is("another file system is a gap", !continues(then, of("ext4"), false) &&
	   strstr(why, "held f2fs, and holds ext4 now"));
}

static bool goes_on(const struct series *series, const struct view_of_device *now)
{
	*why = '\0';
	return continuity_goes_on(series, now, why, sizeof(why)) || !*why;
}

static void test_series(void)
{
	struct series series = { .sectors = 100, .diskseq = 7, .written = 50 };
	struct view_of_device now = { .sectors = 100, .diskseq = 7, .written = 50 };

	ext4(true);
	now.witness = of("ext4");
	now.in_use = true;
	is("a new series has no gap, whatever is on it", goes_on(&series, &now));
	series.state = SERIES_DETACHED;
	series.witness = now.witness;
	is("not if it is in use at the attach", !goes_on(&series, &now) &&
	   strstr(why, "was in use"));
	now.in_use = false;
	is("one that was detached goes on", goes_on(&series, &now));
	now.sectors = 101;
	is("nor with another size", !goes_on(&series, &now) && strstr(why, "size"));
	now.sectors = 100;
	series.first = SERIES_NO_ERA;
	strcpy(series.why, "it was in use when it was detached");
	is("nor if it was in use at the detach", !goes_on(&series, &now) &&
	   strstr(why, "when it was detached"));
	series.first = 1;
	now.written++;
	is("a write in the same boot is a gap, whatever was written",
	   !goes_on(&series, &now) && strstr(why, "written to"));
	now.boot[3] = 1;
	is("in another boot it was not counted", goes_on(&series, &now));
	now.witness.data[9]++;
	is("but what the file system says, counts", !goes_on(&series, &now));
	series.witness = of("");
	now.witness = of("");
	is("without a file system, another boot is a gap", !goes_on(&series, &now));
	memset(now.boot, 0, sizeof(now.boot));
	now.written = series.written;
	is("and the same one is not", goes_on(&series, &now));
	now.diskseq++;
	is("but if the disk was away", !goes_on(&series, &now));
	now.diskseq--;
	now.written = series.written = SERIES_NOT_COUNTED;
	is("or nobody counts", !goes_on(&series, &now));
}

static void test_crash(void)
{
	struct series series = { .sectors = 100, .first = 1 };
	struct view_of_device now = { .sectors = 100, .written = 7 };

	ext4(true);
	ext4_mount(true);
	series.witness = of("ext4");
	disk[SUPER + 0x30]++;
	now.witness = of("ext4");
	series.state = SERIES_PINNED;
	is("after a crash while it was pinned it goes on", goes_on(&series, &now));
	for (series.state = SERIES_DETACHED; series.state < SERIES_PINNED; series.state++)
		is("but not if anybody could have detached it",
		   !goes_on(&series, &now));
	series.state = SERIES_PINNED;
	series.witness = now.witness = of("");
	is("without a file system it does not", !goes_on(&series, &now));
}

int main(void)
{
	test_ext4(true);
	test_ext4(false);
	test_xfs();
	test_others();
	test_series();
	test_crash();
	return done();
}
