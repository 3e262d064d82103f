/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is it safe to interpose that device, and what has to be thought of?
 */
#ifndef INTERPOSECTL_CHECK_H
#define INTERPOSECTL_CHECK_H

#include "device.h"
#include "stack.h"

enum level { OK, NOTE, REFUSE };

struct finding {
	enum level level;
	char device[SHOWN_SIZE];	/* as it is printed */
	char what[32];			/* one word, for programs */
	char text[512];
	char remedy[512];
};

struct findings {
	struct finding *v;
	size_t n;
};

void check_device(const struct stack *stack, const struct device *device,
		  struct findings *findings);
bool findings_refuse(const struct findings *findings);
/* Those that refuse, and the notes if not --quiet, as complaints */
void findings_complain(const struct findings *findings);
void findings_free(struct findings *findings);

#endif
