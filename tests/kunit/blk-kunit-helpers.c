// SPDX-License-Identifier: GPL-2.0
/*
 * Block devices, bios and interposers for KUnit tests. See blk-kunit-helpers.h.
 */
#include <kunit/resource.h>
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/major.h>
#include <linux/module.h>
#include <linux/unaligned.h>

#include "blk.h"
#include "blk-interposer.h"
#include "blk-kunit-helpers.h"

/*
 * Disks
 */

/* Note what came. Returns true when the driver is to keep it. */
static bool kunit_disk_log(struct kunit_disk *kd, blk_opf_t opf,
			   sector_t sector, unsigned int sectors)
{
	lockdep_assert_held(&kd->lock);

	if (kd->count < KUNIT_DISK_LOG)
		kd->log[kd->count] = (struct kunit_disk_io) {
			.opf = opf, .sector = sector, .sectors = sectors,
		};
	kd->count++;
	return kd->hold;
}

static void kunit_disk_put_partition(u8 *mbr, int index, u32 start)
{
	u8 *entry = mbr + 446 + 16 * index;

	entry[4] = 0x83;
	put_unaligned_le32(start, entry + 8);
	put_unaligned_le32(KUNIT_PART_SECTORS, entry + 12);
}

/* Everything reads as zeroes, except for the partition table. */
static void kunit_disk_read(struct kunit_disk *kd, struct bio *bio)
{
	u8 mbr[SECTOR_SIZE] = { [510] = 0x55, [511] = 0xaa };

	if (bio_op(bio) != REQ_OP_READ)
		return;
	zero_fill_bio(bio);
	if (!kd->partitions || bio->bi_iter.bi_sector)
		return;
	kunit_disk_put_partition(mbr, 0, KUNIT_PART1_START);
	kunit_disk_put_partition(mbr, 1, KUNIT_PART2_START);
	memcpy_to_bvec(&(struct bio_vec) {
			.bv_page = bio_page(bio),
			.bv_offset = bio_offset(bio),
			.bv_len = SECTOR_SIZE,
		       }, mbr);
}

/**
 * kunit_disk_end_bio - complete a bio as the driver of a bio-based disk
 * @kd: the disk
 * @bio: the bio; is completed
 */
void kunit_disk_end_bio(struct kunit_disk *kd, struct bio *bio)
{
	kunit_disk_read(kd, bio);
	if (kd->accounts)
		bio_end_io_acct(bio, jiffies);
	bio_endio(bio);
}
EXPORT_SYMBOL_GPL(kunit_disk_end_bio);

static void kunit_disk_end_request(struct kunit_disk *kd, struct request *rq)
{
	struct bio *bio;

	__rq_for_each_bio(bio, rq)
		kunit_disk_read(kd, bio);
	blk_mq_end_request(rq, BLK_STS_OK);
}

static void kunit_disk_submit_bio(struct bio *bio)
{
	struct kunit_disk *kd = bio->bi_bdev->bd_disk->private_data;
	bool hold;

	bio = bio_split_to_limits(bio);
	if (!bio)
		return;

	if (kd->accounts)
		bio_start_io_acct(bio);

	spin_lock_irq(&kd->lock);
	hold = kunit_disk_log(kd, bio->bi_opf, bio->bi_iter.bi_sector,
			      bio_sectors(bio));
	if (hold)
		bio_list_add(&kd->bios, bio);
	spin_unlock_irq(&kd->lock);

	if (hold)
		return;
	if (kd->submit)
		kd->submit(kd, bio);
	else
		kunit_disk_end_bio(kd, bio);
}

static blk_status_t kunit_disk_queue_rq(struct blk_mq_hw_ctx *hctx,
					const struct blk_mq_queue_data *bd)
{
	struct kunit_disk *kd = hctx->queue->queuedata;
	struct request *rq = bd->rq;
	unsigned long flags;
	bool hold;

	blk_mq_start_request(rq);

	spin_lock_irqsave(&kd->lock, flags);
	hold = kunit_disk_log(kd, rq->cmd_flags, blk_rq_pos(rq),
			      blk_rq_sectors(rq));
	if (hold)
		list_add_tail(&rq->queuelist, &kd->requests);
	spin_unlock_irqrestore(&kd->lock, flags);

	if (!hold)
		kunit_disk_end_request(kd, rq);
	return BLK_STS_OK;
}

static const struct block_device_operations kunit_disk_bio_fops = {
	.owner		= THIS_MODULE,
	.submit_bio	= kunit_disk_submit_bio,
};

