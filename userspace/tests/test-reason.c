// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own reason: records as /dev/kmsg gives them, one a read, go in at
 * a socket; of those only what belongs to the one ioctl may come out.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "reason.h"
#include "tap.h"

static char text[2600];

/* What is said of an error, with these records in the log, to a NULL */
static const char *said(int error, const char *table, const char *const *records)
{
	struct reason reason;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends))
		return "";
	reason_log = ends[0];
	reason_mark();
	for (; *records; records++)
		if (write(ends[1], *records, strlen(*records)) < 0)
			return "";
	reason_begin(&reason, makedev(253, 3), table);
	reason.thread = 42;
	reason_read(&reason);
	reason_text(&reason, error, text, sizeof(text));
	close(ends[0]);
	close(ends[1]);
	return text;
}

#define SAID(error, table, ...) \
	said(error, table, (const char *const []){ __VA_ARGS__, NULL })

static void test_what_is_taken(void)
{
	is("a line with the device's number, without the prefix and the number",
	   !strcmp(SAID(EINVAL, "interpose /dev/sda1 frob",
			"3,1,1,-;device-mapper: interpose: 253:3: no target type frob\n",
			"3,2,1,-;device-mapper: table: 253:3: interpose: Unknown inner target type (-EINVAL)\n",
			"3,3,1,-;device-mapper: ioctl: error adding target to table\n"),
		   "Invalid argument; the kernel says:\n  interpose: no target type frob\n  interpose: Unknown inner target type"));
	is("a number at the end, too, and words that are said already, are left out",
	   !strcmp(SAID(EINVAL, "interpose /dev/sda1 era /dev/sdb /dev/sda1 7",
			"3,1,1,-;device-mapper: interpose: 253:3: the inner target era refuses its arguments: Invalid block size (-22)\n",
			"3,2,1,-;device-mapper: table: 253:3: interpose: Invalid block size (-22)\n"),
		   "Invalid argument; the kernel says:\n  interpose: the inner target era refuses its arguments: Invalid block size"));
	is("but not what is no number", strstr(SAID(EINVAL, "linear",
			"3,1,1,-;device-mapper: table: 253:3: linear: bad (-much)\n"), "bad (-much)"));
	is("what else the kernel's record has is left out",
	   !strcmp(SAID(EINVAL, "linear",
			"3,1,1,-;device-mapper: table: 253:3: linear: Invalid device sector (-EINVAL)\n SUBSYSTEM=block\n DEVICE=b8:1\n"),
		   "Invalid argument; the kernel says:\n  linear: Invalid device sector"));
	is("without a number, what a target of the table says",
	   strstr(SAID(EINVAL, "interpose /dev/sda1 era /dev/sdb /dev/sda1 8",
		       "3,1,1,-;device-mapper: era: changing the data block size (from 8 to 16) is not supported\n"),
		  "era: changing the data block size (from 8 to 16) is not supported"));
	is("and what it uses", strstr(SAID(EIO, "interpose /dev/sda1 cache a b c 8 0",
		       "3,1,1,-;device-mapper: space map common: bad\n",
		       "3,2,1,-;device-mapper: cache metadata: worse\n"),
		  "space map common: bad\n  cache metadata: worse"));
	is("a line that comes twice is said once",
	   !strcmp(SAID(EINVAL, "era", "3,1,1,-;device-mapper: era: x\n",
			"3,2,1,-;device-mapper: era: x\n"),
		   "Invalid argument; the kernel says:\n  era: x"));
	is("of the thread, whatever it names",
	   strstr(SAID(EINVAL, "linear",
		       "3,1,1,-,caller=T42;device-mapper: thin: odd\n"), "odd"));
}

