// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "names.h"
#include "say.h"

#define OPTIONS_MAX	32

const char *did_you_mean(const char *word, const char *const *words, size_t n)
{
	static char text[128];
	const char *meant = name_meant(word, words, n);

	*text = '\0';
	if (meant)
		snprintf(text, sizeof(text), "; did you mean %s?", meant);
	return text;
}

bool take_option(int *argc, char **argv, const char *option)
{
	bool taken = false;
	int n = 0;

	for (int i = 0; i < *argc; i++) {
		if (!strcmp(argv[i], "--")) {
			while (i < *argc)
				argv[n++] = argv[i++];
			break;
		}
		if (i && !strcmp(argv[i], option))
			taken = true;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	*argc = n;
	return taken;
}

/*
 * The command
 */

enum takes { NO_VALUE, PERHAPS, VALUE };

/* Which command it is for, is not known yet; a unit test compares the help */
static enum takes long_takes(const char *name)
{
	static const char *const with_value[] = { "output", "name", "size", "vg",
		"cow", "file", "timeout", "extend", "remove", "interval", "warn", "drop",
		"step", "horizon", "since", "format", "tab", "meta",
		"to", "keep", "limit", "exec-before", "exec-after", "hooks",
		"hook-timeout", "progress", "days", "source", "receiver",
		"metrics", "at" };
	enum takes takes = NO_VALUE;

	for (size_t i = 0; i < sizeof(with_value) / sizeof(*with_value); i++) {
		if (!strcmp(name, with_value[i]))
			return VALUE;
		if (!strncmp(name, with_value[i], strlen(name)))
			takes = PERHAPS;
	}
	return takes;
}

/* "-f" is the --force of one command, and the --format of another */
static enum takes takes_value(const char *word)
{
	if (!strncmp(word, "--", 2))
		return long_takes(word + 2);
	word += strcspn(word, "osf");
	return !*word || word[1] ? NO_VALUE : *word == 'f' ? PERHAPS : VALUE;
}

/* The first word that is no option and not the value of one; @ended: by "--" */
static int command_word(int argc, char **argv, bool *ended,
			bool (*is_command)(const char *word))
{
	enum takes takes;
	int i;

	for (i = 1; i < argc && *argv[i] == '-' && argv[i][1]; i++) {
		*ended = !strcmp(argv[i], "--");
		if (*ended)
			return i + 1;
		takes = takes_value(argv[i]);
		if (takes == VALUE || (takes == PERHAPS && i + 1 < argc &&
				       *argv[i + 1] != '-' &&
				       !is_command(argv[i + 1])))
			i++;
	}
	return i;
}

int command_first(int argc, char **argv, bool (*is_command)(const char *word))
{
	bool ended = false;
	int at = command_word(argc, argv, &ended, is_command);
	int before = ended ? 2 : 1;
	char *command;

	if (at >= argc)
		return -1;
	command = argv[at];
	memmove(argv + before + 1, argv + 1, (at - before) * sizeof(*argv));
	argv[before] = command;
	return before;
}

/*
 * What is wrong with an option
 */

/* complain() says the name of the program */
static const char *whose(const char *command)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s: ", command);
	return strcmp(command, PROGRAM) ? text : "";
}

static int no_such_option(const char *command, const char *word,
			  const struct option *longs)
{
	const char *words[OPTIONS_MAX], *meant, *end = strchr(word, '=');
	char typed[64];
	size_t n = 0;

	for (; longs[n].name; n++)
		words[n] = longs[n].name;
	snprintf(typed, sizeof(typed), "%.*s",
		 end ? (int)(end - word) : (int)strlen(word), word);
	meant = name_meant(typed + 2, words, n);
	complain("%sunknown option %s%s%s%s", whose(command), typed,
		 meant ? "; did you mean --" : "", meant ?: "", meant ? "?" : "");
	return '?';
}

/* getopt stands behind the word, but before one with several letters in it */
static const char *word_of(int argc, char **argv, int answer)
{
	const char *next = optind < argc ? argv[optind] : "";

	if (answer == '?' && optopt && *next == '-' && next[1] != '-' &&
	    strchr(next + 1, optopt))
		return next;
	return argv[optind - 1];
}

static int wrong(int argc, char **argv, int answer, const struct option *longs)
{
	const char *command = argv[0], *word = word_of(argc, argv, answer);
	bool is_long = !strncmp(word, "--", 2);
	size_t length = strcspn(word, "="), matches = 0;

	for (size_t i = 0; is_long && longs[i].name; i++)
		matches += !strncmp(longs[i].name, word + 2, length - 2);
	if (answer == ':')
		complain("%soption %.*s needs a value", whose(command),
			 (int)length, word);
	else if (is_long && !matches)
		return no_such_option(command, word, longs);
	else if (is_long && optopt)
		complain("%soption %.*s takes no value", whose(command),
			 (int)length, word);
	else if (is_long)
		complain("%soption %s is ambiguous; type more of it",
			 whose(command), word);
	else
		complain("%sunknown option -%c", whose(command), optopt);
	return '?';
}

/*
 * The next one
 */

static const struct option for_all[] = {
	{ "dry-run", no_argument, NULL, 0x100 },
	{ "quiet", no_argument, NULL, 0x101 },
	{ "verbose", no_argument, NULL, 0x102 },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void add_options(struct option *all, const struct option *longs)
{
	size_t n = 0;

	for (; longs[n].name && strcmp(longs[n].name, "help"); n++)
		all[n] = longs[n];
	memcpy(all + n, for_all, sizeof(for_all));
}

int next_option(int argc, char **argv, const char *shorts,
		const struct option *longs, int *index)
{
	struct option all[OPTIONS_MAX];
	char letters[64];
	int option, unused;

	add_options(all, longs);
	snprintf(letters, sizeof(letters), "%s:%s%sqv",
		 *shorts == '+' ? "+" : "", *shorts == '+' ? shorts + 1 : shorts,
		 strchr(shorts, 'h') ? "" : "h");
	opterr = 0;
	for (;;) {
		option = getopt_long(argc, argv, letters, all,
				     index ? index : &unused);
		switch (option) {
		case 0x100: options.dry_run = true; break;
		case 0x101: case 'q': options.quiet = true; break;
		case 0x102: case 'v': options.verbose = true; break;
		case '?': case ':': return wrong(argc, argv, option, all);
		default: return option;
		}
	}
}