static const struct block_device_operations kunit_disk_mq_fops = {
	.owner		= THIS_MODULE,
};

static const struct blk_mq_ops kunit_disk_mq_ops = {
	.queue_rq	= kunit_disk_queue_rq,
};

/**
 * kunit_disk_held - how many bios or requests does the driver keep?
 * @kd: the disk
 *
 * Return: the number at this moment.
 */
unsigned int kunit_disk_held(struct kunit_disk *kd)
{
	unsigned int n;

	spin_lock_irq(&kd->lock);
	n = bio_list_size(&kd->bios) + list_count_nodes(&kd->requests);
	spin_unlock_irq(&kd->lock);
	return n;
}
EXPORT_SYMBOL_GPL(kunit_disk_held);

/**
 * kunit_disk_take_held - take the oldest bio that a bio-based driver keeps
 * @kd: the disk
 *
 * Return: the bio, which the caller ends or submits, or NULL.
 */
struct bio *kunit_disk_take_held(struct kunit_disk *kd)
{
	struct bio *bio;

	spin_lock_irq(&kd->lock);
	bio = bio_list_pop(&kd->bios);
	spin_unlock_irq(&kd->lock);
	return bio;
}
EXPORT_SYMBOL_GPL(kunit_disk_take_held);

/**
 * kunit_disk_release - complete what the driver keeps, and keep nothing more
 * @kd: the disk
 */
void kunit_disk_release(struct kunit_disk *kd)
{
	struct request *rq, *next;
	struct bio *bio;
	LIST_HEAD(requests);

	spin_lock_irq(&kd->lock);
	kd->hold = false;
	list_splice_init(&kd->requests, &requests);
	spin_unlock_irq(&kd->lock);

	list_for_each_entry_safe(rq, next, &requests, queuelist) {
		list_del_init(&rq->queuelist);
		kunit_disk_end_request(kd, rq);
	}
	while ((bio = kunit_disk_take_held(kd)))
		kunit_disk_end_bio(kd, bio);
}
EXPORT_SYMBOL_GPL(kunit_disk_release);

/**
 * kunit_disk_part - a partition of a disk
 * @kd: the disk
 * @partno: 1 or 2
 *
 * Return: the partition, valid as long as the disk, or NULL.
 */
struct block_device *kunit_disk_part(struct kunit_disk *kd, int partno)
{
	return xa_load(&kd->disk->part_tbl, partno);
}
EXPORT_SYMBOL_GPL(kunit_disk_part);

static void kunit_disk_free(struct kunit_disk *kd)
{
	put_disk(kd->disk);
	if (kd->tags.ops)
		blk_mq_free_tag_set(&kd->tags);
	kfree(kd);
}

static void kunit_disk_del(struct kunit_disk *kd)
{
	kunit_disk_release(kd);
	del_gendisk(kd->disk);
	kunit_disk_free(kd);
}

KUNIT_DEFINE_ACTION_WRAPPER(kunit_disk_del_action, kunit_disk_del,
			    struct kunit_disk *);

static struct gendisk *kunit_disk_alloc_mq(struct kunit_disk *kd,
					   struct queue_limits *lim)
{
	struct gendisk *disk;
	int ret;

	kd->tags.ops = &kunit_disk_mq_ops;
	kd->tags.nr_hw_queues = 1;
	kd->tags.queue_depth = 64;
	kd->tags.numa_node = NUMA_NO_NODE;
	kd->tags.flags = BLK_MQ_F_NO_SCHED;
	ret = blk_mq_alloc_tag_set(&kd->tags);
	if (ret)
		return ERR_PTR(ret);

	disk = blk_mq_alloc_disk(&kd->tags, lim, kd);
	if (IS_ERR(disk))
		blk_mq_free_tag_set(&kd->tags);
	else
		disk->fops = &kunit_disk_mq_fops;
	return disk;
}

static struct gendisk *kunit_disk_alloc_bio(struct queue_limits *lim)
{
	struct gendisk *disk = blk_alloc_disk(lim, NUMA_NO_NODE);

	if (!IS_ERR(disk))
		disk->fops = &kunit_disk_bio_fops;
	return disk;
}

