// SPDX-License-Identifier: GPL-2.0
/*
 * The bios of the self-test: a disk of its own that nobody sees, and what is sent to it.
 *
 * The disk is never added: it has no name in /dev and none in sysfs, and there is no
 * event of it. Its driver ends each request at once.
 */
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/module.h>

#include "stock.h"

#define PROBE_SECTORS	8

static blk_status_t stock_probe_queue_rq(struct blk_mq_hw_ctx *hctx,
					 const struct blk_mq_queue_data *data)
{
	blk_mq_start_request(data->rq);
	blk_mq_end_request(data->rq, BLK_STS_OK);
	return BLK_STS_OK;
}

static const struct blk_mq_ops stock_probe_mq_ops = {
	.queue_rq = stock_probe_queue_rq,
};

static const struct block_device_operations stock_probe_fops = {
	.owner = THIS_MODULE,
};

/* Two pieces of memory that do not meet, so that it may have to be split. */
static int stock_probe_write(struct block_device *bdev, struct page *page,
			     stock_submit_t *submit)
{
	struct bio_vec vecs[2];
	struct bio bio;
	int ret;

	bio_init(&bio, bdev, vecs, ARRAY_SIZE(vecs), REQ_OP_WRITE);
	__bio_add_page(&bio, page, SECTOR_SIZE, 0);
	__bio_add_page(&bio, page, SECTOR_SIZE, 2 * SECTOR_SIZE);
	ret = submit(&bio);
	bio_uninit(&bio);
	return ret;
}

/* A discard, or another one without data */
static int stock_probe_range(struct block_device *bdev, enum req_op op,
			     stock_submit_t *submit)
{
	struct bio bio;
	int ret;

	bio_init(&bio, bdev, NULL, 0, op);
	bio.bi_iter.bi_size = PROBE_SECTORS << SECTOR_SHIFT;
	ret = submit(&bio);
	bio_uninit(&bio);
	return ret;
}

static int stock_probe_disk(struct blk_mq_tag_set *set, stock_submit_t *submit)
{
	struct queue_limits limits = {
		.max_hw_discard_sectors = PROBE_SECTORS,
		.max_write_zeroes_sectors = PROBE_SECTORS,
	};
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct gendisk *disk;
	int ret;

	if (!page)
		return -ENOMEM;
	disk = blk_mq_alloc_disk(set, &limits, NULL);
	if (IS_ERR(disk)) {
		__free_page(page);
		return PTR_ERR(disk);
	}
	disk->fops = &stock_probe_fops;
	strscpy(disk->disk_name, "interposeprobe", sizeof(disk->disk_name));
	set_capacity(disk, PROBE_SECTORS);
	ret = stock_probe_write(disk->part0, page, submit);
	if (!ret)
		ret = stock_probe_range(disk->part0, REQ_OP_DISCARD, submit);
	if (!ret)
		ret = stock_probe_range(disk->part0, REQ_OP_WRITE_ZEROES, submit);
	put_disk(disk);
	__free_page(page);
	return ret;
}

/**
 * stock_probe - make bios for a disk that nobody sees
 * @submit: submits each, and waits for it
 *
 * A write, a discard and a write of zeroes, one after the other.
 *
 * Context: Process context. Sleeps.
 * Return: 0, or what @submit has returned for the first that failed, or why there is no
 *	disk.
 */
int stock_probe(stock_submit_t *submit)
{
	struct blk_mq_tag_set set = {
		.ops = &stock_probe_mq_ops,
		.nr_hw_queues = 1,
		.queue_depth = 1,
		.numa_node = NUMA_NO_NODE,
	};
	int ret = blk_mq_alloc_tag_set(&set);

	if (ret)
		return ret;
	ret = stock_probe_disk(&set, submit);
	blk_mq_free_tag_set(&set);
	return ret;
}
