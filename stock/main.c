// SPDX-License-Identifier: GPL-2.0
/*
 * The block layer's part of the interposer as a module, for a kernel without it.
 */
#include <linux/module.h>

#include "blk-interposer.h"
#include "stock.h"

/* Refuses to be loaded unless all that it needs of the kernel is there. */
static int __init stock_init(void)
{
	int ret = stock_ends_init();

	if (ret)
		return ret;
	ret = stock_places_begin();
	if (!ret)
		ret = stock_find_symbols();
	if (!ret)
		ret = stock_places_find();
	if (ret) {
		stock_places_exit();
		stock_ends_exit();
	}
	return ret;
}

static void __exit stock_exit(void)
{
	stock_places_exit();
	stock_ends_exit();
	/* the key may still be on its way down */
	static_key_deferred_flush(&blk_interposer_key);
}

module_init(stock_init);
module_exit(stock_exit);

MODULE_AUTHOR("The dm-interpose developers");
MODULE_DESCRIPTION("Block device interposer for kernels that have none");
MODULE_LICENSE("GPL");
