// SPDX-License-Identifier: GPL-2.0
/*
 * Samples with random changes, for what one of the fuzz-*.c claims. A seed as the
 * argument repeats a run.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz.h"
#include "tap.h"

#define ROUNDS	100000

static size_t make(char *text, size_t size)
{
	static const char odd[] = " \t\n\n%%dn,-/#=\0\0\\\x80\xff" "ax";
	size_t n = 0;

	for (int lines = rand() % 6; lines >= 0; lines--) {
		const char *sample = fuzz_samples[rand() % n_fuzz_samples];

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
	is("the parser comes through random input", true);
	return done();
}
