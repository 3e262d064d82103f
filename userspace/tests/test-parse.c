// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "parse.h"
#include "tap.h"

static void sizes(void)
{
	static const struct {
		const char *text;
		uint64_t bytes;		/* 0: refused */
	} cases[] = {
		{ "4096", 4096 }, { "1k", 1024 }, { "10G", 10ULL << 30 },
		{ "10GiB", 10ULL << 30 }, { "2T", 2ULL << 40 },
		{ "20%", 200 * 512 }, { "100%", 1000 * 512 }, { "1000", 512 },
		{ "", 0 }, { "0", 0 }, { "-1", 0 }, { " 1", 0 }, { "1x", 0 },
		{ "1GB", 0 }, { "G", 0 }, { "1.5G", 0 }, { "1%%", 0 },
		{ "18446744073709551616", 0 }, { "18014398509481984K", 0 },
		{ "20000%", 0 }, { "1Gi", 0 }, { "511", 0 },
	};
	char claim[80];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t bytes = 0;
		bool good = parse_size(cases[i].text, 1000 * 512, &bytes);

		snprintf(claim, sizeof(claim), "size '%s'", cases[i].text);
		is(claim, good == !!cases[i].bytes &&
		   (!good || bytes == cases[i].bytes));
	}
}

static void device_numbers(void)
{
	dev_t dev;

	is("8:1 is a device number", parse_devno("8:1", &dev) &&
	   dev == makedev(8, 1));
	is("one without a colon is not", !parse_devno("81", &dev));
	is("one with words is not", !parse_devno("a:b", &dev));
	is("one with a path behind it is not", !parse_devno("8:1/", &dev));
	is("one that is too large is not", !parse_devno("4096:1", &dev));
}

static void status_lines(void)
{
	struct interpose_status st;

	is("a status line is read",
	   parse_interpose_status("attached 8:1 interpose0 17 3 pinned era 8 11/25600 2 -", &st));
	is("its state", !strcmp(st.state, "attached"));
	is("its device", st.device == makedev(8, 1));
	is("the disk beneath", !strcmp(st.beneath, "interpose0"));
	is("its counters", st.redirected == 17 && st.held == 3);
	is("its pin", st.pinned);
	is("the inner type", !strcmp(st.inner, "era"));
	is("the inner status", !strcmp(st.inner_status, "8 11/25600 2 -"));
	is("an inner target without a status",
	   parse_interpose_status("held 8:1 interpose0 0 0 - linear", &st) &&
	   !st.pinned && !*st.inner_status);
	is("a line that ends early is refused",
	   !parse_interpose_status("attached 8:1 interpose0 17 0 -", &st));
	is("an empty line is refused", !parse_interpose_status("", &st));
}

static void table_lines(void)
{
	struct interpose_table t;

	is("a table line is read",
	   parse_interpose_table("8:1 linear 8:1 0", &t) && !t.pinned &&
	   !strcmp(t.inner, "linear") && !strcmp(t.inner_args, "8:1 0"));
	is("one with a pin",
	   parse_interpose_table("8:1 1 pin snapshot-origin 8:1", &t) &&
	   t.pinned && !strcmp(t.inner, "snapshot-origin"));
	is("one with no features",
	   parse_interpose_table("8:1 0 linear 8:1 0", &t) && !t.pinned);
	is("one that promises more features than it has is refused",
	   !parse_interpose_table("8:1 9 pin linear 8:1 0", &t));
}

static void other_lines(void)
{
	struct snapshot_status st;
	struct snapshot_table table;

	is("a snapshot's table",
	   parse_snapshot_table("248:0 8:17 P 8", &table) &&
	   table.origin == makedev(248, 0) && table.cow == makedev(8, 17));
	is("a snapshot's status", parse_snapshot_status("16/204800 16", &st) &&
	   st.valid && st.used == 16 && st.total == 204800);
	is("a full one", parse_snapshot_status("Invalid", &st) && !st.valid &&
	   !strcmp(st.problem, "Invalid"));
	is("a clean cache that writes through",
	   parse_cache_is_clean("8 31/512 128 48/105 1 2 3 4 5 6 0 2 metadata2 writethrough 2 x 0 smq 0 rw -"));
	is("a dirty one",
	   !parse_cache_is_clean("8 31/512 128 48/105 1 2 3 4 5 6 7 1 writethrough"));
	is("a clean one that writes back",
	   !parse_cache_is_clean("8 31/512 128 48/105 1 2 3 4 5 6 0 1 writeback"));
	is("one that has failed", !parse_cache_is_clean("Fail"));
}

static void era_lines(void)
{
	struct era_status st;

	is("an era", parse_era_status("8 11/25600 3 -", &st) &&
	   st.current == 3 && !st.held);
	is("one with a metadata snapshot",
	   parse_era_status("8 11/25600 12 14", &st) && st.current == 12 &&
	   st.held);
	is("one that has failed is refused", !parse_era_status("Fail", &st));
	is("and one that ends early", !parse_era_status("8 11/25600 3", &st));
}

static bool changes(const char *text, struct ranges *out)
{
	FILE *xml = fmemopen((void *)text, strlen(text), "r");
	bool good = parse_changed(xml, 65536, 10 * 65536 - 4096, out);

	fclose(xml);
	return good;
}

static void changed_blocks(void)
{
	struct ranges out;

	is("a list of changes is read",
	   changes("<blocks>\n  <block block=\"0\"/>\n  <range begin=\"1\" end = \"3\"/>\n"
		   "  <block block=\"9\"/>\n</blocks>\n", &out));
	is("neighbours are one range", out.n == 2 && out.v[0].start == 0 &&
	   out.v[0].length == 3 * 65536);
	is("the last block ends with the device",
	   out.v[1].start == 9 * 65536 && out.v[1].length == 65536 - 4096);
	free(out.v);
	is("an empty list", changes("<blocks>\n</blocks>\n", &out) && !out.n);
	is("a list without an end is refused",
	   !changes("<blocks>\n  <block block=\"0\"/>\n", &out));
	is("one without numbers is refused",
	   !changes("<blocks>\n  <block block=\"x\"/>\n</blocks>\n", &out));
	is("a block beyond the end is refused",
	   !changes("<blocks>\n  <block block=\"11\"/>\n</blocks>\n", &out));
}

static void swaps(void)
{
	static const struct {
		const char *line, *path;	/* NULL: none */
	} cases[] = {
		{ "/dev/sda2                               partition\t1048572\t0\t-2\n", "/dev/sda2" },
		{ "/swap\\040file                            file\t\t1\t0\t-2\n", "/swap file" },
		{ "/a\\011b\\134c\\012d file\n", "/a\tb\\c\nd" },
		{ "/gone\\040(deleted) file\n", "/gone (deleted)" },
		{ "/odd\\04 file\n", "/odd\\04" }, { "/odd\\000 x\n", "/odd\\000" },
		{ "/end\\", "/end\\" }, { "/no-end", "/no-end" },
		{ "Filename\t\t\t\tType\n", NULL }, { "", NULL },
		{ "/much-too-long-for-the-room-that-there-is x\n", NULL },
	};
	char path[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool got = parse_swap(cases[i].line, path, sizeof(path));

		is("a line of /proc/swaps", got == !!cases[i].path &&
		   (!got || !strcmp(path, cases[i].path)));
	}
}

int main(void)
{
	sizes();
	device_numbers();
	status_lines();
	table_lines();
	other_lines();
	era_lines();
	changed_blocks();
	swaps();
	return done();
}
