// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "settings.h"
#include "tap.h"

static char said[4096];

static void keep(const char *what, void *data)
{
	(void)data;
	strcat(strcat(said, what), "\n");
}

static struct interpose_settings read_text(const char *text)
{
	struct interpose_settings settings = INTERPOSE_SETTINGS_DEFAULT;
	FILE *file = fmemopen((void *)text, strlen(text), "r");

	*said = '\0';
	is("the text is read", settings_read(file, "conf", keep, NULL,
					     &settings));
	fclose(file);
	return settings;
}

static void good_files(void)
{
	struct interpose_settings s;

	s = read_text("# how to watch\n\n  interval = 10\nwarn=70 %\n");
	is("a number is taken", s.interval == 10);
	is("a unit stands right behind its number",
	   s.limits.warn_percent == 80 &&
	   !strcmp(said, "conf:4: warn: '70 %' is not valid; use 1% to 100%\n"));
	s = read_text("interval=30s\nwarn=70%\ndrop = never\nstep=50%\nhorizon=1m\n");
	is("units are taken", s.interval == 30 && s.limits.warn_percent == 70 &&
	   s.limits.step_percent == 50);
	is("never is more than full", s.limits.drop_percent > 100);
	is("what cannot be meant is left as it was, and said",
	   s.limits.horizon_ms == 20000 && strstr(said, "conf:5: horizon: '1m'"));
	s = read_text("horizon = 60\r\nhorizon = 90\r\n");
	is("the last line counts, also with the ends of other systems",
	   s.limits.horizon_ms == 90000 && !*said);
	s = read_text("drop = 85");
	is("the last line may lack its end", s.limits.drop_percent == 85);
}

static void bad_files(void)
{
	static const struct {
		const char *text;
		const char *complaint;
	} cases[] = {
		{ "warn\n", "conf:1: 'warn' is not a setting; write NAME = VALUE\n" },
		{ "warn 80\n", "conf:1: 'warn 80' is not a setting; write NAME = VALUE\n" },
		{ "\nwarm = 80\n", "conf:2: unknown setting 'warm'; valid settings are interval, warn, drop, step, horizon\n" },
		{ "=80\n", "conf:1: unknown setting ''; valid settings are interval, warn, drop, step, horizon\n" },
		{ "warn = 101\n", "conf:1: warn: '101' is not valid; use 1% to 100%\n" },
		{ "warn = 0\n", "conf:1: warn: '0' is not valid; use 1% to 100%\n" },
		{ "warn =\n", "conf:1: warn: '' is not valid; use 1% to 100%\n" },
		{ "warn = -1\n", "conf:1: warn: '-1' is not valid; use 1% to 100%\n" },
		{ "warn = +1\n", "conf:1: warn: '+1' is not valid; use 1% to 100%\n" },
		{ "warn = 1s\n", "conf:1: warn: '1s' is not valid; use 1% to 100%\n" },
		{ "warn = never\n", "conf:1: warn: 'never' is not valid; use 1% to 100%\n" },
		{ "drop = 200\n", "conf:1: drop: '200' is not valid; use 1% to 100%, or never\n" },
		{ "interval = 99999999999999999999\n", "conf:1: interval: '99999999999999999999' is not valid; use 1s to 3600s\n" },
		{ "interval = 1.5\n", "conf:1: interval: '1.5' is not valid; use 1s to 3600s\n" },
	};
	struct interpose_settings standard = INTERPOSE_SETTINGS_DEFAULT, s;
	char claim[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		s = read_text(cases[i].text);
		snprintf(claim, sizeof(claim), "complaint %zu", i);
		is(claim, !strcmp(said, cases[i].complaint));
		is("and nothing is set",
		   s.interval == standard.interval &&
		   s.limits.warn_percent == standard.limits.warn_percent &&
		   s.limits.drop_percent == standard.limits.drop_percent);
	}
}

int main(void)
{
	good_files();
	bad_files();
	return done();
}
