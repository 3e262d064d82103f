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

static unsigned char disk[5 * MIB];
static char why[256];

static bool read_disk(void *data, uint64_t offset, void *to, size_t size)
{
	(void)data;
	if (offset > sizeof(disk) || size > sizeof(disk) - offset)
		return false;
	memcpy(to, disk + offset, size);
	return true;
}

/* To be compared with @then, or NULL */
static struct witness since(const char *type, const struct witness *then)
{
	struct witness witness;

	witness_of(type, read_disk, NULL, then, &witness);
	return witness;
}

static struct witness of(const char *type)
{
	return since(type, NULL);
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
 * XFS: its log from 64 KiB on, of blocks of 512 bytes, in records of five
 */

#define LOG	65536
#define BLOCKS	8192

static unsigned int log_blocks;

static void record(unsigned int at, uint32_t cycle, uint32_t length, uint32_t tail_cycle,
		   uint32_t tail)
{
	size_t head = LOG + at % log_blocks * 512;

	memset(disk + head, 0, 512);
	be32(head, 0xfeedbabe);
	be32(head + 4, cycle);
	be32(head + 8, 2);
	be32(head + 12, length);
	be32(head + 16, cycle);
	be32(head + 20, at % log_blocks);
	be32(head + 24, tail_cycle);
	be32(head + 28, tail);
	be32(head + 40, length ? 3 : 0);
}

/* Up to @to: appended, with the tail there */
static void append(unsigned int from, unsigned int to, uint32_t cycle, uint32_t tail)
{
	for (unsigned int i = from; i < to; i++) {
		unsigned int lap = cycle + i / log_blocks;
		size_t at = LOG + i % log_blocks * 512;

		if (!((i - from) % 5)) {
			record(i, lap, 2048, tail > from ? cycle - 1 : cycle, tail);
			continue;
		}
		be32(at, lap);
		be32(at + 4, i);
		be32(at + 8, lap * 1000 + i);
	}
}

/* Blocks before @head are of @cycle, the others of the one before */
static void xfs(unsigned int head, uint32_t cycle, uint32_t tail)
{
	memset(disk, 0, sizeof(disk));
	memcpy(disk, "XFSB", 4);
	be32(4, 4096);
	be32(52, LOG / 4096);		/* sb_logstart, in AG 0 */
	be32(84, 256);
	log_blocks = BLOCKS;
	be32(96, BLOCKS * 512 / 4096);
	disk[120] = 12;
	disk[124] = 8;
	append(0, BLOCKS, cycle - 1, tail);
	append(0, head, cycle, tail);
}

/* What a mount writes, which finds the head there */
static void xfs_mount(unsigned int head, uint32_t cycle, uint32_t tail)
{
	unsigned int room = tail > head ? tail - head : tail + log_blocks - head;

	for (unsigned int i = 0; i < room && i < 4096; i++)
		record(head + i, cycle - 1 + (head + i) / log_blocks, 0,
		       tail > head ? cycle - 1 : cycle, tail);
}

static void xfs_umount(unsigned int head, uint32_t cycle)
{
	append(head, head + 2, cycle, head);
	be32(LOG + head % log_blocks * 512 + 40, 1);
	disk[LOG + (head + 1) % log_blocks * 512 + 9] = 0x20;
}

static void test_xfs(void)
{
	static const unsigned int heads[] = { 1, 2, 3, 31, 32, 63, 64, 100, 4095, 8190, 8191 };
	struct witness then, now;
	char claim[64];

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		xfs(heads[i], 5, 0);
		then = of("xfs");
		snprintf(claim, sizeof(claim), "the log's head at %u is found", heads[i]);
		is(claim, then.size == 2064 &&
		   !memcmp(then.data + 512, disk + LOG + (heads[i] - 1) * 512, 512) &&
		   !memcmp(then.data + 1024, disk + LOG + heads[i] * 512, 512));
		is("nothing was written", continues(then, of("xfs"), false));
		append(heads[i], heads[i] + 1, 5, 0);
		is("one record more is found out", !continues(then, of("xfs"), false) &&
		   strstr(why, "its xfs was changed"));
	}
	xfs(BLOCKS, 5, 10);
	then = of("xfs");
	is("a log that has just come round", then.size == 2064 &&
	   !memcmp(then.data + 512, disk + LOG + (BLOCKS - 1) * 512, 512) &&
	   !memcmp(then.data + 1024, disk + LOG, 512));
	xfs(40, 5, 30);
	then = of("xfs");
	xfs_mount(40, 5, 30);
	is("a mount that only stamps the head is found out",
	   !continues(then, of("xfs"), false));
	then = of("xfs");
	now = of("xfs");
	is("but not a second one, so that is a gap", !continues(then, now, false) &&
	   strstr(why, "its xfs was changed"));
	memset(disk + 48, 0, 8);
	is("with a log elsewhere it has no witness", !*of("xfs").type);
	xfs(1, 1, 0);
	disk[124] = 200;
	is("nor with nonsense in the superblock", !*of("xfs").type);
	xfs(1, 1, 0);
	memset(disk + 48, 0xff, 8);
	is("nor with a log beyond its end", !*of("xfs").type);
}

