// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

#include "extents.h"

#define BATCH		256
#define READ_MOST	(4 * EXTENTS_MOST)	/* before they are joined */
#define ALIGNMENT	4096

/*
 * What the file system says
 */

static bool append(struct extents *extents, struct extent extent)
{
	struct extent *more = reallocarray(extents->v, extents->n + 1,
					   sizeof(*more));

	if (!more)
		return false;
	extents->v = more;
	more[extents->n++] = extent;
	return true;
}

static bool add(struct extents *extents, const struct fiemap_extent *from)
{
	return append(extents, (struct extent) {
		.logical = from->fe_logical,
		.physical = from->fe_physical,
		.length = from->fe_length,
		.flags = from->fe_flags,
	});
}

/* From where the last one ends; false: there are no more, or @why */
static bool read_batch(int fd, uint64_t bytes, size_t most, struct fiemap *map,
		       struct extents *extents, char *why, size_t size)
{
	const struct extent *last = extents->n ?
				    &extents->v[extents->n - 1] : NULL;

	memset(map, 0, sizeof(*map));
	map->fm_start = last ? last->logical + last->length : 0;
	map->fm_flags = FIEMAP_FLAG_SYNC;
	map->fm_extent_count = BATCH;
	if (map->fm_start >= bytes || (last && last->flags & FIEMAP_EXTENT_LAST))
		return false;
	map->fm_length = bytes - map->fm_start;
	if (ioctl(fd, FS_IOC_FIEMAP, map)) {
		snprintf(why, size, "is on a file system that does not tell where (%s)",
			 strerror(errno));
		return false;
	}
	for (size_t i = 0; i < map->fm_mapped_extents && !*why; i++)
		if (extents->n >= most || !add(extents, &map->fm_extents[i]))
			snprintf(why, size, "is in too many pieces");
	return !*why && map->fm_mapped_extents;
}

static bool read_up_to(int fd, uint64_t bytes, size_t most,
		       struct extents *extents, char *why, size_t size)
{
	struct fiemap *map = malloc(sizeof(*map) +
				    BATCH * sizeof(struct fiemap_extent));

	memset(extents, 0, sizeof(*extents));
	*why = '\0';
	if (!map)
		snprintf(why, size, "is unknown: no memory");
	while (map && read_batch(fd, bytes, most, map, extents, why, size))
		;
	free(map);
	return !*why;
}

bool extents_read(int fd, uint64_t bytes, struct extents *extents, char *why,
		  size_t size)
{
	return read_up_to(fd, bytes, READ_MOST, extents, why, size);
}

bool extents_read_all(int fd, struct extents *extents)
{
	char why[256];

	return read_up_to(fd, INT64_MAX, SIZE_MAX, extents, why, sizeof(why));
}

void extents_free(struct extents *extents)
{
	free(extents->v);
	memset(extents, 0, sizeof(*extents));
}

bool extents_copy(struct extents *to, const struct extent *v, size_t n)
{
	extents_free(to);
	if (!n)
		return true;
	to->v = malloc(n * sizeof(*v));
	if (!to->v)
		return false;
	memcpy(to->v, v, n * sizeof(*v));
	to->n = n;
	return true;
}

/*
 * What of that can be relied on
 */

