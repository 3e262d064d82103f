// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "parse.h"
#include "reason.h"

#define KMSG		"/dev/kmsg"
#define RECORD_MAX	8192		/* no record of the kernel is longer */
#define PREFIX		"device-mapper: "

int reason_log = -1;

/*
 * The kernel log
 */

void reason_setup(void)
{
	if (reason_log < 0)
		reason_log = open(KMSG, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

void reason_mark(void)
{
	if (reason_log >= 0)
		lseek(reason_log, 0, SEEK_END);
}

void reason_begin(struct reason *reason, dev_t dev, const char *table)
{
	memset(reason, 0, sizeof(*reason));
	reason->dev = dev;
	reason->thread = gettid();
	reason->table = table;
}

/* EPIPE: records were overwritten before they were read; the next one is there */
void reason_read(struct reason *reason)
{
	char record[RECORD_MAX + 1];
	ssize_t n;

	if (reason_log < 0)
		return;
	while ((n = read(reason_log, record, RECORD_MAX)) > 0 ||
	       (n < 0 && (errno == EPIPE || errno == EINTR))) {
		if (n < 0)
			continue;
		record[n] = '\0';
		reason_record(reason, record);
	}
}

/*
 * Whose line is it?
 *
 * With CONFIG_PRINTK_CALLER each record names the thread, and all that device-
 * mapper says while it does an ioctl is said by the thread that asked for it.
 * Without it the device's number tells, if there is one. What has neither is
 * ours if it comes from a target that the table names, and if nobody else's
 * load has failed meanwhile.
 */

static bool has_word(const char *text, const char *word, size_t length)
{
	for (const char *at = text; (at = strstr(at, word)); at++)
		if ((at == text || at[-1] == ' ') &&
		    (!at[length] || at[length] == ' '))
			return true;
	return false;
}

/* What of device-mapper works for which targets, by the name in its messages */
static bool is_of_table(const char *table, const char *prefix, size_t length)
{
	static const struct {
		const char *type, *prefixes;
	} parts[] = {
		{ "mirror", "|raid1|region hash|dirty region log|" },
		{ "snapshot", "|snapshots|snapshot exception stores|persistent snapshot|transient snapshot|" },
		{ "snapshot-origin", "|snapshots|" },
		{ "snapshot-merge", "|snapshots|snapshot exception stores|persistent snapshot|" },
		{ "thin-pool", "|thin|thin metadata|" },
		{ "cache", "|cache metadata|cache-policy|cache-policy-smq|" },
		{ "clone", "|clone metadata|" },
	};
	static const char metadata[] = "|array|bitset|block manager|btree|btree spine|bufio|space map common|space map disk|space map metadata|transaction manager|";
	static const char *const with_metadata[] = { "era", "cache", "clone",
		"thin-pool" };
	char word[64], between[70];

	if (!length || length >= sizeof(word))
		return false;
	snprintf(word, sizeof(word), "%.*s", (int)length, prefix);
	snprintf(between, sizeof(between), "|%s|", word);
	if (!strchr(word, ' ') && has_word(table, word, length))
		return true;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (has_word(table, parts[i].type, strlen(parts[i].type)) &&
		    strstr(parts[i].prefixes, between))
			return true;
	for (size_t i = 0; i < sizeof(with_metadata) / sizeof(*with_metadata); i++)
		if (has_word(table, with_metadata[i], strlen(with_metadata[i])) &&
		    strstr(metadata, between))
			return true;
	return false;
}

/* "253:3: the rest"; false: it does not begin with a number */
static bool take_devno(const char **text, dev_t *dev)
{
	char word[WORD_MAX];
	size_t length = strspn(*text, "0123456789:");

	if (length < 4 || length >= sizeof(word) || (*text)[length] != ' ' ||
	    (*text)[length - 1] != ':')
		return false;
	snprintf(word, sizeof(word), "%.*s", (int)length - 1, *text);
	if (!parse_devno(word, dev))
		return false;
	*text += length + 1;
	return true;
}

/* Cut " (-EINVAL)" or " (-22)" at the end: the message has the error already */
static void drop_number(char *line)
{
	char *open = strrchr(line, '('), *at = open;

	if (!open || open == line || open[-1] != ' ' || open[1] != '-')
		return;
	for (at = open + 2; (*at >= 'A' && *at <= 'Z') ||
			    (*at >= '0' && *at <= '9'); at++)
		;
	if (*at == ')' && !at[1])
		open[-1] = '\0';
}

/* A target's own words come again in what device-mapper says of it */
static bool is_said(const struct reason *reason, const char *line)
{
	const char *rest = strstr(line, ": ");

	for (size_t i = 0; i < reason->n; i++)
		if (!strcmp(reason->lines[i].text, line) ||
		    (rest && strstr(reason->lines[i].text, rest)))
			return true;
	return false;
}

static void add(struct reason *reason, const char *prefix, size_t length,
		const char *text, bool sure)
{
	char line[REASON_LINE_MAX];

	/* "table" only says by whom, and the target's name follows */
	if (length == strlen("table") && !strncmp(prefix, "table", length))
		snprintf(line, sizeof(line), "%s", text);
	else
		snprintf(line, sizeof(line), "%.*s: %s", (int)length, prefix,
			 text);
	line[strcspn(line, "\n")] = '\0';
	drop_number(line);
	if (reason->n == REASON_LINES || is_said(reason, line))
		return;
	snprintf(reason->lines[reason->n].text, REASON_LINE_MAX, "%s", line);
	reason->lines[reason->n++].sure = sure;
}

/* 1 its thread is ours, 0 it is not, -1 it does not say */
static int is_of_thread(const char *record, const char *text, pid_t thread)
{
	const char *caller = strstr(record, ",caller=");

	if (!caller || caller > text)
		return -1;
	caller += strlen(",caller=");
	return *caller == 'T' && strtol(caller + 1, NULL, 10) == thread;
}

/* "3,1234,5678,-,caller=T42;device-mapper: table: 253:3: era: ...\n KEY=..." */
void reason_record(struct reason *reason, const char *record)
{
	const char *text = strchr(record, ';'), *prefix, *rest;
	char *end;
	unsigned long level = strtoul(record, &end, 10);
	bool numbered, ours;
	size_t length;
	dev_t dev = 0;
	int thread;

	/* of the kernel, not of a program that writes there; no news, no debug */
	if (!text || *end != ',' || level > 4)
		return;
	text++;
	if (strncmp(text, PREFIX, strlen(PREFIX)))
		return;
	prefix = text + strlen(PREFIX);
	rest = strstr(prefix, ": ");
	if (!rest)
		return;
	length = rest - prefix;
	rest += 2;
	numbered = take_devno(&rest, &dev);
	thread = is_of_thread(record, text, reason->thread);
	ours = thread < 0 ? numbered && dev == reason->dev : thread;
	if (!ours && (thread >= 0 || numbered)) {
		reason->foreign |= thread < 0;
		return;
	}
	if (!strncmp(rest, "error adding target to table", 28))
		return; /* of that there is an error number */
	if (ours || is_of_table(reason->table, prefix, length))
		add(reason, prefix, length, rest, ours);
}

/*
 * Words
 */

static const struct {
	int error;
	const char *kind;
	bool odd;		/* what strerror() says of it misleads */
} kinds[] = {
	/* the first one: see is_about_metadata() */
	{ EILSEQ, "metadata is damaged, or belongs to another target (wrong magic number or checksum)", true },
	{ EBADMSG, "checksum mismatch", true },
	{ EBADE, "checksum mismatch", true },
	{ ENODATA, "the metadata lacks something that the table refers to", true },
	{ EUCLEAN, "metadata is damaged", true },
	{ 524 /* ENOTSUPP */, "not supported", true },
	{ EBUSY, "in use", false },
	{ EROFS, "a device is read-only", false },
	{ EACCES, "a device is read-only, or this needs root", false },
	{ EPERM, "this needs root", false },
	{ ENXIO, "there is no such device, or it is gone", false },
	{ ENODEV, "there is no such device, or it is gone", false },
	{ EIO, "I/O error on a device", false },
	{ ENOSPC, "the metadata or COW device is full or too small", false },
	{ EINTR, "interrupted", false },
	{ ELOOP, "the devices would form a loop", false },
	{ EDEADLK, "the devices would form a loop", false },
	{ EOVERFLOW, "too large", false },
	{ EFBIG, "too large", false },
	{ ERANGE, "a number is out of range", false },
	{ ETIMEDOUT, "the device did not respond in time", false },
	{ EAGAIN, "temporarily not possible; try again", false },
};

static size_t error_text(int error, char *text, size_t size)
{
	const char *name = strerrorname_np(error);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].error == error)
			return snprintf(text, size, "%s (%s)", kinds[i].kind,
					!kinds[i].odd ? strerror(error) :
					name ?: "ENOTSUPP");
	return snprintf(text, size, "%s", strerror(error));
}

