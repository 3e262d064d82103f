/* SPDX-License-Identifier: GPL-2.0 */
#ifndef INTERPOSECTL_ATTACH_H
#define INTERPOSECTL_ATTACH_H

#include "device.h"
#include "say.h"
#include "stack.h"
#include "state.h"

/* False: it has been said why */
bool name_is_good(const char *name);
void default_name(const struct device *device, char *name, size_t size);
bool attach_params(char *params, size_t size, const char *path, bool pin,
		   int argc, char **argv);
/*
 * @argv: the inner type and its arguments, or none for linear. How to undo it is
 * in the record before, and what it has made afterwards.
 */
bool attach_device(struct record *record, const struct device *device,
		   const char *name, bool pin, int argc, char **argv);

struct attach_options {
	const char *name;		/* or NULL */
	bool pin;
	bool replace;			/* data may be hidden or overwritten */
	const char *replace_word;	/* how the user says so */
};

/* The same as the commands do. @force: although data are lost by it */
enum status attach_if_safe(const char *argument,
			   const struct attach_options *how, int argc,
			   char **argv);
enum status detach(const struct stack *stack, const struct interposer *ip,
		   bool force);

#endif
