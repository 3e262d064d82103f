// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <linux/fsmap.h>

#include "fsmap.h"

#define RECORDS		1024

/* As the kernel encodes it */
static uint32_t encode(dev_t dev)
{
	return (minor(dev) & 0xff) | major(dev) << 8 |
	       (minor(dev) & ~0xffU) << 12;
}

static struct fsmap_head *make_head(void)
{
	size_t size = sizeof(struct fsmap_head) + RECORDS * sizeof(struct fsmap);
	struct fsmap_head *head = calloc(1, size);

	if (!head)
		return NULL;
	memset(&head->fmh_keys[1], 0xff, sizeof(head->fmh_keys[1]));
	head->fmh_keys[1].fmr_length = 0;
	memset(head->fmh_keys[1].fmr_reserved, 0,
	       sizeof(head->fmh_keys[1].fmr_reserved));
	return head;
}

static bool is_free(const struct fsmap *one, uint32_t dev)
{
	return one->fmr_device == dev && one->fmr_flags & FMR_OF_SPECIAL_OWNER &&
	       one->fmr_owner == FMR_OWN_FREE;
}

bool fsmap_each_free(int fd, dev_t dev,
		     bool (*each)(uint64_t start, uint64_t length, void *data),
		     void *data)
{
	struct fsmap_head *head = make_head();
	bool good = head, more = head;

	while (good && more) {
		const struct fsmap *v = head->fmh_recs;

		head->fmh_count = RECORDS;
		good = !ioctl(fd, FS_IOC_GETFSMAP, head);
		for (uint32_t i = 0; good && i < head->fmh_entries; i++)
			good = !is_free(&v[i], encode(dev)) ||
			       each(v[i].fmr_physical, v[i].fmr_length, data);
		more = good && head->fmh_entries &&
		       !(v[head->fmh_entries - 1].fmr_flags & FMR_OF_LAST);
		if (more)
			fsmap_advance(head);
	}
	free(head);
	return good;
}
