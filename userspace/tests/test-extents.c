// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of extents as file systems make them, and as none should: which are taken,
 * what becomes of them, and whether marks are found where they are.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/fiemap.h>

#include "extents.h"
#include "tap.h"

#define BLOCK	4096
#define DEVICE	(1000 * BLOCK)

static char why[256];

/* In blocks */
static struct extent part(uint64_t logical, uint64_t physical, uint64_t length,
			  uint32_t flags)
{
	return (struct extent) { logical * BLOCK, physical * BLOCK,
				 length * BLOCK, flags };
}

/* Of a file of that many blocks; a copy that is changed */
static bool good(struct extent *parts, size_t n, uint64_t blocks)
{
	struct extents extents = { parts, n };

	*why = '\0';
	return extents_check(&extents, blocks * BLOCK, DEVICE, BLOCK, why,
			     sizeof(why));
}

static bool refused(const char *text, struct extent *parts, size_t n)
{
	return !good(parts, n, 10) && strstr(why, text);
}

static void test_check(void)
{
	struct extent one[] = { part(0, 5, 10, FIEMAP_EXTENT_LAST) };
	struct extent two[] = {
		part(0, 100, 4, FIEMAP_EXTENT_UNWRITTEN),
		part(4, 50, 6, FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_LAST),
	};
	struct extent longer[] = { part(0, 5, 16, FIEMAP_EXTENT_LAST) };
	struct extent hole[] = { part(0, 5, 4, 0), part(5, 20, 5, 0) };
	struct extent shorter[] = { part(0, 5, 4, 0) };
	struct extent end[] = { part(0, 995, 10, 0) };
	struct extent wraps[] = { { 0, BLOCK, -(uint64_t)BLOCK, 0 } };
	struct extent first[] = { part(0, 0, 10, 0) };
	struct extent odd[] = { { 0, 5 * BLOCK + 512, 10 * BLOCK, 0 } };
	struct extent empty[] = { part(0, 5, 0, 0), part(0, 5, 10, 0) };
	struct extent twice[] = { part(0, 50, 6, 0), part(6, 52, 4, 0) };

	is("one extent is good", good(one, 1, 10));
	is("two are, in any order of places", good(two, 2, 10));
	is("what is beyond the file is cut off",
	   good(longer, 1, 10) && longer->length == 10 * BLOCK);
	is("a hole is not", refused("has a hole", hole, 2));
	is("nor one at the end", refused("has a hole", shorter, 1));
	is("nor a file that is nowhere", refused("has a hole", NULL, 0));
	is("a place beyond the device is not", refused("a place that its", end, 1));
	is("nor a length that has no end", refused("a place that its", wraps, 1));
	is("nor where the superblock is", refused("a place that its", first, 1));
	is("half a block is not", refused("whole blocks", odd, 1));
	is("nor an empty one", refused("whole blocks", empty, 2));
	is("nor one place for two parts", refused("in one place", twice, 2));
}

static void test_flags(void)
{
	static const uint32_t flags[] = { FIEMAP_EXTENT_UNKNOWN,
		FIEMAP_EXTENT_DELALLOC, FIEMAP_EXTENT_ENCODED,
		FIEMAP_EXTENT_DATA_ENCRYPTED, FIEMAP_EXTENT_NOT_ALIGNED,
		FIEMAP_EXTENT_DATA_INLINE, FIEMAP_EXTENT_DATA_TAIL,
		FIEMAP_EXTENT_SHARED, 0x8000 };
	struct extent one[] = { part(0, 5, 10, 0) };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		one->flags = flags[i] | FIEMAP_EXTENT_LAST;
		is("a flag that makes it unfit", !good(one, 1, 10) && *why);
	}
	one->flags = FIEMAP_EXTENT_MERGED | FIEMAP_EXTENT_UNWRITTEN;
	is("the others do not", good(one, 1, 10));
	one->flags = FIEMAP_EXTENT_SHARED;
	extents_let_share(&(struct extents) { one, 1 });
	is("nor does a copy, if it may be one", good(one, 1, 10));
}

