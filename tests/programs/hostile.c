// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile: tables and messages as an attacker, or a broken script, would send
 * them. Huge, empty, binary, of wrong counts and types, with devices that
 * refer to themselves or vanish meanwhile. Whatever comes has to be a clean
 * error, and what is known to be wrong must not come to work.
 *
 *	this program ---- tables, messages, broken ioctls ----> h0 ... h3
 *	      |                                                   |
 *	      |                    a disk, a partition, a disk that comes and goes
 *	      +--- messages only ---> the interposer of somebody else, under load
 *
 * What is done follows from the seed alone, but for the disk that vanishes.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

#include "dm.h"
#include "random.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NR_NAMES	4
#define NR_ERRNOS	600
#define TEXT		(40 * 1024)
#define SETTLE		200	/* rounds between two looks at what is left */
#define MAX_LINES	200
#define LONG_EVERY	60	/* rounds, a table with up to so many lines */

static struct {
	uint64_t seed;
	unsigned int count;
	const char *prefix;
	const char *disk;	/* free, to be interposed */
	const char *partition;	/* free as well */
	const char *taken;	/* interposed by somebody else */
	const char *taken_whole;
	const char *other;	/* that somebody's mapped device */
	const char *beneath;	/* and the disk beneath its hook */
	const char *vanishing;	/* a null_blk in configfs */
} arg = { .seed = 1, .count = 1000, .prefix = "" };

static struct random rnd;
static FILE *log_file;
static unsigned int round_nr;
static atomic_bool stop;
static unsigned long outcomes[NR_ERRNOS];
static unsigned long attached, known_wrong, vanished;
static char names[NR_NAMES][64];

/* How often each kind of call has succeeded, and failed. */
static struct result {
	const char *what;
	unsigned long succeeded;
	unsigned long failed;
} results[] = {
	{ .what = "create" }, { .what = "load" }, { .what = "resume" },
	{ .what = "suspend" }, { .what = "remove" }, { .what = "message" },
	{ .what = "broken ioctl" },
};

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

static void say(const char *fmt, ...)
{
	va_list args;

	fprintf(log_file, "%u: ", round_nr);
	va_start(args, fmt);
	vfprintf(log_file, fmt, args);
	va_end(args);
	fputc('\n', log_file);
}

static void fail(const char *fmt, ...)
{
	unsigned int i;
	va_list args;

	printf("hostile: FAILED with seed %llu in round %u: ",
	       (unsigned long long)arg.seed, round_nr);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(NULL);
	for (i = 0; i < NR_NAMES; i++)
		dm_clear_away(names[i]);
	_exit(1);
}

/* The errors that a table, a message or an ioctl may meet. */
static const int clean[] = {
	0, EINVAL, ENOENT, ENXIO, ENODEV, EBUSY, ELOOP, EOPNOTSUPP, EROFS,
	ENOTBLK, ENOTDIR, EACCES, ENAMETOOLONG, ENOMEM, EOVERFLOW, ERANGE, EIO,
	EILSEQ, ENOSPC, EEXIST, ENOTTY, EFAULT, EPERM, E2BIG, EDOM,
};

static int outcome(const char *what, int r)
{
	unsigned int i;

	say("%s: %s", what, r ? strerror(-r) : "success");
	if (r > 0 || r <= -NR_ERRNOS)
		fail("%s: %d is no errno", what, r);
	outcomes[-r]++;
	for (i = 0; i < ARRAY_SIZE(results); i++)
		if (!strcmp(what, results[i].what))
			*(r ? &results[i].failed : &results[i].succeeded) += 1;
	for (i = 0; i < ARRAY_SIZE(clean); i++)
		if (-r == clean[i])
			return r;
	fail("%s: %s is no clean error", what, strerror(-r));
}

#define PICK(list) ((list)[random_below(&rnd, sizeof(list) / sizeof((list)[0]))])

/* Words */

