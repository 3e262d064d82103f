// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "model.h"

struct model model;

static const char *while_there;
static uint64_t seed = 1, nr = 1000, step;
static FILE *log_file;
static char now[400];

void failed(const char *fmt, ...)
{
	va_list args;

	printf("%s: FAILED: %s, seed %llu, step %llu, %s: ", model.program,
	       model.path, (unsigned long long)seed, (unsigned long long)step,
	       now);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	exit(1);
}

void doing(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(now, sizeof(now), fmt, args);
	va_end(args);
	fprintf(log_file, "%llu: %s", (unsigned long long)step, now);
	if (model.size)
		fprintf(log_file, " (size %zu)", *model.size);
	fprintf(log_file, "\n");
}

void model_begin(int argc, char **argv, const char *operand,
		 const char *option, const char **value)
{
	const struct option options[] = {
		{ "seed", required_argument, NULL, 'e' },
		{ "ops", required_argument, NULL, 'n' },
		{ "while", required_argument, NULL, 'w' },
		{ "log", required_argument, NULL, 'l' },
		{ option, required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 }
	};
	const char *log_path = "/dev/null";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'e')
			seed = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			nr = strtoull(optarg, NULL, 0);
		else if (c == 'w')
			while_there = optarg;
		else if (c == 'l')
			log_path = optarg;
		else if (c == 'o')
			*value = optarg;
		else
			exit(2);
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: %s [option...] %s\n", model.program,
			operand);
		exit(2);
	}
	model.path = argv[optind];
	random_seed(&model.rnd, seed, 0);
	log_file = fopen(log_path, "w");
	if (!log_file)
		failed("no log");
	setvbuf(log_file, NULL, _IOLBF, 0);
}

static unsigned int choose(void)
{
	unsigned int sum = 0, op, n;

	for (op = 0; op < model.nr_ops; op++)
		sum += model.ops[op].weight;
	n = random_below(&model.rnd, sum);
	for (op = 0; n >= model.ops[op].weight; op++)
		n -= model.ops[op].weight;
	return op;
}

static bool more_steps(void)
{
	return step <= nr || (while_there && !access(while_there, F_OK));
}

void model_run(bool (*operate)(unsigned int op))
{
	for (step = 1; more_steps(); step++) {
		unsigned int op = choose();

		if (operate(op))
			model.done[op]++;
		else
			model.refused[op]++;
	}
	step--;
}

void model_counts(void)
{
	unsigned int i;

	printf("%s: %s, seed %llu: %llu operations:", model.program, model.path,
	       (unsigned long long)seed, (unsigned long long)step);
	for (i = 0; i < model.nr_ops; i++)
		printf("%s %lu %s%s", i ? "," : "", model.done[i],
		       model.ops[i].name,
		       model.ops[i].optional && model.refused[i] ?
		       " (not supported)" : "");
}

void model_end(void)
{
	unsigned int i;

	doing("at the end");
	for (i = 0; nr >= 1000 && i < model.nr_ops; i++)
		if (!model.done[i] &&
		    !(model.refused[i] && model.ops[i].optional))
			failed("no %s was done", model.ops[i].name);
	printf("%s: all was right\n", model.program);
}