static void test_what_is_not(void)
{
	const char *const einval = "Invalid argument";

	is("nothing that the log has not",
	   !strcmp(said(EINVAL, "linear", (const char *const []){ NULL }), einval));
	is("no other device's",
	   !strcmp(SAID(EINVAL, "linear", "3,1,1,-;device-mapper: table: 253:4: linear: bad (-EINVAL)\n"), einval));
	is("nor of one whose number begins with ours",
	   !strcmp(SAID(EINVAL, "linear", "3,1,1,-;device-mapper: table: 253:33: linear: bad (-EINVAL)\n"), einval));
	is("nothing without a number while somebody else's load fails",
	   !strcmp(SAID(EINVAL, "era", "3,1,1,-;device-mapper: era: whose?\n",
			"3,1,1,-;device-mapper: table: 253:4: era: bad (-EINVAL)\n"), einval));
	is("nothing of a target that is not in the table",
	   !strcmp(SAID(EINVAL, "interpose /dev/sda1 linear /dev/sda1 0",
			"3,1,1,-;device-mapper: snapshots: Invalidating snapshot: Unable to allocate exception.\n"), einval));
	is("no other thread's, even of our device",
	   !strcmp(SAID(EINVAL, "linear", "3,1,1,-,caller=T43;device-mapper: table: 253:3: linear: bad (-EINVAL)\n"), einval));
	is("nor an interrupt's",
	   !strcmp(SAID(EINVAL, "linear", "3,1,1,-,caller=C42;device-mapper: linear: bad\n"), einval));
	is("nothing that a program has written there",
	   !strcmp(SAID(EINVAL, "linear", "11,1,1,-;device-mapper: table: 253:3: linear: bad (-EINVAL)\n"), einval));
	is("no news", !strcmp(SAID(EINVAL, "linear", "6,1,1,-;device-mapper: linear: fine\n"), einval));
	is("no other subsystem's", !strcmp(SAID(EINVAL, "linear", "3,1,1,-;EXT4-fs error (device dm-3)\n"), einval));
	is("nothing of rubbish", !strcmp(SAID(EINVAL, "linear", "", ";", "3;", "3,;", "x,1;device-mapper: linear: y",
					      "3,1,1,-;device-mapper: ", "3,1,1,-;device-mapper: : ", "3,1,1,-;device-mapper: table: 253:: x\n"), einval));
	reason_log = -1;
	is("without the log, where to look", !strcmp(({
		struct reason reason;

		reason_begin(&reason, 0, "");
		reason_read(&reason);
		reason_text(&reason, EINVAL, text, sizeof(text));
		text;
	}), "Invalid argument; the kernel log (dmesg) may say why"));
}

static void test_bounds(void)
{
	char record[9000] = "3,1,1,-;device-mapper: table: 253:3: ";
	char small[40];
	struct reason reason;

	memset(record + strlen(record), 'x', sizeof(record) - strlen(record) - 1);
	record[sizeof(record) - 1] = '\0';
	reason_begin(&reason, makedev(253, 3), "linear");
	for (int i = 0; i < 2 * REASON_LINES; i++) {
		record[40] = 'a' + i;
		reason_record(&reason, record);
	}
	is("so many lines", reason.n == REASON_LINES);
	reason_text(&reason, EILSEQ, text, sizeof(text));
	is("all of them fit", strstr(text, "xaxx") || strstr(text, "axxx"));
	reason_text(&reason, EILSEQ, small, sizeof(small));
	is("and what does not fit is cut", strlen(small) < sizeof(small));
}

static void test_errors(void)
{
	static const int odd[] = { EILSEQ, EBADMSG, EBADE, ENODATA, EUCLEAN, 524 };
	const char *stale = SAID(EILSEQ, "interpose /dev/sda1 1 pin era /dev/sdb 8:1 8",
			   "3,1,1,-;device-mapper: era: sb_check failed: magic 1: wanted 2\n",
			   "3,2,1,-;device-mapper: interpose: 253:3: the inner target era refuses its arguments: Error opening metadata (-84)\n");

	is("stale metadata: the device", strstr(stale, "/dev/sdb does not hold metadata of era"));
	is("what to do", strstr(stale, "dd if=/dev/zero of=/dev/sdb bs=4096 count=1 conv=fsync") &&
			 strstr(stale, "era_check /dev/sdb"));
	is("and nothing of multibyte characters", !strstr(stale, "multibyte"));
	is("metadata of another place", strstr(SAID(ENOTBLK, "cache /dev/sdb /dev/sdc /dev/sda 8 0",
		"3,1,1,-;device-mapper: cache metadata: sb_check failed: blocknr 7: wanted 0\n"), "cache_check /dev/sdb") &&
		strstr(text, "belongs to another target (wrong magic number or checksum) (ENOTBLK)"));
	is("but a file is no metadata", !strcmp(SAID(ENOTBLK, "cache /etc/passwd /dev/sdc /dev/sda 8 0",
		"3,1,1,-;device-mapper: table: 253:3: cache: Error opening metadata device (-ENOTBLK)\n"),
		"Block device required; the kernel says:\n  cache: Error opening metadata device"));
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		is("an odd error is in words, and by its name",
		   !strstr(SAID(odd[i], "linear", ""), strerror(odd[i])) && strstr(text, "(E"));
	is("others have both", !strcmp(SAID(EBUSY, "linear", ""), "in use (Device or resource busy)"));
	is("or what they always had", !strcmp(SAID(EINVAL, "linear", ""), "Invalid argument"));
}

int main(void)
{
	test_what_is_taken();
	test_what_is_not();
	test_bounds();
	test_errors();
	return done();
}