static const char *reason_of(uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *is;
	} reasons[] = {
		{ FIEMAP_EXTENT_UNKNOWN, "has a part without a place on the disk" },
		{ FIEMAP_EXTENT_DELALLOC, "has a part without a place on the disk" },
		{ FIEMAP_EXTENT_DATA_ENCRYPTED, "is encrypted" },
		{ FIEMAP_EXTENT_ENCODED, "is compressed or encrypted" },
		{ FIEMAP_EXTENT_DATA_INLINE, "lies in metadata" },
		{ FIEMAP_EXTENT_DATA_TAIL, "has a part in a block of another file" },
		{ FIEMAP_EXTENT_NOT_ALIGNED, "is not in whole blocks" },
		{ FIEMAP_EXTENT_SHARED, "shares blocks with another file" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (flags & reasons[i].flag)
			return reasons[i].is;
	return flags & ~(FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_UNWRITTEN |
			 FIEMAP_EXTENT_MERGED) ?
	       "has a part of an unknown kind" : NULL;
}

void extents_let_share(struct extents *extents)
{
	for (size_t i = 0; i < extents->n; i++)
		extents->v[i].flags &= ~FIEMAP_EXTENT_SHARED;
}

static bool check_one(struct extent *extent, uint64_t at, uint64_t bytes,
		      uint64_t device, unsigned int block, const char **why)
{
	*why = reason_of(extent->flags);
	if (*why)
		return false;
	if (extent->logical != at)
		*why = "has a hole";
	else if (!extent->length || (extent->logical | extent->physical |
				     extent->length) % block)
		*why = "is not in whole blocks";
	/* nothing but a superblock begins there */
	else if (!extent->physical || extent->physical >= device ||
		 extent->length > device - extent->physical)
		*why = "has a place that its device has not";
	if (!*why && extent->length > bytes - at)
		extent->length = bytes - at;
	return !*why;
}

static int by_place(const void *a, const void *b)
{
	const struct extent *one = a, *other = b;

	return (one->physical > other->physical) -
	       (one->physical < other->physical);
}

static bool overlap(const struct extents *extents)
{
	struct extent *sorted = reallocarray(NULL, extents->n,
					     sizeof(*sorted));
	bool found = !sorted;

	if (!sorted)
		return true;
	memcpy(sorted, extents->v, extents->n * sizeof(*sorted));
	qsort(sorted, extents->n, sizeof(*sorted), by_place);
	for (size_t i = 1; i < extents->n; i++)
		found |= sorted[i].physical - sorted[i - 1].physical <
			 sorted[i - 1].length;
	free(sorted);
	return found;
}

bool extents_check(struct extents *extents, uint64_t bytes, uint64_t device,
		   unsigned int block, char *why, size_t size)
{
	const char *reason = NULL;
	uint64_t at = 0;

	for (size_t i = 0; i < extents->n && !reason; i++)
		if (check_one(&extents->v[i], at, bytes, device, block, &reason))
			at += extents->v[i].length;
	if (!reason && (at != bytes || !bytes))
		reason = "has a hole";
	if (!reason && overlap(extents))
		reason = "has two parts in one place";
	if (reason)
		snprintf(why, size, "%s", reason);
	return !reason;
}

static bool follows(const struct extent *next, const struct extent *last)
{
	return next->logical == last->logical + last->length &&
	       next->physical == last->physical + last->length;
}

void extents_join(struct extents *extents)
{
	size_t n = 0;

	for (size_t i = 0; i < extents->n; i++) {
		if (n && follows(&extents->v[i], &extents->v[n - 1])) {
			extents->v[n - 1].length += extents->v[i].length;
			continue;
		}
		extents->v[n++] = extents->v[i];
	}
	extents->n = n;
}

bool extents_same(const struct extents *one, const struct extents *other)
{
	bool same = one->n == other->n;

	for (size_t i = 0; same && i < one->n; i++)
		same = one->v[i].logical == other->v[i].logical &&
		       one->v[i].physical == other->v[i].physical &&
		       one->v[i].length == other->v[i].length;
	return same;
}

void extents_pieces(const struct extents *extents, uint64_t from,
		    struct map_piece *pieces)
{
	for (size_t i = 0; i < extents->n; i++) {
		pieces[i] = (struct map_piece) {
			.start = from,
			.length = extents->v[i].length / 512,
			.at = extents->v[i].physical / 512,
		};
		from += pieces[i].length;
	}
}

static bool overlap_piece(const struct extent *extent,
			  const struct map_piece *piece)
{
	uint64_t start = extent->physical / 512;

	return start < piece->at + piece->length &&
	       piece->at < start + extent->length / 512;
}

bool extents_overlap(const struct extents *extents,
		     const struct map_piece *pieces, size_t n)
{
	for (size_t i = 0; i < extents->n; i++)
		for (size_t j = 0; j < n; j++)
			if (overlap_piece(&extents->v[i], &pieces[j]))
				return true;
	return false;
}

bool extents_add_free(struct extents *to, const struct extents *from,
		      uint64_t start, uint64_t length)
{
	bool good = true;

	for (size_t i = 0; i < from->n && good; i++) {
		const struct extent *one = &from->v[i];
		uint64_t end = one->physical + one->length;
		uint64_t at = start > one->physical ? start : one->physical;

		if (end > start + length)
			end = start + length;
		if (at < end)
			good = append(to, (struct extent) {
				.logical = one->logical + at - one->physical,
				.physical = at,
				.length = end - at,
			});
	}
	return good;
}

static int by_logical(const void *a, const void *b)
{
	const struct extent *one = a, *other = b;

	return (one->logical > other->logical) -
	       (one->logical < other->logical);
}

void extents_sort(struct extents *extents)
{
	if (extents->n)
		qsort(extents->v, extents->n, sizeof(*extents->v), by_logical);
}

uint64_t extents_bytes(const struct extents *extents)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < extents->n; i++)
		bytes += extents->v[i].length;
	return bytes;
}