static void word_binary(char *out, size_t size)
{
	size_t i, n = 1 + random_below(&rnd, size - 2);

	/* what is not a word's end: neither NUL nor a blank nor a backslash */
	for (i = 0; i < n; i++)
		do {
			out[i] = random_next(&rnd);
		} while (!out[i] || strchr(" \t\n\v\f\r\\", out[i]));
	out[n] = '\0';
}

static void word_long(char *out, size_t size)
{
	size_t n = 1 + random_below(&rnd, size - 2);

	memset(out, 'a' + random_below(&rnd, 26), n);
	if (random_chance(&rnd, 2))
		out[0] = '/';
	out[n] = '\0';
}

static void word_number(char *out, size_t size)
{
	static const char * const odd[] = {
		"-1", "0x10", "18446744073709551615", "18446744073709551616",
		"99999999999999999999999999999", "4294967296", "1e3", "+1",
		"-9223372036854775808", "00", "1,2", "0.5",
	};

	if (random_chance(&rnd, 2))
		snprintf(out, size, "%s", PICK(odd));
	else
		snprintf(out, size, "%llu", (unsigned long long)
			 (random_next(&rnd) >> random_below(&rnd, 64)));
}

/* A device that can be interposed, at least sometimes. */
static void word_good_device(char *out, size_t size)
{
	const char *path = random_chance(&rnd, 3) ? arg.vanishing :
			   random_chance(&rnd, 2) ? arg.disk : arg.partition;
	struct stat st;
	char dev[128];

	snprintf(dev, sizeof(dev), "/dev/%s", path);
	if (random_chance(&rnd, 2) && !stat(dev, &st))
		snprintf(out, size, "%u:%u", major(st.st_rdev),
			 minor(st.st_rdev));
	else
		snprintf(out, size, "%s", dev);
}

/* One that cannot, ever. The mapped device is the one that is being loaded. */
static void word_bad_device(const char *name, char *out, size_t size)
{
	static const char * const bad[] = {
		"/dev/none", "/dev/null", "/dev", "/", ".", "0:0", "-1:0",
		"99999:1", "1:99999999", "254:", ":", "8:1:2", "/dev/vdz",
		"none", "''", "\"\"", "/dev/../dev/none", "/proc/self/exe",
	};
	unsigned int minor;

	switch (random_below(&rnd, 9)) {
	case 0:
		if (!dm_minor(name, &minor)) {
			snprintf(out, size, "/dev/dm-%u", minor);
			return;
		}
		break;
	case 1:
		snprintf(out, size, "/dev/%s", arg.beneath);
		return;
	case 2:
		snprintf(out, size, "/dev/%s", arg.taken);
		return;
	case 3:
		snprintf(out, size, "/dev/%s", arg.taken_whole);
		return;
	case 4:
		word_binary(out, size < 300 ? size : 300);
		return;
	case 5:
		word_long(out, size);
		return;
	}
	snprintf(out, size, "%s", PICK(bad));
}

static void word_any(const char *name, char *out, size_t size)
{
	static const char * const words[] = {
		"pin", "interpose", "linear", "1", "0", "8", "P", "N", "-",
		"error_reads", "drop_writes", "none", "1 1", "#", "\\ ", "\\",
		"@", "@cancel_deferred_remove", "checkpoint",
	};

	switch (random_below(&rnd, 6)) {
	case 0:
		word_number(out, size);
		break;
	case 1:
		word_good_device(out, size);
		break;
	case 2:
		word_bad_device(name, out, size < 200 ? size : 200);
		break;
	case 3:
		word_binary(out, size < 100 ? size : 100);
		break;
	default:
		snprintf(out, size, "%s", PICK(words));
	}
}

/* Any number of them; mostly few. */
static void words_any(const char *name, char *out, size_t size)
{
	unsigned int n = random_chance(&rnd, 20) ?
			 random_below(&rnd, 3000) : random_below(&rnd, 7);
	size_t used = 0;

	*out = '\0';
	while (n-- && used + 256 < size) {
		used += snprintf(out + used, size - used, " ");
		word_any(name, out + used, 250);
		used += strlen(out + used);
	}
}