static void test_join(void)
{
	struct extent parts[] = {
		part(0, 10, 1, 0), part(1, 11, 7, FIEMAP_EXTENT_UNWRITTEN),
		part(8, 18, 1, 0), part(9, 30, 1, 0), part(10, 20, 2, 0),
	};
	struct extents extents = { parts, 5 };
	struct map_piece pieces[3];
	struct extent other[] = { part(0, 10, 9, 0), part(9, 30, 1, 0),
				  part(10, 20, 2, 0) };
	struct extents same = { other, 3 };

	is("before they are joined they differ", !extents_same(&extents, &same));
	extents_join(&extents);
	is("neighbours are one", extents.n == 3 && extents_same(&extents, &same));
	other[2].physical += BLOCK;
	is("one that has moved is found out", !extents_same(&extents, &same));
	extents_pieces(&extents, 0, pieces);
	is("the lines of the table",
	   pieces[0].start == 0 && pieces[0].length == 72 && pieces[0].at == 80 &&
	   pieces[1].start == 72 && pieces[1].length == 8 && pieces[1].at == 240 &&
	   pieces[2].start == 80 && pieces[2].length == 16 && pieces[2].at == 160);
}

static void test_spare(void)
{
	struct extent parts[] = { part(0, 20, 8, 0), part(8, 10, 4, 0) };
	struct extents file = { parts, 2 }, spare = { };
	struct map_piece pieces[] = { { 100, 8, 19 * 8 }, { 108, 8, 28 * 8 } };

	is("the blocks on both sides are not in it",
	   !extents_overlap(&file, pieces, 2));
	pieces[1].at--;
	is("a sector of its last one is", extents_overlap(&file, pieces, 2));
	is("nothing is free", extents_add_free(&spare, &file, 14 * BLOCK, 6 * BLOCK) &&
			      !spare.n && !extents_bytes(&spare));
	is("parts of both are", extents_add_free(&spare, &file, 0, 11 * BLOCK) &&
				extents_add_free(&spare, &file, 25 * BLOCK, 40 * BLOCK) &&
				spare.n == 2 && extents_bytes(&spare) == 4 * BLOCK);
	extents_pieces(&spare, 1000, pieces);
	is("one behind the other",
	   spare.v[0].logical == 8 * BLOCK && spare.v[1].logical == 5 * BLOCK &&
	   pieces[0].start == 1000 && pieces[0].length == 8 && pieces[0].at == 80 &&
	   pieces[1].start == 1008 && pieces[1].length == 24 && pieces[1].at == 200);
	extents_cut(&spare, 3 * BLOCK);
	is("less of it", spare.n == 2 && spare.v[1].length == 2 * BLOCK);
	extents_cut(&spare, BLOCK);
	is("still less", spare.n == 1 && extents_bytes(&spare) == BLOCK);
	extents_cut(&spare, 0);
	is("nothing", !spare.n);
	extents_free(&spare);
}

/* A file of 12 blocks, and another one that is the device on which it lies */
static void test_marks(void)
{
	struct extent parts[] = { part(0, 20, 8, 0), part(8, 10, 4, 0) };
	struct extents extents = { parts, 2 };
	struct mark mark = { .id = "0123456789abcde", .unit = BLOCK };
	static unsigned char data[12 * BLOCK], one[BLOCK], two[BLOCK];
	FILE *file = tmpfile(), *device = tmpfile();

	mark_fill(&mark, 0, one);
	mark_fill(&mark, BLOCK, two);
	is("no mark is like another", memcmp(one, two, BLOCK));
	is("they are written", file && device && !ftruncate(fileno(file), 12 * BLOCK) &&
			       extents_mark(fileno(file), &extents, &mark));
	is("not to all of it", pread(fileno(file), data, sizeof(data), 0) ==
			       sizeof(data) && !data[BLOCK] &&
			       !memcmp(data, one, BLOCK));
	is("on an empty device they are not found",
	   !extents_prove(fileno(device), &extents, &mark, why, sizeof(why)) &&
	   strstr(why, "not where"));
	is("the device", pwrite(fileno(device), data, 8 * BLOCK, 20 * BLOCK) > 0 &&
			 pwrite(fileno(device), data + 8 * BLOCK, 4 * BLOCK, 10 * BLOCK) > 0);
	is("there they are found", extents_prove(fileno(device), &extents,
						 &mark, why, sizeof(why)));
	parts[1].length -= BLOCK;
	is("not at another end", !extents_prove(fileno(device), &extents, &mark,
						why, sizeof(why)));
	parts[1].length += BLOCK;
	parts[0].physical += BLOCK;
	is("nor in another place", !extents_prove(fileno(device), &extents,
						  &mark, why, sizeof(why)));
	parts[0].physical -= BLOCK;
	mark.id[0]++;
	is("nor those of another file", !extents_prove(fileno(device), &extents,
						       &mark, why, sizeof(why)));
}

int main(void)
{
	test_check();
	test_flags();
	test_join();
	test_spare();
	test_marks();
	return done();
}
