/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The arguments of an inner target, as somebody types them and as a table has
 * them: devices by their nodes, blanks with a backslash before.
 */
#ifndef INTERPOSECTL_INNER_H
#define INTERPOSECTL_INNER_H

#include "device.h"

/*
 * @typed: the word for @device on the command line, which means it here, too.
 * @out: @argc words for inner_free(). False: it has been said why.
 */
bool inner_arguments(const char *typed, const struct device *device, int argc,
		     char **argv, char **out);
void inner_free(int argc, char **out);

#endif
