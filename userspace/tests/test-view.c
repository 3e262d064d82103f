// SPDX-License-Identifier: GPL-2.0
/*
 * Each target type with its arguments in each order that could be meant. DEV is
 * the interposed device, all else are others.
 */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "view.h"

static bool is_own(const char *word, const void *data)
{
	return !strcmp(word, data);
}

static void look(const char *line, struct view *view)
{
	const char *argv[VIEW_ARGS_MAX];
	char copy[1024];
	int argc;

	snprintf(copy, sizeof(copy), "%s", line);
	argc = view_split(copy, argv, VIEW_ARGS_MAX);
	view_of(argv[0], argc - 1, argv + 1, is_own, "DEV", view);
	for (size_t i = 0; i < view->n_devices; i++)
		view->devices[i].word = strdup(view->devices[i].word);
}

static void forget(struct view *view)
{
	for (size_t i = 0; i < view->n_devices; i++)
		free((char *)view->devices[i].word);
}

static const struct {
	const char *line;
	enum sight sight;
	bool lacks;			/* at the detach */
} cases[] = {
	/* harmless */
	{ "linear DEV 0", SIGHT_SAME, false },
	{ "delay DEV 0 10", SIGHT_SAME, false },
	{ "delay DEV 0 10 DEV 0 20", SIGHT_SAME, false },
	{ "delay DEV 0 10 DEV 0 20 DEV 0 30", SIGHT_SAME, false },
	{ "dust DEV 0 512", SIGHT_SAME, false },
	{ "ebs DEV 0 1 8", SIGHT_SAME, false },
	{ "flakey DEV 0 10 30 1 error_reads", SIGHT_SAME, false },
	{ "flakey DEV 0 0 30 1 error_writes", SIGHT_SAME, false },
	{ "snapshot-origin DEV", SIGHT_SAME, false },
	{ "log-writes DEV B", SIGHT_SAME, false },
	{ "era B DEV 64", SIGHT_SAME, false },
	{ "cache B C DEV 128 1 writethrough smq 0", SIGHT_SAME, false },
	{ "cache B C DEV 128 0 smq 0", SIGHT_SAME, false },
	{ "writecache s DEV B 512 0", SIGHT_SAME, true },
	{ "thin-pool B DEV 128 0", SIGHT_SAME, false },
	{ "verity 1 DEV B 4096 4096 9 1 sha256 aa bb", SIGHT_SAME, false },
	{ "verity 1 DEV DEV 4096 4096 9 1 sha256 aa bb", SIGHT_SAME, false },
	{ "striped 1 128 DEV 0", SIGHT_SAME, false },
	{ "unstriped 1 128 0 DEV 0", SIGHT_SAME, false },
	{ "switch 1 128 0 DEV 0", SIGHT_SAME, false },
	{ "mirror core 1 1024 2 DEV 0 B 0", SIGHT_SAME, false },
	{ "mirror core 2 1024 nosync 2 DEV 0 B 0", SIGHT_SAME, false },
	{ "mirror disk 2 C 1024 2 DEV 0 B 0 1 handle_errors", SIGHT_SAME, false },
	{ "mirror core 1 1024 3 DEV 0 B 8 C 0", SIGHT_SAME, false },
	{ "mirror core 1 1024 1 DEV 0", SIGHT_SAME, false },
	{ "raid raid1 3 0 rebuild 1 2 - DEV - B", SIGHT_SAME, false },
	{ "raid raid1 3 0 rebuild 0 2 - B - DEV", SIGHT_SAME, false },
	{ "raid RAID1 3 0 REBUILD 1 2 - DEV - B", SIGHT_SAME, false },
	{ "raid raid1 5 0 rebuild 1 rebuild 2 3 - DEV - B - C", SIGHT_SAME, false },
	{ "raid raid1 3 0 region_size 128 2 C DEV D B", SIGHT_SAME, false },
	{ "raid raid10 5 128 region_size 128 raid10_copies 2 2 C DEV D B", SIGHT_SAME, false },
	{ "integrity DEV 0 - J 3 internal_hash:crc32c meta_device:B recalculate", SIGHT_SAME, false },
	{ "clone B C DEV 256", SIGHT_SAME, true },
	{ "snapshot DEV B P 8", SIGHT_SAME, true },
	{ "snapshot DEV B N 8", SIGHT_SAME, true },
	/* another device, or another part of it */
	{ "linear B 0", SIGHT_OTHER, true },
	{ "linear DEV 8", SIGHT_OTHER, true },
	{ "linear DEV 0x0", SIGHT_OTHER, true },
	{ "linear DEV -0", SIGHT_OTHER, true },
	{ "lin\\ear B\\  0", SIGHT_OTHER, true },
	{ "delay B 0 10", SIGHT_OTHER, true },
	{ "delay DEV 8 10", SIGHT_OTHER, true },
	{ "delay DEV 0 10 B 0 20", SIGHT_OTHER, true },
	{ "delay DEV 0 10 DEV 0 20 B 0 30", SIGHT_OTHER, true },
	{ "delay DEV 0 10 DEV 8 20", SIGHT_OTHER, true },
	{ "dust B 0 512", SIGHT_OTHER, true },
	{ "dust DEV 1 512", SIGHT_OTHER, true },
	{ "ebs B 0 1", SIGHT_OTHER, true },
	{ "ebs DEV 8 1", SIGHT_OTHER, true },
	{ "flakey B 0 10 30", SIGHT_OTHER, true },
	{ "flakey DEV 0 0 3600", SIGHT_OTHER, false },
	{ "error", SIGHT_OTHER, false },
	{ "zero", SIGHT_OTHER, false },
	{ "snapshot-origin B", SIGHT_OTHER, true },
	{ "log-writes B C", SIGHT_OTHER, true },
	{ "era B C 64", SIGHT_OTHER, true },
	{ "cache B C D 128 1 writethrough smq 0", SIGHT_OTHER, true },
	{ "writecache s B C 512 0", SIGHT_OTHER, true },
	{ "thin-pool B C 128 0", SIGHT_OTHER, true },
	{ "thin POOL 0", SIGHT_OTHER, true },
	{ "thin POOL 0 DEV", SIGHT_OTHER, true },
	{ "verity 1 B C 4096 4096 9 1 sha256 aa bb", SIGHT_OTHER, true },
	{ "striped 2 128 DEV 0 B 0", SIGHT_OTHER, true },
	{ "striped 2 128 B 0 DEV 0", SIGHT_OTHER, true },
	{ "striped 1 128 B 0", SIGHT_OTHER, true },
	{ "striped 1 128 DEV 8", SIGHT_OTHER, true },
	{ "unstriped 2 128 0 DEV 0", SIGHT_OTHER, true },
	{ "unstriped 1 128 0 B 0", SIGHT_OTHER, true },
	{ "switch 2 128 0 DEV 0 B 0", SIGHT_OTHER, true },
	{ "switch 2 128 0 B 0 DEV 0", SIGHT_OTHER, true },
	{ "crypt aes-xts-plain64 0001 0 DEV 0", SIGHT_OTHER, true },
	{ "vdo V4 DEV 4096", SIGHT_OTHER, true },
	{ "mirror core 1 1024 2 B 0 C 0", SIGHT_OTHER, true },
	{ "mirror core 1 1024 2 DEV 8 B 0", SIGHT_OTHER, true },
	{ "raid raid1 1 0 2 - DEV - B", SIGHT_OTHER, false },
	{ "raid raid1 1 0 2 - B - DEV", SIGHT_OTHER, false },
	{ "raid raid1 2 0 nosync 2 C DEV D B", SIGHT_OTHER, false },
	{ "raid raid1 1 0 2 C B D DEV", SIGHT_OTHER, false },
	{ "raid raid1 1 0 2 C DEV - B", SIGHT_OTHER, false },
	{ "raid raid1 3 0 rebuild 1 3 - DEV - B - C", SIGHT_OTHER, false },
	{ "raid raid1 3 0 rebuild 1 2 - B - C", SIGHT_OTHER, true },
	{ "raid raid1 5 0 rebuild 1 data_offset 2048 2 - DEV - B", SIGHT_OTHER, true },
	{ "raid raid10 7 128 raid10_format far raid10_copies 2 rebuild 1 2 - DEV - B", SIGHT_OTHER, true },
	{ "raid raid10_offset 3 128 rebuild 1 2 - DEV - B", SIGHT_OTHER, true },
	{ "raid raid10 1 128 4 - DEV - B - C - D", SIGHT_OTHER, true },
	{ "raid raid0 1 128 2 - DEV - B", SIGHT_OTHER, true },
	{ "raid raid4 1 128 3 A DEV B C D E", SIGHT_OTHER, true },
	{ "raid raid5_ls 3 128 region_size 128 3 A DEV B C D E", SIGHT_OTHER, true },
	{ "raid raid6_zr 1 128 4 - DEV - B - C - D", SIGHT_OTHER, true },
	{ "integrity B 0 - J 3 internal_hash:crc32c meta_device:C recalculate", SIGHT_OTHER, true },
	{ "integrity DEV 8 - J 3 internal_hash:crc32c meta_device:B recalculate", SIGHT_OTHER, true },
	{ "integrity DEV 0 - J 2 internal_hash:crc32c meta_device:B", SIGHT_OTHER, false },
	{ "clone B C D 256", SIGHT_OTHER, true },
	{ "snapshot B C P 8", SIGHT_OTHER, true },
	{ "snapshot-merge B C P 8", SIGHT_OTHER, true },
	/* over its data */
	{ "mirror core 1 1024 2 B 0 DEV 0", SIGHT_OVERWRITES, true },
	{ "mirror core 2 1024 nosync 2 B 0 DEV 0", SIGHT_OVERWRITES, true },
	{ "mirror core 1 1024 2 DEV 0 DEV 1024", SIGHT_OVERWRITES, true },
	{ "mirror core 1 1024 3 B 0 C 0 DEV 0", SIGHT_OVERWRITES, true },
	{ "mirror disk 2 DEV 1024 2 DEV 0 B 0", SIGHT_OVERWRITES, true },
	{ "raid raid1 3 0 rebuild 0 2 - DEV - B", SIGHT_OVERWRITES, false },
	{ "raid raid1 3 0 rebuild 1 2 DEV DEV - B", SIGHT_OVERWRITES, true },
	{ "raid raid1 3 0 rebuild 1 2 - DEV - DEV", SIGHT_OVERWRITES, true },
	{ "log-writes DEV DEV", SIGHT_OVERWRITES, true },
	{ "log-writes B DEV", SIGHT_OVERWRITES, true },
	{ "era DEV B 64", SIGHT_OVERWRITES, true },
	{ "era DEV DEV 64", SIGHT_OVERWRITES, true },
	{ "cache DEV B C 128 1 writethrough smq 0", SIGHT_OVERWRITES, true },
	{ "cache B DEV C 128 1 writethrough smq 0", SIGHT_OVERWRITES, true },
	{ "cache B DEV DEV 128 1 writethrough smq 0", SIGHT_OVERWRITES, true },
	{ "writecache s B DEV 512 0", SIGHT_OVERWRITES, true },
	{ "thin-pool DEV B 128 0", SIGHT_OVERWRITES, true },
	{ "clone B DEV C 256", SIGHT_OVERWRITES, true },
	{ "clone DEV B C 256", SIGHT_OVERWRITES, true },
	{ "snapshot B DEV P 8", SIGHT_OVERWRITES, true },
	{ "snapshot-merge DEV B P 8", SIGHT_OVERWRITES, true },
	{ "integrity DEV 0 - J 1 internal_hash:crc32c", SIGHT_OVERWRITES, true },
	{ "integrity DEV 0 - J 2 internal_hash:crc32c meta_device:DEV", SIGHT_OVERWRITES, true },
	{ "flakey DEV 0 10 30 1 drop_writes", SIGHT_OVERWRITES, false },
	{ "flakey DEV 0 10 30 5 corrupt_bio_byte 32 r 1 0", SIGHT_OVERWRITES, false },
	{ "flakey DEV 0 10 30 2 random_write_corrupt 1", SIGHT_OVERWRITES, false },
	/* cannot be told */
	{ "linear DEV", SIGHT_UNKNOWN, true },
	{ "flakey DEV 0", SIGHT_UNKNOWN, true },
	{ "mirror userspace 3 a b c 2 DEV 0 B 0", SIGHT_UNKNOWN, true },
	{ "mirror core 1 1024 9 DEV 0 B 0", SIGHT_UNKNOWN, true },
	{ "mirror core 1", SIGHT_UNKNOWN, true },
	{ "raid raid1 9 0 2 - DEV - B", SIGHT_UNKNOWN, true },
	{ "raid raid1 1 0 9 - DEV - B", SIGHT_UNKNOWN, true },
	{ "writecache s DEV B 512", SIGHT_UNKNOWN, true },
	{ "era B", SIGHT_UNKNOWN, true },
	{ "pcache DEV B", SIGHT_UNKNOWN, true },
	{ "LINEAR DEV 0", SIGHT_UNKNOWN, true },
};

