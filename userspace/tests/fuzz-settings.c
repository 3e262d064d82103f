// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as interpose-monitor.conf. ASan and UBSan judge, and besides: each
 * line is taken or complained about, once; and the settings stay within their
 * limits. For libFuzzer, and for test-random-settings:
 *
 *	clang -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Ilib \
 *		tests/fuzz-settings.c lib/settings.c
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "settings.h"

const char *const fuzz_samples[] = {
	"interval = 5\n",
	"warn=80%\n",
	"drop = never\n",
	"\tstep = 1000\r\n",
	"horizon=86400s\n",
	"# comment\n",
	"\n",
	"drop = 99999999999999999999",
	"warn\n",
};

const size_t n_fuzz_samples = sizeof(fuzz_samples) / sizeof(*fuzz_samples);

static void claim(bool holds)
{
	if (!holds)
		abort();
}

static void count(const char *what, void *data)
{
	size_t *n = data;

	claim(!strncmp(what, "conf:", 5) && strstr(what, "; ") &&
	      !strchr(what, '\n'));
	++*n;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct interpose_settings settings = INTERPOSE_SETTINGS_DEFAULT;
	const struct interpose_limits *limits = &settings.limits;
	FILE *file = size ? fmemopen((void *)data, size, "r") : NULL;
	size_t complaints = 0, lines = 1;

	if (!file)
		return 0;
	claim(settings_read(file, "conf", count, &complaints, &settings));
	fclose(file);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	claim(complaints <= lines);
	claim(settings.interval >= 1 && settings.interval <= 3600);
	claim(limits->warn_percent >= 1 && limits->warn_percent <= 100);
	claim(limits->drop_percent >= 1 && limits->drop_percent <= 101);
	claim(limits->step_percent >= 1 && limits->step_percent <= 1000);
	claim(limits->horizon_ms <= 86400 * 1000ULL);
	return 0;
}