static struct kunit_disk *
kunit_disk_alloc(const struct kunit_disk_options *options)
{
	struct kunit_disk *kd = kzalloc(sizeof(*kd), GFP_KERNEL);
	struct queue_limits lim = options->limits;
	static atomic_t number;
	int id;

	if (!kd)
		return ERR_PTR(-ENOMEM);

	spin_lock_init(&kd->lock);
	INIT_LIST_HEAD(&kd->requests);
	kd->accounts = options->md;
	kd->partitions = options->partitions;
	kd->disk = options->mq ? kunit_disk_alloc_mq(kd, &lim) :
				 kunit_disk_alloc_bio(&lim);
	if (IS_ERR(kd->disk)) {
		struct gendisk *disk = kd->disk;

		kfree(kd);
		return ERR_CAST(disk);
	}

	kd->bdev = kd->disk->part0;
	kd->disk->private_data = kd;
	id = atomic_inc_return(&number);
	snprintf(kd->disk->disk_name, DISK_NAME_LEN, "kunit%d", id);
	if (options->md) {
		kd->disk->major = MD_MAJOR;
		kd->disk->first_minor = MINORMASK - id;
		kd->disk->minors = 1;
	}
	set_capacity(kd->disk, KUNIT_DISK_SECTORS);
	return kd;
}

/**
 * kunit_disk_add - make a disk for a test
 * @test: the test, with which the disk goes
 * @options: which kind
 *
 * Return: the disk, with nothing logged yet. Fails the test if there is none.
 */
struct kunit_disk *kunit_disk_add(struct kunit *test,
				  const struct kunit_disk_options *options)
{
	struct kunit_disk *kd = kunit_disk_alloc(options);
	int ret;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kd);
	ret = add_disk(kd->disk);
	if (ret)
		kunit_disk_free(kd);
	KUNIT_ASSERT_EQ(test, ret, 0);
	ret = kunit_add_action_or_reset(test, kunit_disk_del_action, kd);
	KUNIT_ASSERT_EQ(test, ret, 0);

	/* close the file that the scan for partitions has opened */
	flush_delayed_fput();
	spin_lock_irq(&kd->lock);
	kd->count = 0;
	spin_unlock_irq(&kd->lock);
	return kd;
}
EXPORT_SYMBOL_GPL(kunit_disk_add);

/*
 * Kinds of disks, for cases with a parameter
 */
const struct kunit_disk_kind kunit_disk_kinds[] = {
	{
		.name = "blk-mq",
		.options = { .mq = true },
	}, {
		.name = "MD",
		.options = {
			.md = true,
			.limits.features = BLK_FEAT_IO_STAT | BLK_FEAT_NOWAIT,
		},
	}, {
		.name = "synchronous",
		.options.limits.features = BLK_FEAT_SYNCHRONOUS |
					   BLK_FEAT_NOWAIT,
	},
};

/**
 * kunit_disk_of_param - make the disk that the parameter of the case asks for
 * @test: the test
 *
 * Return: the disk.
 */
struct kunit_disk *kunit_disk_of_param(struct kunit *test)
{
	const struct kunit_disk_kind *kind = test->param_value;

	return kunit_disk_add(test, &kind->options);
}
EXPORT_SYMBOL_GPL(kunit_disk_of_param);

static const void *kunit_next_kind(const struct kunit_disk_kind *prev,
				   char *desc, unsigned int n)
{
	const struct kunit_disk_kind *kind = prev ? prev + 1 : kunit_disk_kinds;

	if (kind == kunit_disk_kinds + n)
		return NULL;
	strscpy(desc, kind->name, KUNIT_PARAM_DESC_SIZE);
	return kind;
}

/**
 * kunit_disk_kind_gen_params - for KUNIT_CASE_PARAM(): each kind of disk
 * @prev: the kind before
 * @desc: gets its name
 *
 * Return: the kind, NULL after the last.
 */
const void *kunit_disk_kind_gen_params(const void *prev, char *desc)
{
	return kunit_next_kind(prev, desc, KUNIT_DISK_KINDS);
}
EXPORT_SYMBOL_GPL(kunit_disk_kind_gen_params);

/**
 * kunit_async_kind_gen_params - ... each that may have I/O in flight
 * @prev: the kind before
 * @desc: gets its name
 *
 * Return: the kind, NULL after the last.
 */
const void *kunit_async_kind_gen_params(const void *prev, char *desc)
{
	return kunit_next_kind(prev, desc, KUNIT_ASYNC_KINDS);
}
EXPORT_SYMBOL_GPL(kunit_async_kind_gen_params);

/*
 * Bios
 */
