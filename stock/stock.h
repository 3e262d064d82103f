/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the back end have in common. */
#ifndef STOCK_H
#define STOCK_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/percpu.h>

struct blk_interposer;

/* Of request_queue->queue_flags: the test is around, also without an interposer. */
#define QUEUE_FLAG_ARMED	61

/**
 * struct stock_verdict - what a hook says of the function at whose beginning it is
 * @taken: do not run it
 * @result: what it is to have returned, if it is not run
 */
struct stock_verdict {
	unsigned long taken;
	unsigned long result;
};

/* symbols.c */
int stock_find_symbols(void);
unsigned long stock_lookup(const char *module, const char *name);
int stock_check_call(const char *caller, unsigned long callee);
void stock_bdev_release(struct file *bdev_file);
void stock_charge(struct bio *bio);
void stock_submit_checked(struct bio *bio, bool split);
void stock_mq_submit_bio(struct bio *bio);

/* places.c */
int stock_places_begin(void);
int stock_places_find(void);
int stock_places_get(struct block_device *bdev);
void stock_places_put(struct block_device *bdev);
bool stock_place_held(struct block_device *owner);
void stock_places_exit(void);

/* probe.c */
typedef int stock_submit_t(struct bio *bio);
int stock_probe(stock_submit_t *submit);
/* ends.c */
int stock_ends_init(void);
void stock_ends_exit(void);

extern bio_end_io_t *stock_chain_endio;

/* hooks.c */
void stock_probe_complete(void *data, struct request_queue *q, struct bio *bio);
void stock_probe_request(void *data, struct bio *bio);
bool stock_hooks_busy(void);

/* How many have come into what may sleep, and have left it: see stock_hooks_busy(). */
DECLARE_PER_CPU(unsigned long, stock_came);
DECLARE_PER_CPU(unsigned long, stock_left);

static inline void stock_come(void)
{
	this_cpu_inc(stock_came);
}

static inline void stock_leave(void)
{
	this_cpu_inc(stock_left);
}

/* called by the trampolines */
struct stock_verdict stock_hook_prep(struct bio *bio);
struct stock_verdict stock_hook_split(struct bio *bio);
struct stock_verdict stock_hook_mq(struct bio *bio);
struct stock_verdict stock_hook_enter(struct request_queue *q, struct bio *bio);
struct stock_verdict stock_hook_submit(struct bio *bio);
struct stock_verdict stock_hook_nocheck(struct bio *bio);
struct stock_verdict stock_hook_noacct(struct bio *bio);
extern const blk_opf_t stock_flush_flags;
struct stock_verdict stock_hook_chain(struct bio *bio, struct bio *parent);
struct stock_verdict stock_hook_dead(struct gendisk *disk);
struct stock_verdict stock_hook_release(struct file *bdev_file);
struct stock_verdict stock_hook_link(struct block_device *bdev,
				     struct gendisk *disk);

/*
 * Two bits of bi_opf that the kernel does not use. Between submit_bio_noacct() and
 * submit_bio_noacct_nocheck() they stand for the flags of a flush: see
 * stock_hook_noacct(). Only within stock_hook_nocheck() the first one means that
 * the bio is in the loop that sorts: see blk_interposer_queue().
 */
#define REQ_HIDDEN_FUA		((__force blk_opf_t)BIT(30))
#define REQ_HIDDEN_PREFLUSH	((__force blk_opf_t)BIT(31))
#define REQ_HIDDEN		(REQ_HIDDEN_FUA | REQ_HIDDEN_PREFLUSH)
#define REQ_SORTED		REQ_HIDDEN_FUA
static_assert(__REQ_NR_BITS <= 30);
static_assert(sizeof(blk_opf_t) * BITS_PER_BYTE > 31);

#endif /* STOCK_H */