void extents_cut(struct extents *extents, uint64_t bytes)
{
	uint64_t most = bytes;
	size_t i;

	for (i = 0; i < extents->n && most; i++) {
		if (extents->v[i].length > most)
			extents->v[i].length = most;
		most -= extents->v[i].length;
	}
	extents->n = i;
}

bool extents_are(const struct extents *extents, const struct map_piece *pieces,
		 size_t n)
{
	bool same = extents->n == n;

	for (size_t i = 0; same && i < n; i++)
		same = extents->v[i].logical / 512 == pieces[i].start &&
		       extents->v[i].length / 512 == pieces[i].length &&
		       extents->v[i].physical / 512 == pieces[i].at;
	return same;
}

/*
 * The proof
 */

/* The place is in it, so that no mark is like another one */
void mark_fill(const struct mark *mark, uint64_t logical, unsigned char *block)
{
	const size_t id = sizeof(mark->id);
	unsigned int at;

	for (at = 0; at + id + sizeof(logical) <= mark->unit;
	     at += id + sizeof(logical)) {
		memcpy(block + at, mark->id, id);
		memcpy(block + at + id, &logical, sizeof(logical));
	}
	memset(block + at, 0, mark->unit - at);
}

/* Does that for the first and the last unit of each */
static bool at_ends(const struct extents *extents, const struct mark *mark,
		    bool (*each)(int fd, const struct extent *extent,
				 uint64_t offset, const struct mark *mark,
				 unsigned char *block), int fd)
{
	unsigned char *block = NULL;
	bool good;

	good = !posix_memalign((void **)&block, ALIGNMENT, 2 * mark->unit);
	for (size_t i = 0; i < extents->n && good; i++) {
		const struct extent *extent = &extents->v[i];

		good = each(fd, extent, 0, mark, block) &&
		       each(fd, extent, extent->length - mark->unit, mark,
			    block);
	}
	free(block);
	return good;
}

static bool write_mark(int fd, const struct extent *extent, uint64_t offset,
		       const struct mark *mark, unsigned char *block)
{
	mark_fill(mark, extent->logical + offset, block);
	return pwrite(fd, block, mark->unit, extent->logical + offset) ==
	       (ssize_t)mark->unit;
}

bool extents_mark(int fd, const struct extents *extents,
		  const struct mark *mark)
{
	errno = ENOMEM;
	return at_ends(extents, mark, write_mark, fd);
}

static bool find_mark(int fd, const struct extent *extent, uint64_t offset,
		      const struct mark *mark, unsigned char *block)
{
	unsigned char *wanted = block + mark->unit;

	mark_fill(mark, extent->logical + offset, wanted);
	errno = 0;
	return pread(fd, block, mark->unit, extent->physical + offset) ==
	       (ssize_t)mark->unit && !memcmp(block, wanted, mark->unit);
}

bool extents_prove(int fd, const struct extents *extents,
		   const struct mark *mark, char *why, size_t size)
{
	errno = ENOMEM;
	if (at_ends(extents, mark, find_mark, fd))
		return true;
	if (errno)
		snprintf(why, size, "cannot be read beneath its file system (%s)",
			 strerror(errno));
	else
		snprintf(why, size, "is not where its file system says");
	return false;
}