/* Tables. "wrong" means that such a line must not come to work. */

struct text {
	char *out;
	size_t size;
	size_t used;
	bool wrong;
};

static void add(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->out + t->used, t->size - t->used, fmt, args);
	va_end(args);
	t->used += n;
	if (t->used >= t->size)
		fail("a line of %zu bytes is too long for this program", t->used);
}

static void add_features(struct text *t)
{
	static const char * const good[] = { "", "", "", "0 ", "1 pin ", "1 PIN " };
	static const char * const bad[] = {
		"2 pin pin ", "1 nothing ", "1 ", "3 ", "99999999999999999999 ",
		"0x1 pin ", "1pin ", "2 pin ", "1 pin pin ", "-1 ", "1 1 pin ",
		"1  1 ",
	};

	if (random_chance(&rnd, 4)) {
		add(t, "%s", PICK(bad));
		t->wrong = true;
	} else {
		add(t, "%s", PICK(good));
	}
}

/* Any of these may work, or not: their own targets decide. */
static void add_inner_any(struct text *t, const char *name)
{
	static const char * const types[] = {
		"linear", "flakey", "delay", "era", "snapshot-origin",
		"snapshot", "snapshot-merge", "error", "zero", "striped",
		"mirror", "dust", "ebs", "unstriped", "crypt", "cache", "clone",
		"integrity", "thin", "thin-pool", "verity", "writecache",
		"log-writes", "raid", "switch", "zoned",
	};
	size_t room = t->size - t->used;

	add(t, "%s", PICK(types));
	words_any(name, t->out + t->used, room < 8192 ? room : 8192);
	t->used += strlen(t->out + t->used);
}

static void add_inner_wrong(struct text *t, const char *device)
{
	static const char * const wrong[] = {
		"", "interpose", "Linear", "linear-", "no_such_type", "multipath 0 0 0 0",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"linear 0", "linear / 0", "linear :", "flakey", "delay 1", "/",
	};

	switch (random_below(&rnd, 4)) {
	case 0:
		add(t, "linear %s -1", device);
		break;
	case 1:
		add(t, "linear %s 0 0 0", device);
		break;
	case 2:
		add(t, "interpose %s linear %s 0", device, device);
		break;
	default:
		add(t, "%s", PICK(wrong));
	}
	t->wrong = true;
}

static void make_line(struct text *t, const char *name)
{
	char device[5000];

	if (random_chance(&rnd, 30)) {
		/* no words, or only blanks */
		add(t, "%s", random_chance(&rnd, 2) ? "" : "   ");
		t->wrong = true;
		return;
	}
	if (random_chance(&rnd, 3)) {
		word_bad_device(name, device, sizeof(device));
		t->wrong = true;
	} else {
		word_good_device(device, sizeof(device));
	}
	add(t, "%s ", device);
	add_features(t);
	switch (random_below(&rnd, 4)) {
	case 0:
		add_inner_any(t, name);
		break;
	case 1:
		add_inner_wrong(t, device);
		break;
	default:
		add(t, "linear %s 0", device);
	}
}

static uint64_t sectors(const char *name)
{
	unsigned long long bytes = 0;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (ioctl(fd, BLKGETSIZE64, &bytes))
		bytes = 0;
	close(fd);
	return bytes / 512;
}

static uint64_t any_length(void)
{
	static const uint64_t odd[] = {
		0, 1, 7, UINT64_MAX, UINT64_MAX / 512, 1ull << 63, 1ull << 40,
	};

	switch (random_below(&rnd, 6)) {
	case 0:
		return PICK(odd);
	case 1:
		return random_next(&rnd) >> random_below(&rnd, 64);
	case 2:
		return sectors(arg.partition);
	case 3:
		return sectors(arg.vanishing);
	default:
		return sectors(arg.disk);
	}
}