/* Inner targets that keep metadata, and which word after the type it is on */
static bool metadata_device(const char *table, char *type, char *device,
			    size_t size)
{
	static const char *const types[] = { "era", "cache", "clone",
		"thin-pool" };
	char word[512];

	for (unsigned int n = 0; parse_nth_word(table, n, word, sizeof(word)); n++)
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
			if (!strcmp(word, types[i]) &&
			    parse_nth_word(table, n + 1, device, size)) {
				strcpy(type, types[i]);
				return true;
			}
	return false;
}

/* Left by another target, or by a run that a crash has ended */
static bool is_about_metadata(const struct reason *reason, int error)
{
	if (error == EILSEQ)
		return true;
	for (size_t i = 0; error == ENOTBLK && i < reason->n; i++)
		if (strstr(reason->lines[i].text, "blocknr"))
			return true;
	return false;
}

static void metadata_text(struct reason *reason, char *text, size_t size)
{
	char type[WORD_MAX], device[512];
	const char *of;

	if (!metadata_device(reason->table, type, device, sizeof(device))) {
		snprintf(text, size,
			 "\n  the metadata of a device in the table is damaged or belongs to another target; check it, or clear it if it is not needed");
		return;
	}
	of = !strcmp(type, "thin-pool") ? "thin" : type;
	snprintf(text, size,
		 "\n  %s does not hold metadata of %s, or it is damaged. If its contents are not needed, clear it:\n    dd if=/dev/zero of=%s bs=4096 count=1 conv=fsync\n  otherwise check it:\n    %s%s %s",
		 device, type, device, strcmp(of, "clone") ? of : "blkid -p",
		 strcmp(of, "clone") ? "_check" : "", device);
}

void reason_text(struct reason *reason, int error, char *text, size_t size)
{
	bool metadata = is_about_metadata(reason, error);
	size_t said = 0, n = metadata ?
		(size_t)snprintf(text, size, "%s (%s)", kinds[0].kind,
				 strerrorname_np(error)) :
		error_text(error, text, size);

	for (size_t i = 0; i < reason->n && n < size; i++) {
		if (reason->foreign && !reason->lines[i].sure)
			continue;
		n += snprintf(text + n, size - n, "%s\n  %s", said ? "" :
			      "; the kernel says:", reason->lines[i].text);
		said++;
	}
	if (n < size && metadata)
		metadata_text(reason, text + n, size - n);
	else if (n < size && !said && reason_log < 0)
		snprintf(text + n, size - n,
			 "; the kernel log (dmesg) may say why");
}
