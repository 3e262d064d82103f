/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Command lines of interposectl, in this process
 */
#ifndef INTERPOSECTL_CALL_H
#define INTERPOSECTL_CALL_H

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

/* main(), as the Makefile names it for tests */
int interposectl_main(int argc, char **argv);

/* The exit status; @said is what it has printed, to be freed */
static inline int call_main(int argc, char **argv, char **said, size_t *length)
{
	FILE *out = stdout, *err = stderr;
	int status;

	stdout = open_memstream(said, length);
	stderr = stdout;
	memset(&options, 0, sizeof(options));
	optind = 0;
	status = interposectl_main(argc, argv);
	fclose(stdout);
	stdout = out;
	stderr = err;
	return status;
}

/* The same for words that are separated by blanks */
static inline int call_line(const char *line, char **said)
{
	char *argv[32] = { "interposectl" }, *words = strdup(line), *rest = words;
	int argc = 1, status;
	size_t length;

	while (argc < 31 && (argv[argc] = strsep(&rest, " ")))
		argc++;
	status = call_main(argc, argv, said, &length);
	free(words);
	return status;
}

#endif
