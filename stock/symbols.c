// SPDX-License-Identifier: GPL-2.0
/*
 * Functions and data of the kernel that are not exported, found by their names.
 *
 * Called by way of static calls: a direct call, which needs no endbr at its target
 * and no retpoline.
 */
#include <linux/device-mapper.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/static_call.h>
#include <asm/text-patching.h>

#include "blk.h"
#include "dm-core.h"
#include "stock.h"

/* Of submit_bio_noacct_nocheck(), 6.12 does not look at the second parameter. */
#define SYMBOLS(X)							\
	X(vmlinux, __bio_queue_enter, int, stock_bio_queue_enter,	\
	  (struct request_queue *q, struct bio *bio), (q, bio))		\
	X(vmlinux, blk_mq_submit_bio, void, stock_mq_submit_bio,	\
	  (struct bio *bio), (bio))					\
	X(vmlinux, submit_bio_noacct_nocheck, void, stock_submit_checked,	\
	  (struct bio *bio, bool split), (bio, split))			\
	X(vmlinux, blk_cgroup_bio_start, void, stock_charge,		\
	  (struct bio *bio), (bio))					\
	X(vmlinux, bdev_release, void, stock_bdev_release,		\
	  (struct file *bdev_file), (bdev_file))			\
	X(dm_mod, dm_get_target_type, struct target_type *,		\
	  dm_get_target_type, (const char *name), (name))		\
	X(dm_mod, dm_put_target_type, void, dm_put_target_type,		\
	  (struct target_type *tt), (tt))				\
	X(dm_mod, dm_table_find_target, struct dm_target *,		\
	  dm_table_find_target, (struct dm_table *table, sector_t sector), \
	  (table, sector))

#define X(of, symbol, type, name, parameters, arguments)		\
	typedef type symbol##_t parameters;				\
	DEFINE_STATIC_CALL_NULL(call_##symbol, symbol##_t);		\
	type name parameters						\
	{								\
		return static_call(call_##symbol) arguments;		\
	}
SYMBOLS(X)
#undef X
EXPORT_SYMBOL_GPL(dm_get_target_type);
EXPORT_SYMBOL_GPL(dm_put_target_type);
EXPORT_SYMBOL_GPL(dm_table_find_target);

typedef unsigned long kallsyms_lookup_t(const char *name);
DEFINE_STATIC_CALL_NULL(call_lookup, kallsyms_lookup_t);

/* of block/holder.c */
struct mutex *stock_holder_mutex;
struct class *stock_block_class;
const struct device_type *stock_disk_type;
/* of block/bio.c: only to be compared with */
bio_end_io_t *stock_chain_endio;

/*
 * Some of what is found by its name is in dm-mod. That an exported symbol of it is used
 * here as well makes dm-mod come first, and stay for as long as this module: it cannot
 * be unloaded, and loaded again elsewhere.
 */
static const void * const stock_keeps_dm_mod __used = dm_table_get_size;

/*
 * kallsyms_lookup_name() is not exported either, but a kprobe finds a function by its
 * name. It is put there for a moment, and where there is an endbr it is behind that.
 */
static int stock_find_lookup(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	unsigned long address;
	int ret = register_kprobe(&probe);

	if (ret) {
		pr_err("interpose: there is no kprobe at kallsyms_lookup_name() to be had: error %d\n",
		       ret);
		return ret;
	}
	address = ALIGN_DOWN((unsigned long)probe.addr, CONFIG_FUNCTION_ALIGNMENT);
	unregister_kprobe(&probe);
	static_call_update(call_lookup, (kallsyms_lookup_t *)address);
	return 0;
}

/**
 * stock_lookup - where is a function or a variable of the kernel?
 * @module: "vmlinux", or the module that has it, if that is not built in
 * @name: its name
 *
 * Not in any module: a name of ours may be the same.
 *
 * Return: its address, or 0, and then a message has said so.
 */
unsigned long stock_lookup(const char *module, const char *name)
{
	char full[MODULE_NAME_LEN + KSYM_NAME_LEN];
	unsigned long address;

	if (strcmp(module, "vmlinux")) {
		snprintf(full, sizeof(full), "%s:%s", module, name);
		address = static_call(call_lookup)(full);
		if (address)
			return address;
	}
	address = static_call(call_lookup)(name);
	if (!address || within_module(address, THIS_MODULE)) {
		pr_err("interpose: this kernel has no %s (%s)\n", name, module);
		return 0;
	}
	return address;
}

/* How long is the function that begins at @address? */
static unsigned long stock_function_size(unsigned long address)
{
	char text[KSYM_SYMBOL_LEN], *slash;
	unsigned long size;

	/* name+0x0/0x123 */
	sprint_symbol(text, address);
	slash = strrchr(text, '/');
	return slash && sscanf(slash, "/0x%lx", &size) == 1 ? size : 0;
}

/* What a call or jump at @text leads to, if there is one; else some other address. */
static unsigned long stock_call_target(const u8 *text)
{
	s32 distance;

	if (*text != CALL_INSN_OPCODE && *text != JMP32_INSN_OPCODE)
		return 0;
	memcpy(&distance, text + 1, sizeof(distance));
	return (unsigned long)text + CALL_INSN_SIZE + distance;
}

/**
 * stock_check_call - does a function call another one?
 * @caller: the name of the one, in the kernel itself
 * @callee: where the other one begins
 *
 * A compiler may have made a function a part of its caller, in which case the hook at
 * its beginning would stand beside the way. That the bytes of another instruction
 * happen to look like this very call is as good as impossible. On some processors calls
 * lead to the padding before the function.
 *
 * Return: 0, or -ENOENT, and then a message has said so.
 */
int stock_check_call(const char *caller, unsigned long callee)
{
	unsigned long from = stock_lookup("vmlinux", caller), at, target;
	unsigned long size = from ? stock_function_size(from) : 0;

	for (at = from; at + CALL_INSN_SIZE <= from + size; at++) {
		target = stock_call_target((const u8 *)at);
		if (target <= callee && callee - target <= CONFIG_FUNCTION_PADDING_BYTES)
			return 0;
	}
	pr_err("interpose: in this kernel %s() does not call %ps()\n", caller,
	       (void *)callee);
	return -ENOENT;
}

static void *stock_lookup_data(const char *name)
{
	return (void *)stock_lookup("vmlinux", name);
}

/**
 * stock_find_symbols - find all that is called or used by name
 *
 * Context: Process context. Sleeps.
 * Return: 0, or -ENOENT, and then a message has named what is missing.
 */
int stock_find_symbols(void)
{
	unsigned long address;
	int ret = stock_find_lookup();

	if (ret)
		return ret;
#define X(of, symbol, type, name, parameters, arguments)		\
	address = stock_lookup(#of, #symbol);				\
	if (!address)							\
		return -ENOENT;						\
	static_call_update(call_##symbol, (symbol##_t *)address);
	SYMBOLS(X)
#undef X
	stock_holder_mutex = stock_lookup_data("blk_holder_mutex");
	stock_block_class = stock_lookup_data("block_class");
	stock_disk_type = stock_lookup_data("disk_type");
	stock_chain_endio = stock_lookup_data("bio_chain_endio");
	return stock_holder_mutex && stock_block_class && stock_disk_type &&
		stock_chain_endio ? 0 : -ENOENT;
}