static void kunit_bio_free(struct kref *kref)
{
	struct kunit_bio *kb = container_of(kref, struct kunit_bio, kref);

	bio_put(kb->bio);
	__free_page(kb->page);
	kfree(kb);
}

/**
 * kunit_bio_put - drop a bio of kunit_bio_new()
 * @kb: the bio; it stays until it has completed, if it was submitted
 */
void kunit_bio_put(struct kunit_bio *kb)
{
	kref_put(&kb->kref, kunit_bio_free);
}
EXPORT_SYMBOL_GPL(kunit_bio_put);

KUNIT_DEFINE_ACTION_WRAPPER(kunit_bio_put_action, kunit_bio_put,
			    struct kunit_bio *);

static void kunit_bio_end_io(struct bio *bio)
{
	struct kunit_bio *kb = bio->bi_private;

	kb->status = bio->bi_status;
	kb->ended_bdev = bio->bi_bdev;
	kb->ended_flags = bio->bi_flags;
	atomic_inc(&kb->ended);
	complete(&kb->done);
	kunit_bio_put(kb);
}

/**
 * kunit_bio_new - make a bio
 * @bdev: its device
 * @opf: operation and flags
 * @sector: where on @bdev
 * @sectors: how much, not more than 128; all its data is in one page
 *
 * Return: the bio, or NULL.
 */
struct kunit_bio *kunit_bio_new(struct block_device *bdev, blk_opf_t opf,
				sector_t sector, unsigned int sectors)
{
	struct kunit_bio *kb = kzalloc(sizeof(*kb), GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	unsigned int n;

	if (!kb || !page) {
		kfree(kb);
		if (page)
			__free_page(page);
		return NULL;
	}

	kref_init(&kb->kref);
	init_completion(&kb->done);
	kb->page = page;
	kb->bio = bio_alloc(bdev, DIV_ROUND_UP(sectors, PAGE_SECTORS), opf,
			    GFP_KERNEL);
	kb->bio->bi_iter.bi_sector = sector;
	kb->bio->bi_private = kb;
	kb->bio->bi_end_io = kunit_bio_end_io;
	for (; sectors; sectors -= n) {
		n = min(sectors, PAGE_SECTORS);
		__bio_add_page(kb->bio, page, n << SECTOR_SHIFT, 0);
	}
	return kb;
}
EXPORT_SYMBOL_GPL(kunit_bio_new);

/**
 * kunit_bio - make a bio for a test
 * @test: the test
 * @bdev: its device
 * @opf: operation and flags
 * @sector: where on @bdev
 * @sectors: how much, see kunit_bio_new()
 *
 * Return: the bio, not submitted. Fails the test if there is none.
 */
struct kunit_bio *kunit_bio(struct kunit *test, struct block_device *bdev,
			    blk_opf_t opf, sector_t sector,
			    unsigned int sectors)
{
	struct kunit_bio *kb = kunit_bio_new(bdev, opf, sector, sectors);
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, kb);
	ret = kunit_add_action_or_reset(test, kunit_bio_put_action, kb);
	KUNIT_ASSERT_EQ(test, ret, 0);
	return kb;
}
EXPORT_SYMBOL_GPL(kunit_bio);

/**
 * kunit_bio_submit - submit a bio
 * @kb: the bio
 */
void kunit_bio_submit(struct kunit_bio *kb)
{
	kref_get(&kb->kref);
	submit_bio(kb->bio);
}
EXPORT_SYMBOL_GPL(kunit_bio_submit);

/**
 * kunit_bio_wait - wait until a bio has completed
 * @kb: the bio
 *
 * Return: false if it has not within the time that anything here takes.
 */
bool kunit_bio_wait(struct kunit_bio *kb)
{
	return wait_for_completion_timeout(&kb->done, KUNIT_PATIENCE);
}
EXPORT_SYMBOL_GPL(kunit_bio_wait);

/**
 * kunit_bio_do - submit a bio, which completes without an error
 * @test: the test
 * @bdev: its device
 * @opf: operation and flags
 * @sector: where on @bdev
 * @sectors: how much, see kunit_bio_new()
 */
void kunit_bio_do(struct kunit *test, struct block_device *bdev, blk_opf_t opf,
		  sector_t sector, unsigned int sectors)
{
	struct kunit_bio *kb = kunit_bio(test, bdev, opf, sector, sectors);

	kunit_bio_submit(kb);
	KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kb));
	KUNIT_ASSERT_EQ(test, blk_status_to_errno(kb->status), 0);
}
EXPORT_SYMBOL_GPL(kunit_bio_do);

