// SPDX-License-Identifier: GPL-2.0
/*
 * Series of era: their record on the metadata device, here a file, and points
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"
#include "series.h"
#include "tap.h"

static char directory[] = "/tmp/test-series-XXXXXX", path[PATH_MAX];
static char complained[512];
const char *state_dir = directory;
struct options options;

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(complained, sizeof(complained), format, args);
	va_end(args);
}

bool step(const char *format, ...)
{
	(void)format;
	return true;
}

int run(const char *const argv[])
{
	char command[2 * PATH_MAX + 64] = "";
	int status;

	for (size_t i = 0; argv[i]; i++)
		snprintf(command + strlen(command),
			 sizeof(command) - strlen(command), "%s ", argv[i]);
	strcat(command, ">/dev/null");
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Like the kernel, but not the same numbers twice */
static uint32_t next_random(void)
{
	static uint64_t state = 4711;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return state >> 32;
}

static void points(void)
{
	static const struct {
		const char *text;
		uint64_t era;		/* 0: refused */
	} cases[] = {
		{ "0a1b2c3d-0815-4711-8842-5566778899aa:1", 1 },
		{ "0A1B2C3D-0815-4711-8842-5566778899AA:7", 7 },
		{ "0a1b2c3d-0815-4711-8842-5566778899aa:18446744073709551615", UINT64_MAX },
		{ "0a1b2c3d-0815-4711-8842-5566778899aa:18446744073709551616", 0 },
		{ "0a1b2c3d-0815-4711-8842-5566778899aa:0", 0 },
		{ "0a1b2c3d-0815-4711-8842-5566778899aa:", 0 },
		{ "0a1b2c3d-0815-4711-8842-5566778899aa", 0 },
		{ "0a1b2c3d-0815-4711-8842-5566778899aa: 1", 0 },
		{ "0a1b2c3d-0815-4711-8842-5566778899aa:1x", 0 },
		{ "0a1b2c3d-0815-4711-8842-5566778899aa:+1", 0 },
		{ "0a1b2c3d-0815-4711-8842-5566778899aa:-1", 0 },
		{ "0a1b2c3d-0815-4711-8842-5566778899a:1", 0 },
		{ "0a1b2c3d-0815-4711-8842-5566778899aab:1", 0 },
		{ "0a1b2c3d08154711-8842-5566778899aa:1", 0 },
		{ "0a1b2c3d-0815-4711-8842-5566778899ag:1", 0 },
		{ " 0a1b2c3d-0815-4711-8842-5566778899aa:1", 0 },
		{ "7", 0 }, { ":7", 0 }, { "", 0 }, { ":", 0 }, { "8:1", 0 },
	};
	char claim[128], text[POINT_MAX];
	struct series series = { };
	struct point point;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool good = point_parse(cases[i].text, &point);

		snprintf(claim, sizeof(claim), "point '%s'", cases[i].text);
		is(claim, good == !!cases[i].era &&
		   (!good || (point.era == cases[i].era && point.uuid[0] == 0x0a &&
			      point.uuid[15] == 0xaa)));
	}
	point_parse(cases[0].text, &point);
	memcpy(series.uuid, point.uuid, SERIES_UUID);
	point_text(&series, 1, text, sizeof(text));
	is("it is printed as it is read", !strcmp(text, cases[0].text));
}

/* Foreign in one bit or in all, of any era: only what is known is answered */
static void random_points(void)
{
	struct series series = { .first = 100, .why = "it was mounted" };
	unsigned int wrong = 0, fits = 0;
	struct point point;
	char why[256];

	for (int i = 0; i < SERIES_UUID; i++)
		series.uuid[i] = next_random();
	for (int i = 0; i < 10000; i++) {
		bool own = true, good;

		memcpy(point.uuid, series.uuid, SERIES_UUID);
		if (next_random() % 3 == 0) {
			point.uuid[next_random() % SERIES_UUID] ^= 1 << next_random() % 8;
			own = false;
		}
		point.era = next_random() % 4 ? next_random() % 300 + 1 :
			(uint64_t)next_random() << 32 | next_random();
		*why = '\0';
		good = point_fits(&point, &series, 200, why, sizeof(why));
		wrong += good != (own && point.era >= 100 && point.era <= 200);
		wrong += !good && !*why;
		fits += good;
	}
	is("of 10000 random points only those that are known fit", !wrong);
	is("and some do", fits > 1000 && fits < 5000);
	memcpy(point.uuid, series.uuid, SERIES_UUID);
	point.era = 99;
	is("one from before a gap is told why",
	   !point_fits(&point, &series, 200, why, sizeof(why)) &&
	   strstr(why, "it was mounted"));
}