/* After a crash while it was mounted */
static bool crashed(const struct witness *then)
{
	return continues(*then, since("xfs", then), true);
}

/* Seen with the head at @head; the crash is @more blocks later, and then it is mounted elsewhere */
static bool is_found_out(unsigned int head, int more, unsigned int written)
{
	unsigned int tail = head > 4096 ? head - 4096 : head - 50;
	struct witness then;

	xfs(head, 5, tail);
	then = of("xfs");
	if (more > 0)
		append(head, head + more, 5, head);
	xfs_mount(head + more, 5, more > 0 ? head : tail);
	append(head + more, head + more + written, 5, head);
	return !crashed(&then) && strstr(why, "in use when the system crashed");
}

static void test_xfs_crash(void)
{
	static const unsigned int heads[] = { 51, 1000, 4192, 4193, 8191 };
	unsigned int missed = 0, gaps = 0;
	struct witness then;

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		for (int more = 0; more <= 4000; more += 25) {
			xfs(heads[i], 5, heads[i] - 50);
			then = of("xfs");
			append(heads[i], heads[i] + more, 5, heads[i]);
			gaps += !crashed(&then);
			missed += !is_found_out(heads[i], more, 0);
			missed += !is_found_out(heads[i], more, 10);
			missed += !is_found_out(heads[i], more, 5000);
			if (heads[i] > 4096) /* writes in flight were lost */
				missed += !is_found_out(heads[i], -more, 0) +
					!is_found_out(heads[i], -more, 10);
		}
	}
	is("after a crash while it was mounted it goes on", !gaps);
	is("but not if it was mounted elsewhere after that, whatever that wrote", !missed);
	xfs(1000, 5, 950);
	then = of("xfs");
	append(1000, 1100, 5, 1000);
	is("nor if anybody could have detached it",
	   !continues(then, since("xfs", &then), false));
	xfs_umount(1100, 5);
	is("nor if it was unmounted", !crashed(&then));
	append(1000, 1102, 5, 1000);
	is("here it goes on", crashed(&then));
	disk[40]++;
	is("nor if it is another one", !crashed(&then));
	disk[40]--;
	append(1102, 5010, 5, 1000);
	is("nor if the log has come so far that nothing tells", !crashed(&then));
	xfs(1000, 5, 950);
	xfs_mount(1000, 5, 950);
	then = of("xfs");
	append(1000, 1010, 5, 950);
	is("nor if another mount would have written the same", !crashed(&then));
	xfs(1000, 5, 5000);
	then = of("xfs");
	append(1000, 1010, 5, 5000);
	is("nor if the log was too full for a mount to write there", !crashed(&then));
	xfs(1000, 5, 950);
	log_blocks = 8000;
	be32(96, log_blocks * 512 / 4096);
	then = of("xfs");
	append(1000, 1010, 5, 950);
	is("nor with a small log", then.size == 2064 && !crashed(&then));
	is("which is compared as it is", continues(of("xfs"), of("xfs"), true));
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

static bool is_another(struct witness then, struct witness now)
{
	return witness_is_of_another(&then, &now);
}

static void test_identity(void)
{
	struct witness then;

	ext4(true);
	then = of("ext4");
	ext4_mount(true);
	is("a mounted ext4 is still the same one", !is_another(then, of("ext4")));
	disk[SUPER + 0x68]++;
	is("one with another UUID is not", is_another(then, of("ext4")));
	xfs(1000, 5, 950);
	is("nor is an XFS", is_another(then, of("xfs")));
	then = of("xfs");
	disk[32]++;
	is("an XFS with another UUID", is_another(then, of("xfs")));
	is("nothing is told by what has no witness", !is_another(of(""), of("")));
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
	test_xfs_crash();
	test_others();
	test_identity();
	test_series();
	test_crash();
	return done();
}
