// SPDX-License-Identifier: GPL-2.0
/*
 * The end of bios that the owner has mapped where they are.
 *
 * A patched kernel is told by bio_endio(). Here blk-mq clears BIO_TRACE_COMPLETION of
 * what becomes a part of a request, and then the tracepoint of bio_endio() says
 * nothing. So such a bio gets our bi_end_io, and its own back when that is called. What
 * a driver splits off completes into the bio that was split, and that once, when all
 * parts have ended.
 *
 * That is prepared before the owner looks at the bio, since it takes memory: without
 * any, the bio is redirected. An owner that keeps the bio gives that back first, in
 * blk_interposer_keep(), so who has redirected it finds its own bi_end_io.
 *
 * What is different from a patched kernel, and why that is no matter:
 *
 *  - The counts are dropped at the end of bio_endio() and not at its beginning. Between
 *    the two the bio is looked at by rq_qos and traced, which wants its device, not the
 *    interposer.
 *  - While the bio is in flight, bi_end_io and bi_private are not those of its
 *    submitter. bio_endio() looks at them, for bio_chain_endio(): it goes on with the
 *    parent without calling it. A chain of any length would end in as many calls within
 *    each other if ours were there, so what is chained to another bio is not mapped where
 *    it is: see stock_may_go_direct(). Nobody else does, but raid10's
 *    sync_request_write(), which takes another handler for a reason to copy the same
 *    data again.
 *  - The bio ends in our text after it has been counted out. It may do so in any context,
 *    and its submitter's handler may even sleep, so it counts as a hook does: see
 *    stock_places_exit().
 *
 * Concurrency: between bio_prepare_direct() and bio_cancel_direct(), or the driver, only
 * the task that submits the bio has it. After that, only who ends it.
 */
#include <linux/bio.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include <linux/blk-interposer.h>
#include "blk.h"
#include "blk-interposer.h"
#include "stock.h"

/* How many of them a processor keeps. */
#define STOCK_ENDS_KEPT	64

/**
 * struct stock_end - what our bi_end_io stands in place of
 * @next: of those that a processor keeps
 * @ip: the interposer
 * @end_io: the submitter's
 * @private: the submitter's
 */
struct stock_end {
	struct stock_end *next;
	struct blk_interposer *ip;
	bio_end_io_t *end_io;
	void *private;
};

/**
 * struct stock_ends_kept - what saves most calls of the allocator, which are long
 * @first: the list
 * @count: how many
 */
struct stock_ends_kept {
	struct stock_end *first;
	unsigned int count;
};

static DEFINE_PER_CPU(struct stock_ends_kept, stock_ends_kept);
static struct kmem_cache *stock_ends;

/* Bios also end in interrupts, so they are kept out. Nothing sleeps. */
static struct stock_end *stock_end_get(void)
{
	struct stock_ends_kept *kept;
	struct stock_end *end;
	unsigned long flags;

	local_irq_save(flags);
	kept = this_cpu_ptr(&stock_ends_kept);
	end = kept->first;
	if (end) {
		kept->first = end->next;
		kept->count--;
	}
	local_irq_restore(flags);
	return end ?: kmem_cache_alloc(stock_ends, GFP_NOWAIT | __GFP_NOWARN);
}

static void stock_end_put(struct stock_end *end)
{
	struct stock_ends_kept *kept;
	unsigned long flags;
	bool room;

	local_irq_save(flags);
	kept = this_cpu_ptr(&stock_ends_kept);
	room = kept->count < STOCK_ENDS_KEPT;
	if (room) {
		end->next = kept->first;
		kept->first = end;
		kept->count++;
	}
	local_irq_restore(flags);
	if (!room)
		kmem_cache_free(stock_ends, end);
}

/* Give a bio back to its submitter's handler. Returns the interposer. */
static struct blk_interposer *stock_end_restore(struct bio *bio)
{
	struct stock_end *end = bio->bi_private;
	struct blk_interposer *ip = end->ip;

	bio->bi_end_io = end->end_io;
	bio->bi_private = end->private;
	stock_end_put(end);
	return ip;
}

static void stock_direct_endio(struct bio *bio)
{
	stock_come();
	blk_interposer_direct_done(stock_end_restore(bio));
	if (bio->bi_end_io)
		bio->bi_end_io(bio);
	stock_leave();
}

/**
 * bio_prepare_direct - see to it that we are told of the end of a bio
 * @ip: the interposer
 * @bio: a bio that the owner is about to look at
 *
 * Context: with q_usage_counter of the bio's queue held. Does not sleep.
 * Return: false if there is no memory.
 */
bool bio_prepare_direct(struct blk_interposer *ip, struct bio *bio)
{
	struct stock_end *end = stock_end_get();

	if (!end)
		return false;
	end->ip = ip;
	end->end_io = bio->bi_end_io;
	end->private = bio->bi_private;
	bio->bi_end_io = stock_direct_endio;
	bio->bi_private = end;
	return true;
}

/**
 * bio_cancel_direct - the counterpart
 * @bio: a bio that the owner has not let in, or keeps
 *
 * Context: Any, as long as nobody else has the bio.
 */
void bio_cancel_direct(struct bio *bio)
{
	stock_end_restore(bio);
}

/* Context: Process context. Return: 0, or -ENOMEM. */
int stock_ends_init(void)
{
	stock_ends = KMEM_CACHE(stock_end, 0);
	return stock_ends ? 0 : -ENOMEM;
}

/* Context: Process context. No bio is in flight that was mapped where it is. */
void stock_ends_exit(void)
{
	struct stock_end *end;
	int cpu;

	for_each_possible_cpu(cpu)
		while ((end = per_cpu(stock_ends_kept, cpu).first)) {
			per_cpu(stock_ends_kept, cpu).first = end->next;
			kmem_cache_free(stock_ends, end);
		}
	kmem_cache_destroy(stock_ends);
}
