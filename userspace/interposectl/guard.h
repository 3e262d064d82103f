/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Would it hide, replace or overwrite the data of a device in use?
 */
#ifndef INTERPOSECTL_GUARD_H
#define INTERPOSECTL_GUARD_H

#include "device.h"

/* How the message names the word that allows it */
#define GUARD_WORD	"--replace-data"

/*
 * May @device be attached with that inner target? @argv: its name and its
 * arguments as inner_arguments() has them, or none for linear. @replace: the user has said the word, which is
 * @word here. False: it has been said why
 */
bool guard_attach(const struct device *device, int argc, char **argv,
		  bool replace, const char *word);

#endif