/**
 * kunit_bios_submit - submit writes of 8 sectors at 0, 8, 16 and so on
 * @test: the test
 * @bdev: their device
 * @kbs: gets the bios
 * @n: how many
 */
void kunit_bios_submit(struct kunit *test, struct block_device *bdev,
		       struct kunit_bio **kbs, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		kbs[i] = kunit_bio(test, bdev, REQ_OP_WRITE, i * 8, 8);
		kunit_bio_submit(kbs[i]);
	}
}
EXPORT_SYMBOL_GPL(kunit_bios_submit);

/**
 * kunit_bios_expect - bios complete, and came to a driver in their order
 * @test: the test
 * @kd: the disk of the driver, which got nothing else
 * @kbs: the bios
 * @n: how many
 */
void kunit_bios_expect(struct kunit *test, struct kunit_disk *kd,
		       struct kunit_bio **kbs, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		KUNIT_ASSERT_TRUE(test, kunit_bio_wait(kbs[i]));
		KUNIT_EXPECT_EQ(test, blk_status_to_errno(kbs[i]->status), 0);
		KUNIT_EXPECT_EQ(test, kd->log[i].sector, i * 8);
	}
	KUNIT_EXPECT_EQ(test, kd->count, n);
}
EXPORT_SYMBOL_GPL(kunit_bios_expect);

/*
 * Interposers
 */
static struct kunit_interposer *to_kunit_interposer(struct blk_interposer *ip)
{
	return container_of(ip, struct kunit_interposer, ip);
}

static struct kunit_disk *to_disk(struct block_device *bdev)
{
	return bdev->bd_disk->private_data;
}

static void kunit_interposer_get(struct blk_interposer *ip)
{
	to_kunit_interposer(ip)->refs++;
}

static void kunit_interposer_put(struct blk_interposer *ip)
{
	to_kunit_interposer(ip)->refs--;
}

static void kunit_interposer_owner_dead(struct blk_interposer *ip,
					struct gendisk *disk)
{
	to_kunit_interposer(ip)->owner_dead = disk;
	to_kunit_interposer(ip)->owner_works =
		!test_bit(GD_DEAD, &disk->state) &&
		!blk_queue_dying(disk->queue);
	blk_interposer_detach(ip);
}

static void kunit_interposer_take_parked(struct blk_interposer *ip, struct bio_list *bios)
{
	struct kunit_interposer *it = to_kunit_interposer(ip);

	spin_lock(&it->lock);
	bio_list_merge_init(bios, &it->parked);
	spin_unlock(&it->lock);
}

static const struct blk_interposer_ops kunit_interposer_ops = {
	.get		= kunit_interposer_get,
	.put		= kunit_interposer_put,
	.owner_dead	= kunit_interposer_owner_dead,
	.take_parked	= kunit_interposer_take_parked,
};

static void kunit_interposer_exit(struct kunit_interposer *it)
{
	if (blk_interposer_attached(&it->ip))
		kunit_disk_release(to_disk(it->ip.owner));
	kunit_disk_release(to_disk(it->ip.bdev));
	blk_interposer_detach(&it->ip);
	blk_interposer_exit(&it->ip);
}

KUNIT_DEFINE_ACTION_WRAPPER(kunit_interposer_exit_action, kunit_interposer_exit,
			    struct kunit_interposer *);

/**
 * kunit_interposer_idle - make an interposer that is not attached
 * @test: the test, with which it is detached
 * @bdev: the device to interpose
 *
 * Return: the interposer.
 */
struct kunit_interposer *kunit_interposer_idle(struct kunit *test,
					       struct block_device *bdev)
{
	struct kunit_interposer *it = kunit_kzalloc(test, sizeof(*it), GFP_KERNEL);
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, it);
	spin_lock_init(&it->lock);
	KUNIT_ASSERT_EQ(test, blk_interposer_init(&it->ip, bdev, &kunit_interposer_ops), 0);
	ret = kunit_add_action_or_reset(test, kunit_interposer_exit_action, it);
	KUNIT_ASSERT_EQ(test, ret, 0);
	return it;
}
EXPORT_SYMBOL_GPL(kunit_interposer_idle);

/**
 * kunit_interposer_held - make an interposer, attached, with its gate closed
 * @test: the test, with which it is detached
 * @bdev: the device to interpose
 * @owner: where it redirects to
 *
 * Return: the interposer.
 */