static bool is_attached(const char *name)
{
	char text[DM_BUFFER];

	return !dm_status(name, DM_NOFLUSH_FLAG, text, sizeof(text)) &&
	       (strstr(text, "interpose attached") ||
		strstr(text, "interpose held"));
}

static void clear_all_away(void)
{
	unsigned int i;

	for (i = 0; i < NR_NAMES; i++)
		if (outcome("remove", dm_clear_away(names[i])))
			fail("%s cannot be removed", names[i]);
}

/* Tables of many lines: one that is right, but for one thing. */

enum flaw {
	NO_FLAW,
	GAP,			/* between two lines */
	OVERLAP,		/* of two lines */
	TOO_SHORT,		/* the last line */
	TOO_LONG,		/* the last line */
	OTHER_TYPE,		/* a line of another target type */
	OTHER_DEVICE,		/* a line for another device */
	WRONG_INNER,
	WRONG_FEATURE,
	NR_FLAWS
};

static const char * const flaw_names[NR_FLAWS] = {
	"none", "gap", "overlap", "too short", "too long", "other type",
	"other device", "wrong inner", "wrong feature",
};

static unsigned long long_tables[NR_FLAWS];

static void make_long_line(struct dm_line *line, enum flaw flaw,
			   const char *device, const char *other)
{
	unsigned long long start = line->start;
	struct text t = { .out = (char *)line->params, .size = 1024 };

	line->type = "interpose";
	switch (flaw) {
	case OTHER_TYPE:
		line->type = random_chance(&rnd, 2) ? "linear" : "delay";
		add(&t, "/dev/%s %llu", device, start);
		if (*line->type == 'd')
			add(&t, " 0");
		return;
	case OTHER_DEVICE:
		add(&t, "/dev/%s linear /dev/%s 0", other, other);
		return;
	case WRONG_INNER:
		add(&t, "/dev/%s ", device);
		add_inner_wrong(&t, device);
		return;
	case WRONG_FEATURE:
		add(&t, "/dev/%s 2 pin pin linear /dev/%s %llu", device, device,
		    start);
		return;
	case GAP:
		line->start += 8;
		line->length -= 8;
		break;
	case OVERLAP:
		line->start -= 8;
		line->length += 8;
		break;
	case TOO_SHORT:
		line->length -= 8;
		break;
	case TOO_LONG:
		line->length += 8;
		break;
	default:
		break;
	}
	switch (random_below(&rnd, 3)) {
	case 0:
		add(&t, "/dev/%s flakey /dev/%s %llu 3600 0", device, device,
		    start);
		break;
	case 1:
		add(&t, "/dev/%s delay /dev/%s %llu 0", device, device, start);
		break;
	default:
		add(&t, "/dev/%s linear /dev/%s %llu", device, device, start);
	}
}

static unsigned int attached_lines(const char *name)
{
	static char text[DM_BUFFER];
	unsigned int n = 0;
	char *pos = text;

	if (dm_status(name, DM_NOFLUSH_FLAG, text, sizeof(text)))
		return 0;
	while ((pos = strstr(pos, " interpose attached "))) {
		pos++;
		n++;
	}
	return n;
}

/* It takes a moment after the resume. */
static bool all_lines_attach(const char *name, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		if (attached_lines(name) == nr)
			return true;
		usleep(1000);
	}
	return false;
}

