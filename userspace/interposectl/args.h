/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line. What holds for all commands may also be typed after them:
 *
 *     interposectl -q attach --dry-run /home --pin
 */
#ifndef INTERPOSECTL_ARGS_H
#define INTERPOSECTL_ARGS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * getopt_long() for the command @argv[0], with -q, -v and --dry-run added and
 * done. Returns an option of the command, 'h' for --help, -1 at the end, or '?'
 * when it has been said what is wrong. Begin @shorts with '+' for a command
 * whose arguments may look like options.
 */
int next_option(int argc, char **argv, const char *shorts,
		const struct option *longs, int *index);

/* Takes @option out of @argv, where it stands before "--"; was it there? */
bool take_option(int *argc, char **argv, const char *option);

/* ", did you mean X?" or "" */
const char *did_you_mean(const char *word, const char *const *words, size_t n);

#endif
