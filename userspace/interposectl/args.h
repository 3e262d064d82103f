/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line. Options may be typed before and after the command, those
 * for all commands and its own:
 *
 *     interposectl -q --pin attach --dry-run /home
 */
#ifndef INTERPOSECTL_ARGS_H
#define INTERPOSECTL_ARGS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#define PROGRAM "interposectl"

/*
 * getopt_long() for the command @argv[0], with -q, -v and --dry-run added and
 * done. Returns an option of the command, 'h' for --help, -1 at the end, or '?'
 * when it has been said what is wrong. Begin @shorts with '+' for a command
 * whose arguments may look like options.
 */
int next_option(int argc, char **argv, const char *shorts,
		const struct option *longs, int *index);

/*
 * Moves the command to the front, and the options before it behind it. Returns
 * how many words of @argv are then before it, or -1 if there is no command.
 */
int command_first(int argc, char **argv, bool (*is_command)(const char *word));

/* Takes @option out of @argv, where it stands before "--"; was it there? */
bool take_option(int *argc, char **argv, const char *option);

/* ", did you mean X?" or "" */
const char *did_you_mean(const char *word, const char *const *words, size_t n);

#endif