static void try_long_table(const char *name)
{
	static unsigned int turn;
	bool disk = random_chance(&rnd, 2);
	const char *device = disk ? arg.disk : arg.partition;
	const char *other = disk ? arg.partition : arg.disk;
	unsigned int nr = 4 + random_below(&rnd, MAX_LINES - 3);
	unsigned int i, at = 1 + random_below(&rnd, nr - 2);
	enum flaw flaw = turn++ % NR_FLAWS;
	uint64_t size = sectors(device), each = size / nr & ~7ull;
	struct dm_line line[MAX_LINES];
	int r;

	if (flaw == TOO_SHORT || flaw == TOO_LONG)
		at = nr - 1;
	clear_all_away();
	if (dm_create(name))
		fail("%s cannot be created", name);
	for (i = 0; i < nr; i++) {
		line[i].start = i * each;
		line[i].length = i < nr - 1 ? each : size - i * each;
		line[i].params = malloc(1024);
		make_long_line(&line[i], i == at ? flaw : NO_FLAW, device,
			       other);
	}
	say("%s: %u lines for %s, flaw in line %u: %s; %llu %llu %s %s", name,
	    nr, device, at, flaw_names[flaw],
	    (unsigned long long)line[at].start,
	    (unsigned long long)line[at].length, line[at].type,
	    line[at].params);
	r = outcome("load", dm_load(name, line, nr));
	if (!r)
		r = outcome("resume", dm_resume(name, 0));
	for (i = 0; i < nr; i++)
		free((void *)line[i].params);
	if (flaw != NO_FLAW && (!r || attached_lines(name)))
		fail("a table of %u lines works, with this flaw: %s", nr,
		     flaw_names[flaw]);
	if (flaw == NO_FLAW && (r || !all_lines_attach(name, nr)))
		fail("a table of %u lines that is right does not work", nr);
	long_tables[flaw]++;
	if (flaw == NO_FLAW)
		attached++;
	else
		known_wrong++;
}

static void try_table(const char *name)
{
	struct dm_line line[3];
	unsigned int nr = random_chance(&rnd, 4) ? 1 + random_below(&rnd, 3) : 1;
	bool wrong = false, before = is_attached(name);
	uint64_t start = 0;
	unsigned int i;
	int r;

	for (i = 0; i < nr; i++) {
		struct text t = { .out = malloc(TEXT), .size = TEXT };

		*t.out = '\0';
		make_line(&t, name);
		wrong |= t.wrong;
		line[i].type = random_chance(&rnd, 30) ? "linear" : "interpose";
		wrong &= strcmp(line[i].type, "interpose") == 0;
		line[i].params = t.out;
		line[i].start = random_chance(&rnd, 12) ? any_length() : start;
		line[i].length = any_length();
		start += line[i].length;
		say("%s: %llu %llu %s %.1000s", name,
		    (unsigned long long)line[i].start,
		    (unsigned long long)line[i].length, line[i].type, t.out);
	}
	r = outcome("load", dm_load(name, line, nr));
	for (i = 0; i < nr; i++)
		free((void *)line[i].params);
	known_wrong += wrong;
	if (wrong && !r)
		fail("a table that is known to be wrong was loaded");
	if (r || random_chance(&rnd, 4))
		return;
	r = outcome("resume", dm_resume(name, 0));
	if (!r && is_attached(name))
		attached++;
	else if (r && !before && is_attached(name))
		fail("attached, though the resume has failed");
}

/* In between, what is right must still work. */
static void try_right_table(void)
{
	char params[256];
	struct dm_line line = { 0, sectors(arg.disk), "interpose", params };

	clear_all_away();
	snprintf(params, sizeof(params), "/dev/%s linear /dev/%s 0", arg.disk,
		 arg.disk);
	if (dm_create(names[0]) || dm_load(names[0], &line, 1) ||
	    dm_resume(names[0], 0) || !is_attached(names[0]))
		fail("a table that is right does not work any more");
	attached++;
	if (outcome("message", dm_message(names[0], 0, "interpose pin")) ||
	    outcome("message", dm_message(names[0], 0, "interpose unpin")))
		fail("a message that is right does not work any more");
	if (dm_remove(names[0]))
		fail("an interposer that works cannot be removed");
}

/* Messages */

