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

/* What is attached, and the inner type and its arguments, or none for linear */
struct attachment {
	const struct device *device;
	const char *name;
	bool pin;
	int argc;
	char **argv;
	unsigned int limit;		/* seconds */
	struct record *record;
	bool hangs;			/* out: given up, and cannot be undone yet */
};

/*
 * Whatever a device that does not answer keeps waiting is given up after @limit
 * seconds. How to undo it is in the record before, and what it has made afterwards.
 * False: it has been said why.
 */
bool attach_device(struct attachment *attachment);
/* When it hangs: what is left, and until when */
enum status attach_hangs(const char *record);
/* --timeout; false: that is no such number, which has been said */
bool attach_limit(const char *word, unsigned int *limit);

struct attach_options {
	const char *name;		/* or NULL */
	bool pin;
	unsigned int limit;		/* seconds */
	bool replace;			/* data may be hidden or overwritten */
	const char *replace_word;	/* how the user says so */
	struct record *record;		/* of the command, or NULL; it ends in a failure */
};

/* The same as the commands do. @force: although data are lost by it */
enum status attach_if_safe(const char *argument,
			   const struct attach_options *how, int argc,
			   char **argv);
enum status detach(const struct stack *stack, const struct interposer *ip,
		   bool force);

#endif
