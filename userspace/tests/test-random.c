// SPDX-License-Identifier: GPL-2.0
/*
 * Lines with random bytes in them, for every parser. Whether they are accepted
 * is of no interest: ASan and UBSan judge. "test-random SEED" repeats a run.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "parse.h"
#include "tap.h"

#define ROUNDS	200000

static const char *const samples[] = {
	"attached 8:1 interpose0 17 3 pinned era 8 11/25600 2 -",
	"8:1 2 pin pin snapshot-origin 8:1",
	"248:0 8:17 P 8",
	"16/204800 16",
	"8 31/512 128 48/105 1 2 3 4 5 6 0 2 metadata2 writethrough 2",
	"<blocks>\n <block block=\"3\"/>\n <range begin=\"5\" end=\"9\"/>\n</blocks>\n",
	"512MiB",
	"4294967295:18446744073709551615",
};

static void disturb(char *line, size_t size)
{
	static const char odd[] = "0123456789:/\"% <>-pinMG\n\t\x80\xff";
	size_t length = strlen(line);

	for (int n = rand() % 8; n >= 0; n--) {
		size_t at = length ? rand() % length : 0;

		switch (rand() % 4) {
		case 0:
			line[at] = odd[rand() % (sizeof(odd) - 1)];
			break;
		case 1:
			line[at] = '\0';
			break;
		case 2:
			if (length + 100 >= size)
				break;
			memset(line + length, line[at], 99);
			line[length + 99] = '\0';
			break;
		case 3:
			memmove(line, line + at, length - at + 1);
			break;
		}
		length = strlen(line);
	}
}

static void parse_all(char *line)
{
	struct interpose_status status;
	struct interpose_table table;
	struct snapshot_table snapshot;
	struct snapshot_status full;
	struct ranges ranges;
	uint64_t bytes;
	dev_t dev;
	FILE *xml;

	parse_interpose_status(line, &status);
	parse_interpose_table(line, &table);
	parse_snapshot_table(line, &snapshot);
	parse_snapshot_status(line, &full);
	parse_cache_is_clean(line);
	parse_size(line, 1 << 30, &bytes);
	parse_devno(line, &dev);
	xml = *line ? fmemopen(line, strlen(line), "r") : NULL;
	if (!xml)
		return;
	if (parse_changed(xml, 65536, 1 << 30, &ranges))
		free(ranges.v);
	fclose(xml);
}

int main(int argc, char **argv)
{
	unsigned int seed = argc > 1 ? (unsigned int)atoi(argv[1]) :
			    (unsigned int)time(NULL);
	char line[2048];

	printf("# seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < ROUNDS; i++) {
		memset(line, 0, sizeof(line));
		strcpy(line, samples[rand() % (sizeof(samples) / sizeof(*samples))]);
		disturb(line, sizeof(line));
		parse_all(line);
	}
	is("the parsers come through random lines", true);
	return done();
}