static void try_message(const char *name)
{
	char *text = malloc(TEXT);
	uint64_t sector = random_chance(&rnd, 3) ? any_length() : 0;
	bool wrong = false;
	int r;

	*text = '\0';
	switch (random_below(&rnd, 5)) {
	case 0:
		strcpy(text, "interpose");
		words_any(name, text + strlen(text), TEXT - 100);
		wrong = strcmp(text, "interpose pin") &&
			strcmp(text, "interpose unpin");
		break;
	case 1:
		strcpy(text, random_chance(&rnd, 2) ? "interpose pin" :
		       "INTERPOSE unPIN");
		break;
	case 2:
		break;	/* empty */
	default:
		words_any(name, text, TEXT);
	}
	say("%s: message at %llu: %.1000s", name, (unsigned long long)sector,
	    text);
	r = outcome("message", dm_message(name, sector, text));
	if (!r && wrong)
		fail("a message that is known to be wrong was taken");
	free(text);
}

/* Broken ioctls: a table or a message, and then something in it is changed. */

static const unsigned long commands[] = {
	DM_TABLE_LOAD, DM_TABLE_LOAD, DM_TABLE_LOAD, DM_TARGET_MSG,
	DM_TARGET_MSG, DM_TABLE_STATUS, DM_DEV_STATUS, DM_TABLE_DEPS,
	DM_TABLE_CLEAR, DM_DEV_SUSPEND, DM_DEV_SET_GEOMETRY, DM_LIST_VERSIONS,
	DM_LIST_DEVICES, DM_GET_TARGET_VERSION,
};

static void break_header(struct dm_ioctl *io)
{
	static const uint32_t odd[] = {
		0, 1, 7, 8, 304, 305, 312, 313, 4096, 65535, 0x7fffffff,
		0x80000000, 0xfffffff8, 0xffffffff,
	};

	switch (random_below(&rnd, 8)) {
	case 0:
		io->version[random_below(&rnd, 3)] = random_next(&rnd);
		break;
	case 1:
		io->data_size = PICK(odd);
		break;
	case 2:
		io->data_start = PICK(odd);
		break;
	case 3:
		io->target_count = PICK(odd);
		break;
	case 4:
		/* but not those that leave a device to be removed later */
		io->flags = random_next(&rnd) & ~DM_DEFERRED_REMOVE;
		break;
	case 5:
		memset(io->uuid, 'u', sizeof(io->uuid));
		break;
	case 6:
		io->dev = random_next(&rnd);
		break;
	default:
		io->open_count = random_next(&rnd);
		io->event_nr = random_next(&rnd);
	}
}

static void break_spec(struct dm_target_spec *spec, char *end)
{
	static const uint32_t odd[] = {
		0, 1, 8, 40, 44, 4096, 0x7ffffff8, 0xfffffff8, 0xffffffff,
	};

	switch (random_below(&rnd, 5)) {
	case 0:
		spec->next = PICK(odd);
		break;
	case 1:
		memset(spec->target_type, 'x', sizeof(spec->target_type));
		break;
	case 2:
		spec->sector_start = random_next(&rnd);
		break;
	case 3:
		spec->length = any_length();
		break;
	default:
		/* without an end */
		memset(spec + 1, 'x', end - (char *)(spec + 1));
	}
}

/* What is behind the buffer cannot be read: nothing of ours gets into it. */
static void try_broken_ioctl(const char *name)
{
	static char *buffer;
	const size_t size = 16384;
	unsigned long command = PICK(commands);
	struct dm_target_spec *spec;
	struct dm_ioctl *io;

	if (!buffer) {
		buffer = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (buffer == MAP_FAILED ||
		    mprotect(buffer + size, 4096, PROT_NONE))
			fail("no memory");
	}
	memset(buffer, 0, size);
	io = (struct dm_ioctl *)(buffer + size - 4096);
	spec = (struct dm_target_spec *)(io + 1);
	dm_header(io, name, 4096);
	io->target_count = 1 + random_below(&rnd, 2);
	spec->length = sectors(arg.partition);
	spec->next = 256;
	strcpy(spec->target_type, "interpose");
	sprintf((char *)(spec + 1), "/dev/%s linear /dev/%s 0", arg.partition,
		arg.partition);
	if (random_chance(&rnd, 2))
		break_header(io);
	if (random_chance(&rnd, 2))
		break_spec(spec, buffer + size);
	say("%s: command %lx, data_size %u, data_start %u, count %u, flags %x, next %u",
	    name, command & 0xff, io->data_size, io->data_start,
	    io->target_count, io->flags, spec->next);
	outcome("broken ioctl", dm_raw(command, io));
}