static struct series an_example(void)
{
	struct series series = {
		.sequence = 7, .sectors = 1ULL << 40, .block = 128,
		.state = SERIES_PINNED, .first = 12, .created = 1700000000,
		.diskseq = 99, .why = "mounted elsewhere",
		.witness = { .type = "ext4", .size = 1024 },
	};

	for (int i = 0; i < SERIES_UUID; i++)
		series.uuid[i] = series.boot[15 - i] = i + 1;
	memset(series.witness.data, 0x5a, 1024);
	return series;
}

static void records(void)
{
	struct series series = an_example(), again;
	unsigned char block[SERIES_BLOCK];
	unsigned int taken = 0;

	series_encode(&series, block);
	is("a record is read as it was written",
	   series_decode(block, &again) && !memcmp(&series, &again, sizeof(series)));
	for (size_t i = 0; i < sizeof(block); i++) {
		block[i] ^= 1 << i % 8;
		taken += series_decode(block, &again);
		block[i] ^= 1 << i % 8;
	}
	is("with any bit changed it is none", !taken);
	memset(block, 0, sizeof(block));
	is("zeroes are none", !series_decode(block, &again));
}

static void write_at(off_t at, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || pwrite(fd, data, size, at) != (ssize_t)size)
		abort();
	close(fd);
}

static void read_at(off_t at, void *data, size_t size)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0 || pread(fd, data, size, at) != (ssize_t)size)
		abort();
	close(fd);
}

#define MIB	(1 << 20)

static void a_device(void)
{
	static const char zeroes[SERIES_BLOCK], ones[SERIES_BLOCK] = { 1 };
	struct series series = { .sectors = 2048, .block = 128 }, again;
	unsigned char head[SERIES_BLOCK], uuid[SERIES_UUID], other[2 * SERIES_BLOCK];
	uint64_t era;
	int fd;

	snprintf(path, sizeof(path), "%s/meta", directory);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	is("a file for a device", fd >= 0 && !ftruncate(fd, 8 * MIB + 512));
	close(fd);
	is("without anything it has no series",
	   series_read(path, &again) == SERIES_NONE);
	is("it is formatted", series_format(path, &series));
	is("then it has one, which is new", series_read(path, &again) == SERIES_GOOD &&
	   !memcmp(series.uuid, again.uuid, SERIES_UUID) &&
	   again.state == SERIES_NEW && again.block == 128 && !again.era);
	read_at(0, head, sizeof(head));
	is("era's superblock is good, of blocks of 64 KiB",
	   series_has_uuid(head, uuid, &era) && head[172] == 128);
	is("and its space map ends before the record",
	   head[44] == 0xfe && head[45] == 0x07 && !head[46] && !head[47]);
	head[200] ^= 1;
	is("with a wrong checksum it is none", !series_has_uuid(head, uuid, &era) &&
	   !series_set_uuid(head, uuid));
	series = again;
	for (int i = 0; i < 5; i++) {
		series.first = i + 1;
		is("the record is written", series_write(path, &series));
		is("and the newest one is read", series_read(path, &again) ==
		   SERIES_GOOD && again.first == series.first);
	}
	/* the power failed in the next write */
	write_at(8 * MIB - SERIES_BLOCK * (series.sequence % 2 ? 2 : 1), ones, 512);
	is("after half a write it is the last one", series_read(path, &again) ==
	   SERIES_GOOD && again.first == series.first);
	is("and the next one is written", series_write(path, &series) &&
	   series_read(path, &again) == SERIES_GOOD);
	read_at(0, head, sizeof(head));
	write_at(0, zeroes, sizeof(zeroes));
	is("cleared metadata have no series",
	   series_read(path, &again) == SERIES_NONE);
	write_at(0, head, sizeof(head));
	memset(uuid, 0x11, sizeof(uuid));
	series_set_uuid(head, uuid);
	read_at(8 * MIB - 2 * SERIES_BLOCK, other, sizeof(other));
	write_at(0, head, sizeof(head));
	is("those of another series are damaged",
	   series_read(path, &again) == SERIES_DAMAGED);
	is("formatted again, it is another one", series_format(path, &again) &&
	   series_read(path, &again) == SERIES_GOOD &&
	   memcmp(series.uuid, again.uuid, SERIES_UUID));
	write_at(8 * MIB - 2 * SERIES_BLOCK, other, sizeof(other));
	is("which the record of the old one is not taken for",
	   series_read(path, &again) == SERIES_DAMAGED);
	unlink(path);
	is("what is not there has none", series_read(path, &again) == SERIES_NONE);
	is("and a record cannot be written there", !series_write(path, &series) &&
	   strstr(complained, "No such file"));
	rmdir(directory);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 1;
	points();
	random_points();
	records();
	a_device();
	return done();
}
