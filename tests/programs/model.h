/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What file-model and tree-model share: the options, the log, and the loop over
 * random operations. The options are those of both, and one of each program:
 *
 *  --seed N	the operations follow from it (default 1)
 *  --ops N	so many (default 1000) ...
 *  --while F	... and as long as the file F exists
 *  --log F	each operation, before it is done
 */
#ifndef DM_INTERPOSE_TEST_MODEL_H
#define DM_INTERPOSE_TEST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "random.h"

#define MODEL_OPS	32

/* One that is optional may be refused each time, since a file system may lack it. */
struct model_op {
	const char *name;
	unsigned int weight;
	bool optional;
};

extern struct model {
	const char *program, *path;
	const struct model_op *ops;
	unsigned int nr_ops;
	const size_t *size;	/* NULL, or what the log has, too */
	struct random rnd;
	unsigned long done[MODEL_OPS], refused[MODEL_OPS];
} model;

/* Parses the options, of which @option is the program's own, and opens the log. */
void model_begin(int argc, char **argv, const char *operand,
		 const char *option, const char **value);
/* @operate returns false if it could not do that. */
void model_run(bool (*operate)(unsigned int op));
/* The start of a line that says what was done. */
void model_counts(void);
/* In a thousand operations each of them comes. */
void model_end(void);

void failed(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
void doing(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