/* The disk that comes and goes, and somebody who uses it all the time. */

static void set_power(char on)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/config/nullb/%s/power",
		 arg.vanishing);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, &on, 1) != 1)
		fail("%s: %s", path, strerror(errno));
	close(fd);
}

static void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void *vanish(void *unused)
{
	struct random own;

	random_seed(&own, arg.seed, 1);
	while (!atomic_load(&stop)) {
		sleep_ms(random_below(&own, 300));
		set_power('0');
		vanished++;
		sleep_ms(random_below(&own, 30));
		set_power('1');
	}
	return unused;
}

/* Nothing is checked: the disk may go at any moment. */
static void *use_vanishing(void *unused)
{
	struct random own;
	char path[128];
	void *data;
	int fd;

	random_seed(&own, arg.seed, 2);
	snprintf(path, sizeof(path), "/dev/%s", arg.vanishing);
	if (posix_memalign(&data, 4096, 4096))
		fail("no memory");
	memset(data, 1, 4096);
	while (!atomic_load(&stop)) {
		unsigned int n = random_below(&own, 50);

		fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
		while (fd >= 0 && n--) {
			off_t at = random_below(&own, 256) * 4096;

			if ((random_chance(&own, 2) ?
			     pread(fd, data, 4096, at) :
			     pwrite(fd, data, 4096, at)) < 0)
				break;
		}
		if (fd >= 0)
			close(fd);
		sleep_ms(5);
	}
	free(data);
	return unused;
}

/* What may be there: the disk beneath the interposer of somebody else. */
static void look_what_is_left(void)
{
	struct dirent *entry;
	unsigned int i;
	DIR *dir;

	clear_all_away();
	for (i = 0; i < NR_NAMES; i++)
		if (!outcome("suspend", dm_suspend(names[i], 0)))
			fail("%s is gone, and can be suspended", names[i]);
	dir = opendir("/sys/block");
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "interpose", 9) &&
		    strcmp(entry->d_name, arg.beneath))
			fail("/dev/%s is left behind", entry->d_name);
	closedir(dir);
	if (!is_attached(arg.other))
		fail("%s is no longer attached", arg.other);
}

static void one_round(void)
{
	const char *name = names[random_below(&rnd, NR_NAMES)];
	unsigned int what = random_below(&rnd, 100);

	if (random_chance(&rnd, 3))
		outcome("create", dm_create(name));
	if (round_nr % LONG_EVERY == 0)
		try_long_table(name);
	else if (what < 60)
		try_table(name);
	else if (what < 72)
		try_message(name);
	else if (what < 77)
		try_message(arg.other);
	else if (what < 87)
		try_broken_ioctl(name);
	else if (what < 90)
		outcome("suspend", dm_suspend(name, random_chance(&rnd, 2) ?
					      DM_NOFLUSH_FLAG : 0));
	else if (what < 93)
		outcome("resume", dm_resume(name, 0));
	else if (what < 98)
		outcome("remove", dm_remove(name));
	else
		try_right_table();
}

