// SPDX-License-Identifier: GPL-2.0
/*
 * interposetabs with random changes, for what fuzz-tab.c claims. "test-random-tab
 * SEED" repeats a run.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap.h"

#define ROUNDS	100000

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const char *const samples[] = {
	"home UUID=12-ab pin,nofail era /dev/sdb1 %d 8192\n",
	"root /dev/vda initramfs snapshot-origin\n",
	"x LABEL=a\\x20b - linear %d 0 %n %%\n",
	"# comment\n",
	"\n",
	"y /dev/mapper/vg-lv noauto,defaults delay %d 0 5\n",
	"home PARTUUID=1 - linear\n",
	"z PARTLABEL=",
	" - \t pin",
};

#define N_SAMPLES (sizeof(samples) / sizeof(*samples))

static size_t make(char *text, size_t size)
{
	static const char odd[] = " \t\n\n%%dn,-/#=\0\\\x80\xff" "ax";
	size_t n = 0;

	for (int lines = rand() % 6; lines >= 0; lines--) {
		const char *sample = samples[rand() % N_SAMPLES];

		memcpy(text + n, sample, strlen(sample));
		n += strlen(sample);
	}
	for (int changes = rand() % 8; changes; changes--) {
		size_t at = rand() % n, room = size - n;

		switch (rand() % 4) {
		case 0:
			text[at] = odd[rand() % (sizeof(odd) - 1)];
			break;
		case 1:
			text[at] = rand();
			break;
		case 2:
			if (n < 16)
				break;
			n -= rand() % 8;
			break;
		case 3:
			if (rand() % 50)
				room = room < 40 ? room : 40;
			memset(text + n, text[at], room);
			n += room;
			break;
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	unsigned int seed = argc > 1 ? (unsigned int)atoi(argv[1]) :
			    (unsigned int)time(NULL);
	static char text[8192];

	printf("# seed %u\n", seed);
	fflush(stdout);
	srand(seed);
	for (int i = 0; i < ROUNDS; i++)
		LLVMFuzzerTestOneInput((unsigned char *)text,
				       make(text, sizeof(text)));
	is("the parser comes through random files", true);
	return done();
}
