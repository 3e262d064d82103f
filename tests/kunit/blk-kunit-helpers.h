/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block devices, bios and interposers for KUnit tests. They are real: a disk is
 * added with add_disk() and goes with del_gendisk(), a bio is submitted and
 * completes. All are torn down with the test that asked for them.
 */
#ifndef BLK_KUNIT_HELPERS_H
#define BLK_KUNIT_HELPERS_H

#include <kunit/test.h>
#include <linux/blk-interposer.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/kref.h>

/* More than anything here takes, also under emulation. */
#define KUNIT_PATIENCE		(30 * HZ)
/* Long enough for something to happen that must not. */
#define KUNIT_GRACE		(HZ / 10)

#define KUNIT_DISK_SECTORS	2048
/* With .partitions: two of them, with a gap before, between and behind. */
#define KUNIT_PART1_START	256
#define KUNIT_PART2_START	1024
#define KUNIT_PART_SECTORS	512

#define KUNIT_DISK_LOG		16

/**
 * struct kunit_disk_io - what the driver of a test disk was asked for
 *
 * @opf: operation and flags
 * @sector: where, on the whole disk
 * @sectors: how much
 */
struct kunit_disk_io {
	blk_opf_t opf;
	sector_t sector;
	unsigned int sectors;
};

/**
 * struct kunit_disk - a disk of a test, and its driver
 *
 * @disk: the disk
 * @bdev: the whole disk
 * @submit: instead of completing it: what the driver does with a bio. Only
 *	for a bio-based disk.
 * @data: for @submit
 * @hold: the driver keeps what comes until kunit_disk_release()
 * @accounts: the driver accounts the start and the end of each bio
 * @partitions: there is a partition table
 * @count: how many bios or requests the driver got
 * @log: the first ones
 * @lock: protects @count, @log, @hold and the lists
 * @bios: bios kept
 * @requests: requests kept
 * @tags: for a blk-mq disk
 */
struct kunit_disk {
	struct gendisk *disk;
	struct block_device *bdev;
	void (*submit)(struct kunit_disk *kd, struct bio *bio);
	void *data;
	bool hold;
	bool accounts;
	bool partitions;
	unsigned int count;
	struct kunit_disk_io log[KUNIT_DISK_LOG];

	spinlock_t lock; /* protects count, log, hold and the lists */
	struct bio_list bios;
	struct list_head requests;
	struct blk_mq_tag_set tags;
};

/**
 * struct kunit_disk_options - which kind of disk
 *
 * @mq: blk-mq, otherwise bio-based
 * @md: bio-based, and looks like an array of MD: attach trusts that one to
 *	account each bio before it has taken it in
 * @partitions: with a partition table
 * @limits: as for blk_alloc_disk()
 */
struct kunit_disk_options {
	bool mq;
	bool md;
	bool partitions;
	struct queue_limits limits;
};

struct kunit_disk *kunit_disk_add(struct kunit *test,
				  const struct kunit_disk_options *options);
#define kunit_disk(test, ...) \
	kunit_disk_add(test, &(struct kunit_disk_options){ __VA_ARGS__ })

struct block_device *kunit_disk_part(struct kunit_disk *kd, int partno);
void kunit_disk_end_bio(struct kunit_disk *kd, struct bio *bio);
unsigned int kunit_disk_held(struct kunit_disk *kd);
struct bio *kunit_disk_take_held(struct kunit_disk *kd);
void kunit_disk_release(struct kunit_disk *kd);

/**
 * struct kunit_disk_kind - a kind of device that attach or detach treats apart
 *
 * @name: for the name of the case
 * @options: how to get one
 */
struct kunit_disk_kind {
	const char *name;
	struct kunit_disk_options options;
};

/* The first KUNIT_ASYNC_KINDS of them may have I/O in flight. */
#define KUNIT_ASYNC_KINDS	2
#define KUNIT_DISK_KINDS	3
extern const struct kunit_disk_kind kunit_disk_kinds[KUNIT_DISK_KINDS];

struct kunit_disk *kunit_disk_of_param(struct kunit *test);
const void *kunit_disk_kind_gen_params(const void *prev, char *desc);
const void *kunit_async_kind_gen_params(const void *prev, char *desc);

/**
 * struct kunit_bio - a bio of a test, and how it ended
 *
 * @bio: the bio
 * @done: completed when the bio has
 * @ended: how often it has completed
 * @status: with which status
 * @ended_bdev: its ->bi_bdev when it completed
 * @ended_flags: its ->bi_flags then
 * @mark: for the test
 */
struct kunit_bio {
	struct bio *bio;
	struct completion done;
	atomic_t ended;
	blk_status_t status;
	struct block_device *ended_bdev;
	unsigned int ended_flags;
	bool mark;

	/* private: */
	struct kref kref;
	struct page *page;
};

struct kunit_bio *kunit_bio_new(struct block_device *bdev, blk_opf_t opf,
				sector_t sector, unsigned int sectors);
void kunit_bio_put(struct kunit_bio *kb);
struct kunit_bio *kunit_bio(struct kunit *test, struct block_device *bdev,
			    blk_opf_t opf, sector_t sector,
			    unsigned int sectors);
void kunit_bio_submit(struct kunit_bio *kb);
bool kunit_bio_wait(struct kunit_bio *kb);
void kunit_bio_do(struct kunit *test, struct block_device *bdev, blk_opf_t opf,
		  sector_t sector, unsigned int sectors);
void kunit_bios_submit(struct kunit *test, struct block_device *bdev,
		       struct kunit_bio **kbs, unsigned int n);
void kunit_bios_expect(struct kunit *test, struct kunit_disk *kd,
		       struct kunit_bio **kbs, unsigned int n);

/**
 * struct kunit_interposer - an interposer, and what it was asked for
 *
 * @ip: the block layer's part
 * @refs: taken with ->get() and not put
 * @parked: what ->take_parked() gives
 * @lock: protects @parked
 * @owner_dead: the disk that ->owner_dead() was called for
 * @owner_works: ... when the owner still took bios
 */
struct kunit_interposer {
	struct blk_interposer ip;
	int refs;
	struct bio_list parked;
	spinlock_t lock; /* see above */
	struct gendisk *owner_dead;
	bool owner_works;
};

struct kunit_interposer *kunit_interposer_idle(struct kunit *test,
					       struct block_device *bdev);
struct kunit_interposer *kunit_interposer_held(struct kunit *test,
					       struct block_device *bdev,
					       struct kunit_disk *owner);
struct kunit_interposer *kunit_interposer_open(struct kunit *test,
					       struct block_device *bdev,
					       struct kunit_disk *owner);
void kunit_interposer_park(struct kunit_interposer *it, struct kunit_disk *owner);
bool kunit_interposed_direct(struct block_device *bdev);

/**
 * struct kunit_call - a function that is expected to sleep
 *
 * @fn: the function
 * @data: its argument
 * @ret: what it returned
 * @task: who runs it
 * @done: completed when it has returned
 */
struct kunit_call {
	int (*fn)(void *data);
	void *data;
	int ret;
	struct task_struct *task;
	struct completion done;
};

struct kunit_call *kunit_call(struct kunit *test, int (*fn)(void *data),
			      void *data);
bool kunit_call_returned(struct kunit_call *call, unsigned long timeout);
struct kunit_call *kunit_bio_submit_call(struct kunit *test,
					 struct kunit_bio *kb);

#endif /* BLK_KUNIT_HELPERS_H */
