/* SPDX-License-Identifier: GPL-2.0 */
#ifndef INTERPOSECTL_COMMANDS_H
#define INTERPOSECTL_COMMANDS_H

#include "say.h"

/* @argv[0] is the subcommand's name */
enum status list_command(int argc, char **argv);
enum status status_command(int argc, char **argv);
enum status check_command(int argc, char **argv);
enum status attach_command(int argc, char **argv);
enum status detach_command(int argc, char **argv);
enum status snapshot_command(int argc, char **argv);
enum status monitor_command(int argc, char **argv);
enum status changed_command(int argc, char **argv);
enum status track_command(int argc, char **argv);
enum status start_command(int argc, char **argv);
enum status stop_command(int argc, char **argv);
enum status pin_command(int argc, char **argv);
enum status unpin_command(int argc, char **argv);
enum status backup_command(int argc, char **argv);
enum status restore_command(int argc, char **argv);
enum status recover_command(int argc, char **argv);
enum status help_command(int argc, char **argv);
enum status version_command(int argc, char **argv);

/* The usage of a subcommand, on standard output or, as an error, on the other */
enum status help(const char *command);
enum status usage_error(const char *command);
/* The same, with what is wrong: it ends before @what, or goes on with @word */
enum status missing(const char *command, const char *what);
enum status too_many(const char *command, const char *word);

#endif