static void sights(void)
{
	char claim[160];
	struct view view;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		look(cases[i].line, &view);
		snprintf(claim, sizeof(claim), "%s: %d, %d at the detach: %s",
			 cases[i].line, view.sight, view.lacks_data, view.why);
		is(claim, view.sight == cases[i].sight &&
		   view.lacks_data == cases[i].lacks &&
		   !!*view.why == (view.sight != SIGHT_SAME));
		forget(&view);
	}
}

/* "B, C anew": what is written to besides */
static const struct {
	const char *line, *devices;
} written[] = {
	{ "linear DEV 0", "" },
	{ "log-writes DEV B", "B" },
	{ "era B DEV 64", "B" },
	{ "cache B C DEV 128 1 writethrough smq 0", "B anew, C" },
	{ "cache B C DEV 128 1 passthrough smq 0", "B, C" },
	{ "writecache s DEV B 512 0", "B anew" },
	{ "writecache s DEV B 512 2 start_sector 64", "B anew" },
	{ "clone B C DEV 256", "B anew, C" },
	{ "snapshot DEV B P 8", "B anew" },
	{ "snapshot DEV B N 8", "B" },
	{ "thin-pool B DEV 128 0", "B" },
	{ "mirror disk 2 C 1024 2 DEV 0 B 0", "C, B" },
	{ "mirror core 1 1024 3 DEV 0 B 0 C 0", "B, C" },
	{ "raid raid1 3 0 rebuild 1 2 - DEV - B", "B" },
	{ "raid raid1 1 0 2 C DEV D B", "C anew, D anew, B" },
	{ "raid raid1 3 0 rebuild 1 2 C DEV D B", "C, D, B" },
	{ "integrity DEV 0 - J 3 internal_hash:crc32c meta_device:B recalculate", "B anew" },
};

static void others(void)
{
	char claim[160], got[160];
	struct view view;

	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++) {
		size_t n = 0;

		*got = '\0';
		look(written[i].line, &view);
		for (size_t j = 0; j < view.n_devices; j++)
			n += snprintf(got + n, sizeof(got) - n, "%s%s%s",
				      n ? ", " : "", view.devices[j].word,
				      view.devices[j].begins_anew ? " anew" : "");
		forget(&view);
		snprintf(claim, sizeof(claim), "%s writes to: %s",
			 written[i].line, got);
		is(claim, !strcmp(got, written[i].devices));
	}
}

static void words(void)
{
	char line[] = "  a\\ b\tc\\\\d \\e  ", many[] = "1 2 3 4";
	const char *argv[4];

	is("words are split as the kernel does",
	   view_split(line, argv, 4) == 3 && !strcmp(argv[0], "a b") &&
	   !strcmp(argv[1], "c\\d") && !strcmp(argv[2], "e"));
	is("too many are too many", view_split(many, argv, 3) < 0);
}

int main(void)
{
	sights();
	others();
	words();
	return done();
}
