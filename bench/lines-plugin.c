// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU 7.2 and later: which cache lines of the kernel do several
 * processors write, and from where?
 *
 * Between two stores of the guest to MAGIC, of which the first starts and the
 * second stops it, each store to a kernel address is noted. At each stop this
 * writes, for each cache line and each instruction that has written it, "run line
 * instruction writes writes", the last being a number for each processor.
 *
 *   -plugin lines-plugin.so,out=FILE
 *
 * The interface is declared here: Debian has no package with QEMU's header.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT		__attribute__((visibility("default")))
#define MAGIC		0x5e1f00000000ULL
#define KERNEL		(1ULL << 63)
#define CPUS		2
#define BUCKETS		(1U << 20)

struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef void (*tb_trans_cb)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*mem_cb)(unsigned int cpu, uint32_t info, uint64_t address,
		       void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, tb_trans_cb cb);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, mem_cb cb,
				      int flags, int rw, void *data);
bool qemu_plugin_mem_is_store(uint32_t info);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;

enum { NO_REGS = 0, WRITES = 2 };

/* Stores of one instruction to one line. */
struct place {
	uint64_t line, insn;
	unsigned int writes[CPUS];
};

static struct place places[BUCKETS];
static bool on;
static unsigned int run;
static FILE *out;

static struct place *find(uint64_t line, uint64_t insn)
{
	uint64_t hash = (line * 31 + insn) * 0x9e3779b97f4a7c15ULL;
	unsigned int i = hash >> 44, tries;

	for (tries = 0; tries < BUCKETS; tries++, i = (i + 1) % BUCKETS) {
		if (!places[i].insn) {
			places[i].line = line;
			places[i].insn = insn;
		}
		if (places[i].line == line && places[i].insn == insn)
			return &places[i];
	}
	fprintf(stderr, "lines: more places than %u\n", BUCKETS);
	abort();
}

static void print(void)
{
	unsigned int i;

	for (i = 0; i < BUCKETS; i++)
		if (places[i].insn)
			fprintf(out, "%u %lx %lx %u %u\n", run,
				places[i].line << 6, places[i].insn,
				places[i].writes[0], places[i].writes[1]);
	fflush(out);
}

static void toggle(void)
{
	unsigned int i;

	on = !on;
	if (!on) {
		print();
		run++;
		for (i = 0; i < BUCKETS; i++)
			places[i] = (struct place){ };
	}
}

/* One thread runs all processors in turn: thread=single. */
static void store(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	/* what is asked for below is stores alone, but QEMU 7.2 brings loads too */
	if (!qemu_plugin_mem_is_store(info))
		return;
	if (address == MAGIC)
		toggle();
	else if (on && address >= KERNEL && cpu < CPUS)
		find(address >> 6, (uint64_t)data)->writes[cpu]++;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		qemu_plugin_register_vcpu_mem_cb(insn, store, NO_REGS, WRITES,
			(void *)qemu_plugin_insn_vaddr(insn));
	}
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc,
			       char **argv)
{
	(void)info;
	if (argc != 1)
		return -1;
	/* QEMU makes "PATH=on" of a bare PATH */
	out = strncmp(argv[0], "out=", 4) ? NULL : fopen(argv[0] + 4, "w");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