static void print_summary(void)
{
	unsigned int i;

	printf("hostile: seed %llu: %u rounds, %lu tables known to be wrong\n",
	       (unsigned long long)arg.seed, arg.count, known_wrong);
	printf("hostile: %lu interposers came to work; a disk vanished %lu times\n",
	       attached, vanished);
	printf("hostile: tables of many lines, by flaw:");
	for (i = 0; i < NR_FLAWS; i++)
		printf(" %s %lu;", flaw_names[i], long_tables[i]);
	printf("\nhostile: succeeded and failed:");
	for (i = 0; i < ARRAY_SIZE(results); i++)
		printf(" %s %lu %lu;", results[i].what, results[i].succeeded,
		       results[i].failed);
	printf("\nhostile: outcomes:");
	for (i = 0; i < NR_ERRNOS; i++)
		if (outcomes[i])
			printf(" %s %lu;", i ? strerrorname_np(i) : "success",
			       outcomes[i]);
	printf("\n");
}

/* A generator that reaches nothing proves nothing. */
static void look_what_was_reached(void)
{
	static const int wanted[] = {
		0, EINVAL, ENOENT, ENXIO, EBUSY, ENOTBLK,
	};
	unsigned int i;

	if (arg.count < 1000)
		return;
	if (!attached || !vanished || !known_wrong)
		fail("%lu attached, %lu vanished, %lu known to be wrong",
		     attached, vanished, known_wrong);
	for (i = 0; i < NR_FLAWS; i++)
		if (!long_tables[i])
			fail("no long table with this flaw: %s", flaw_names[i]);
	for (i = 0; i < ARRAY_SIZE(results); i++)
		if (!results[i].succeeded || !results[i].failed)
			fail("%s has succeeded %lu times and failed %lu times",
			     results[i].what, results[i].succeeded,
			     results[i].failed);
	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!outcomes[wanted[i]])
			fail("nothing has ended with %s", wanted[i] ?
			     strerrorname_np(wanted[i]) : "success");
}

static void parse_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 'e' },
		{ "count", required_argument, NULL, 'n' },
		{ "prefix", required_argument, NULL, 'p' },
		{ "log", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 }
	};
	unsigned int i;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'e')
			arg.seed = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			arg.count = strtoul(optarg, NULL, 0);
		else if (c == 'p')
			arg.prefix = optarg;
		else if (c == 'l')
			log_file = fopen(optarg, "w");
		else
			exit(2);
	}
	if (!log_file)
		log_file = fopen("/dev/null", "w");
	if (argc - optind != 7) {
		fprintf(stderr,
			"usage: hostile [--seed N] [--count N] [--prefix P] [--log FILE]\n"
			"               DISK PARTITION TAKEN WHOLE-OF-TAKEN ITS-INTERPOSER BENEATH NULL_BLK\n"
			"(devices without /dev/)\n");
		exit(2);
	}
	arg.disk = argv[optind];
	arg.partition = argv[optind + 1];
	arg.taken = argv[optind + 2];
	arg.taken_whole = argv[optind + 3];
	arg.other = argv[optind + 4];
	arg.beneath = argv[optind + 5];
	arg.vanishing = argv[optind + 6];
	for (i = 0; i < NR_NAMES; i++)
		snprintf(names[i], sizeof(names[i]), "%sh%u", arg.prefix, i);
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	parse_arguments(argc, argv);
	setvbuf(log_file, NULL, _IOLBF, 0);
	printf("hostile: seed %llu\n", (unsigned long long)arg.seed);
	fflush(stdout);
	random_seed(&rnd, arg.seed, 0);
	if (dm_open())
		fail("/dev/mapper/control: %s", strerror(errno));
	if (pthread_create(&threads[0], NULL, vanish, NULL) ||
	    pthread_create(&threads[1], NULL, use_vanishing, NULL))
		fail("no thread");
	for (round_nr = 1; round_nr <= arg.count; round_nr++) {
		one_round();
		if (round_nr % SETTLE == 0 || round_nr == arg.count)
			look_what_is_left();
	}
	atomic_store(&stop, true);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	dm_message(arg.other, 0, "interpose unpin");
	print_summary();
	look_what_was_reached();
	return 0;
}