struct kunit_interposer *kunit_interposer_held(struct kunit *test,
					       struct block_device *bdev,
					       struct kunit_disk *owner)
{
	struct kunit_interposer *it = kunit_interposer_idle(test, bdev);

	KUNIT_ASSERT_EQ(test, blk_interposer_attach(&it->ip, owner->bdev, false),
			0);
	return it;
}
EXPORT_SYMBOL_GPL(kunit_interposer_held);

/**
 * kunit_interposer_open - make an interposer, attached, with its gate open
 * @test: the test, with which it is detached
 * @bdev: the device to interpose
 * @owner: where it redirects to
 *
 * Return: the interposer.
 */
struct kunit_interposer *kunit_interposer_open(struct kunit *test,
					       struct block_device *bdev,
					       struct kunit_disk *owner)
{
	struct kunit_interposer *it = kunit_interposer_held(test, bdev, owner);

	blk_interposer_open(&it->ip);
	return it;
}
EXPORT_SYMBOL_GPL(kunit_interposer_open);

/**
 * kunit_interposer_park - put the oldest bio that the owner keeps aside
 * @it: the interposer; ->take_parked() gives the bio back
 * @owner: the owner
 */
void kunit_interposer_park(struct kunit_interposer *it, struct kunit_disk *owner)
{
	struct bio *bio = kunit_disk_take_held(owner);

	spin_lock(&it->lock);
	bio_list_add(&it->parked, bio);
	spin_unlock(&it->lock);
}
EXPORT_SYMBOL_GPL(kunit_interposer_park);

/**
 * kunit_interposed_direct - does an interposer map bios where they are?
 * @bdev: the interposed device
 *
 * Return: false also when the owner has that switched off.
 */
bool kunit_interposed_direct(struct block_device *bdev)
{
	return bdev_test_flag(bdev, BD_INTERPOSE_DIRECT);
}
EXPORT_SYMBOL_GPL(kunit_interposed_direct);

/*
 * Calls that sleep
 */
static int kunit_call_thread(void *data)
{
	struct kunit_call *call = data;

	allow_signal(SIGTERM);
	call->ret = call->fn(call->data);
	complete_all(&call->done);
	/* stays until it is stopped, so that ->task can be used */
	while (!kthread_should_stop()) {
		flush_signals(current);
		schedule_timeout_interruptible(1);
	}
	return 0;
}

static void kunit_call_stop(struct task_struct *task)
{
	kthread_stop(task);
	put_task_struct(task);
}

KUNIT_DEFINE_ACTION_WRAPPER(kunit_call_stop_action, kunit_call_stop,
			    struct task_struct *);

/**
 * kunit_call - call a function in a thread of its own
 * @test: the test, which does not end before the function has returned
 * @fn: the function
 * @data: its argument
 *
 * Return: the call.
 */
struct kunit_call *kunit_call(struct kunit *test, int (*fn)(void *data),
			      void *data)
{
	struct kunit_call *call = kunit_kzalloc(test, sizeof(*call), GFP_KERNEL);
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, call);
	call->fn = fn;
	call->data = data;
	init_completion(&call->done);
	call->task = kthread_create(kunit_call_thread, call, "kunit_call");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, call->task);
	get_task_struct(call->task);
	wake_up_process(call->task);
	ret = kunit_add_action_or_reset(test, kunit_call_stop_action,
					call->task);
	KUNIT_ASSERT_EQ(test, ret, 0);
	return call;
}
EXPORT_SYMBOL_GPL(kunit_call);

/**
 * kunit_call_returned - has a call returned?
 * @call: the call
 * @timeout: how long to wait for it
 *
 * Return: true if it has within @timeout.
 */
bool kunit_call_returned(struct kunit_call *call, unsigned long timeout)
{
	return wait_for_completion_timeout(&call->done, timeout);
}
EXPORT_SYMBOL_GPL(kunit_call_returned);

static int bio_submit(void *kb)
{
	kunit_bio_submit(kb);
	return 0;
}

/**
 * kunit_bio_submit_call - kunit_bio_submit() in a thread of its own
 * @test: the test
 * @kb: the bio
 *
 * Return: the call, which lasts as long as submit_bio().
 */
struct kunit_call *kunit_bio_submit_call(struct kunit *test,
					 struct kunit_bio *kb)
{
	return kunit_call(test, bio_submit, kb);
}
EXPORT_SYMBOL_GPL(kunit_bio_submit_call);

MODULE_DESCRIPTION("Block devices and bios for KUnit tests");
MODULE_LICENSE("GPL");
