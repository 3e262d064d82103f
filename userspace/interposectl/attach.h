/* SPDX-License-Identifier: GPL-2.0 */
#ifndef INTERPOSECTL_ATTACH_H
#define INTERPOSECTL_ATTACH_H

#include "device.h"
#include "say.h"
#include "stack.h"

/* False: it has been said why */
bool name_is_good(const char *name);
void default_name(const struct device *device, char *name, size_t size);
bool attach_params(char *params, size_t size, const char *path, bool pin,
		   int argc, char **argv);
/* @argv: the inner type and its arguments, or none for linear */
bool attach_device(const struct device *device, const char *name, bool pin,
		   int argc, char **argv);

/* The same as the commands do */
enum status attach_if_safe(const char *argument, const char *name, bool pin,
			   int argc, char **argv);
enum status detach(const struct stack *stack, const struct interposer *ip);

#endif
