// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "tap.h"

static const char good_in_names[] = "abcdefghijklmnopqrstuvwxyz"
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#+.:=@_-";

static char long_one[128], long_two[128];

static void words(void)
{
	const char *const names[] = { "sda1", "vg0-home", "a b", "a\\x20b",
		"a-b", "caf\xc3\xa9", "caf\xc3\xa8", "\xff", "\n", "a/b'\"$(x)",
		long_one, long_two, long_one + 1 };
	enum { N = sizeof(names) / sizeof(*names) };
	char made[N][80], claim[256], shown[200];

	memset(long_one, 'x', 120);
	memset(long_two, 'x', 120);
	long_two[119] = 'y';
	for (int i = 0; i < N; i++) {
		name_word(names[i], made[i], sizeof(made[i]));
		snprintf(claim, sizeof(claim), "a word for '%s': %s",
			 name_printable(names[i], shown, sizeof(shown)), made[i]);
		is(claim, *made[i] && strlen(made[i]) <= NAME_WORD_MAX &&
		   !made[i][strspn(made[i], good_in_names)]);
		for (int j = 0; j < i; j++)
			if (!strcmp(made[i], made[j]))
				is("it differs from the others", false);
	}
	is("a plain name stays", !strcmp(made[0], "sda1"));
	is("that of a logical volume, too", !strcmp(made[1], "vg0-home"));
	name_word("cciss!c0d0p1", made[0], sizeof(made[0]));
	is("and that of a device in a directory", !strcmp(made[0], "cciss-c0d0p1"));
}

static void volumes(void)
{
	static const struct {
		const char *snapshot;
		bool stays;
	} cases[] = {
		{ "home-snap", true }, { "vda1-snap", true }, { "a.b+c_d", true },
		{ "snapshot1", false }, { "snapshot", false },
		{ "pvmove0", false }, { "x_rimage", false },
		{ "x_rimage_0", false }, { "a_tdata", false },
		{ "a_cdata-b", false }, { "a_vorigin", false },
		{ "a_mlog", false }, { "a_pmspare", false }, { "a_rmeta_1", false },
		{ "a#b", false }, { "a:b", false }, { "a=b", false },
		{ "a@b", false }, { "-a", false },
		{ "0123456789012345678901234567890123456789012345678901234567890123-0123456789012345678901234567890123456789012345", false },
	};
	char name[128], claim[256], other[128] = "";

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char same[128];

		name_lv(cases[i].snapshot, name, sizeof(name));
		snprintf(same, sizeof(same), "%s-cow", cases[i].snapshot);
		snprintf(claim, sizeof(claim), "a volume for '%s': %s",
			 cases[i].snapshot, name);
		is(claim, name_is_good_for_lv(name) && strcmp(name, other) &&
		   cases[i].stays == !strcmp(name, same));
		strcpy(other, name);
	}
	is("LVM's own names are not good", !name_is_good_for_lv("snapshot0") &&
	   !name_is_good_for_lv("lvol0_rimage_1") && !name_is_good_for_lv("a b") &&
	   !name_is_good_for_lv(".") && !name_is_good_for_lv(".."));
}

static void codes(void)
{
	char out[64];

	is("a blank is encoded", name_encode("my disk", out, sizeof(out)) &&
	   !strcmp(out, "my\\x20disk"));
	is("UTF-8 is not", name_encode("/dev/caf\xc3\xa9", out, sizeof(out)) &&
	   !strcmp(out, "/dev/caf\xc3\xa9"));
	is("what is too long is refused", !name_encode("my disk", out, 9));
	is("udev's blank is decoded", name_decode("my\\x20disk", out, sizeof(out)) &&
	   !strcmp(out, "my disk"));
	is("that of the mount table, too",
	   name_decode("/mnt/a\\040b", out, sizeof(out)) && !strcmp(out, "/mnt/a b"));
	is("another backslash stays", name_decode("a\\b\\x2\\09\\x00\\", out, sizeof(out)) &&
	   !strcmp(out, "a\\b\\x2\\09\\x00\\"));
	name_decode_letters("caf\\xc3\\xa9\\x20\\x0a", out, sizeof(out));
	is("letters are decoded, and no blank",
	   !strcmp(out, "caf\xc3\xa9\\x20\\x0a"));
	name_decode_letters("caf\\xc3\\x20\\xa9", out, sizeof(out));
	is("but not what is no UTF-8", !strcmp(out, "caf\\xc3\\x20\\xa9"));
	is("UTF-8 is printed as it is",
	   !strcmp(name_printable("caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x92\xbe", out, sizeof(out)),
		   "caf\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x92\xbe"));
	is("a backslash, too", !strcmp(name_printable("a\\x20b", out, sizeof(out)),
				       "a\\x20b"));
	is("no escape sequence", !strcmp(name_printable("\033[2J\n", out, sizeof(out)),
					 "\\x1b[2J\\x0a"));
	is("nor one of eight bits", !strcmp(name_printable("\xc2\x9b" "2J", out, sizeof(out)),
					    "\\xc2\\x9b2J"));
	is("broken UTF-8 is shown as what it is",
	   !strcmp(name_printable("a\xc3(\xff", out, sizeof(out)), "a\\xc3(\\xff"));
}

static void meant(void)
{
	static const char *const commands[] = { "list", "status", "check",
		"attach", "detach", "snapshot", "monitor", "changed", "start",
		"stop", "recover", "pin", "unpin", "help", "version" };
	static const struct {
		const char *typed, *meant;
	} cases[] = {
		{ "atach", "attach" }, { "attahc", "attach" },
		{ "dettach", "detach" }, { "lst", "list" }, { "snap", "snapshot" },
		{ "snapshots", "snapshot" }, { "stat", "status" },
		{ "STATUS", "status" }, { "ulpin", "unpin" }, { "hlep", "help" },
		{ "frobnicate", NULL }, { "", NULL }, { "x", NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
	};
	char claim[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *got = name_meant(cases[i].typed, commands,
					     sizeof(commands) / sizeof(*commands));

		snprintf(claim, sizeof(claim), "'%s' means %s", cases[i].typed,
			 cases[i].meant ? cases[i].meant : "nothing");
		is(claim, got && cases[i].meant ? !strcmp(got, cases[i].meant) :
		   !got && !cases[i].meant);
	}
}

int main(void)
{
	words();
	volumes();
	codes();
	meant();
	return done();
}
