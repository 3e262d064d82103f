// SPDX-License-Identifier: GPL-2.0
/*
 * prune: old backups go, and the chain stays whole.
 *
 *     A <-- B <-- C      without A:      B <-- C
 *
 * One on which nothing is based is removed. Else it gets what the next one has, and
 * then has its name, at once:
 *
 *     1. B.json says what B is, on its own, and "merging A"
 *     2. A.json is removed
 *     3. qemu-img commit: all that B has is in A.qcow2 now, too
 *     4. A.qcow2 becomes B.qcow2, on which C is based
 *     5. B.json no longer says "merging A"
 *
 * At each of these moments B and C are what they were: while A changes, B has all
 * that changes in it itself. Whoever is killed leaves "merging A", and the next prune
 * goes on at 3.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "command.h"
#include "copy.h"
#include "state.h"

/*
 * Which checksums it has then. No data extent crosses a border of PIECE_SIZE. Where B
 * has written a part of an extent of A, all that is between two borders gets new
 * ones, of what is read from B, after both were seen to be what they were.
 */

static uint64_t end_of(const struct extent *extent)
{
	return extent->start + extent->length;
}

static uint64_t cell_of(const struct extent *extent)
{
	return extent->start / PIECE_SIZE * PIECE_SIZE;
}

/* The first one of @extents, which are sorted, that ends behind @at */
static size_t first_behind(const struct extents *extents, uint64_t at)
{
	size_t from = 0, to = extents->n;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (end_of(&extents->v[middle]) > at)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

/* How many bytes of it are in @others */
static uint64_t overlap(const struct extent *extent, const struct extents *others)
{
	uint64_t bytes = 0;

	for (size_t i = first_behind(others, extent->start);
	     i < others->n && others->v[i].start < end_of(extent); i++) {
		const struct extent *other = &others->v[i];
		uint64_t start = other->start > extent->start ?
			other->start : extent->start;
		uint64_t end = end_of(other) < end_of(extent) ?
			end_of(other) : end_of(extent);

		bytes += end - start;
	}
	return bytes;
}

/* What is left of zeroes without @others */
static bool add_rest(struct extents *out, const struct extent *extent,
		     const struct extents *others)
{
	struct extent rest = *extent;
	bool good = true;

	for (size_t i = first_behind(others, extent->start);
	     i < others->n && others->v[i].start < end_of(extent) && good; i++) {
		const struct extent *other = &others->v[i];

		rest.length = other->start > rest.start ?
			other->start - rest.start : 0;
		if (rest.length)
			good = extents_add(out, &rest);
		rest.start = end_of(other);
	}
	rest.length = rest.start < end_of(extent) ?
		end_of(extent) - rest.start : 0;
	return good && (!rest.length || extents_add(out, &rest));
}

/* Where @lower's sums are of no use any more, from border to border */
static bool find_cells(const struct extents *lower, const struct extents *upper,
		       struct extents *cells)
{
	bool good = true;

	for (size_t i = 0; i < lower->n && good; i++) {
		const struct extent *extent = &lower->v[i];
		uint64_t bytes = overlap(extent, upper);
		struct extent cell = {
			.start = cell_of(extent),
			.length = PIECE_SIZE,
		};

		if (!extent->zero && bytes && bytes != extent->length &&
		    (!cells->n || cells->v[cells->n - 1].start != cell.start))
			good = extents_add(cells, &cell);
	}
	return good;
}

/* @in: those in the cells; @out: the others; what is in @above is of no interest */
static bool divide(const struct extents *from, const struct extents *cells,
		   const struct extents *above, struct extents *in,
		   struct extents *out)
{
	struct extents rest = { };
	bool good = true;

	for (size_t i = 0; i < from->n && good; i++) {
		const struct extent *extent = &from->v[i];

		if (!extent->zero && overlap(extent, cells))
			good = extents_add(in, extent);
		else if (!extent->zero && (!above || !overlap(extent, above)))
			good = extents_add(out, extent);
		else if (extent->zero && !above)
			good = add_rest(out, extent, cells);
		else if (extent->zero)
			good = add_rest(&rest, extent, above);
	}
	for (size_t i = 0; i < rest.n && good; i++)
		good = add_rest(out, &rest.v[i], cells);
	free(rest.v);
	return good;
}

/* All that there is in the cells, with new sums of what is in @file */
static bool sum_cells(const struct extents *lower, const struct extents *upper,
		      const struct extents *cells, const char *file,
		      struct extents *out)
{
	const struct extents *both[] = { lower, upper };
	struct ranges ranges = { };
	struct extents sums = { };
	bool good = true;
	size_t n = 0;

	ranges.v = calloc(lower->n + 2 * cells->n + upper->n + 1,
			  2 * sizeof(*ranges.v));
	for (size_t b = 0; b < 2 && ranges.v; b++)
		for (size_t i = 0; i < cells->n; i++)
			for (size_t j = first_behind(both[b], cells->v[i].start);
			     j < both[b]->n &&
			     both[b]->v[j].start < end_of(&cells->v[i]); j++) {
				const struct extent *extent = &both[b]->v[j];
				uint64_t start = extent->start, end = end_of(extent);

				if (start < cells->v[i].start)
					start = cells->v[i].start;
				if (end > end_of(&cells->v[i]))
					end = end_of(&cells->v[i]);
				ranges.v[n].start = start;
				ranges.v[n++].length = end - start;
			}
	ranges.n = n;
	good = ranges.v && ranges_merge(&ranges) &&
	       ranges_cut(&ranges, UINT64_MAX, &sums) &&
	       (!sums.n || copy_sum(file, &sums));
	for (size_t i = 0; i < sums.n && good; i++)
		good = extents_add(out, &sums.v[i]);
	free(ranges.v);
	free(sums.v);
	return good;
}

static int by_start(const void *a, const void *b)
{
	const struct extent *one = a, *two = b;

	return one->start < two->start ? -1 : one->start > two->start;
}

static bool merge_sums(const struct part *lower, struct part *upper)
{
	struct extents cells = { }, was_lower = { }, was_upper = { }, out = { };
	bool good;

	good = find_cells(&lower->extents, &upper->extents, &cells) &&
	       divide(&lower->extents, &cells, &upper->extents, &was_lower,
		      &out) &&
	       divide(&upper->extents, &cells, NULL, &was_upper, &out) &&
	       (!was_lower.n || copy_check(lower->file, &was_lower)) &&
	       (!was_upper.n || copy_check(upper->file, &was_upper)) &&
	       sum_cells(&lower->extents, &upper->extents, &cells, upper->file,
			 &out);
	free(cells.v);
	free(was_lower.v);
	free(was_upper.v);
	if (!good) {
		free(out.v);
		return false;
	}
	qsort(out.v, out.n, sizeof(*out.v), by_start);
	free(upper->extents.v);
	upper->extents = out;
	return extents_compact(&upper->extents);
}

/*
 * Merging
 */

static bool write_manifest(const struct backup *backup)
{
	return manifest_prepare(backup) && manifest_commit(backup);
}

/* Steps 1 and 2 */
static bool begin_merge(struct backup *lower, struct backup *upper)
{
	char path[NAME_MAX + 1];

	for (size_t i = 0; i < upper->n; i++) {
		struct part *part = &upper->parts[i], *below = NULL;

		if (strcmp(part->parent, lower->name))
			continue;
		for (size_t j = 0; j < lower->n; j++)
			if (!strcmp(lower->parts[j].file, part->backing))
				below = &lower->parts[j];
		if (!below) {
			complain("%s: %s is no image of %s", upper->name,
				 part->backing, lower->name);
			return false;
		}
		if (!merge_sums(below, part))
			return false;
		snprintf(part->merging, sizeof(part->merging), "%s",
			 part->backing);
		snprintf(part->parent, sizeof(part->parent), "%s",
			 below->parent);
		snprintf(part->backing, sizeof(part->backing), "%s",
			 below->backing);
		snprintf(part->full, sizeof(part->full), "%s", below->full);
	}
	snprintf(path, sizeof(path), "%s.json", lower->name);
	return write_manifest(upper) && step("rm %s", path) && !unlink(path) &&
	       sync_directory();
}

/* Steps 3 to 5; what is not there any more has been renamed */
static bool go_on_merging(struct backup *upper)
{
	for (size_t i = 0; i < upper->n; i++) {
		struct part *part = &upper->parts[i];
		const char *commit[] = { "qemu-img", "commit", "-q", "-d", "-f",
			"qcow2", part->file, NULL };

		if (!*part->merging || access(part->merging, F_OK))
			continue;
		if (run(commit) || !file_sync(part->merging))
			return false;
		if (step("mv %s %s", part->merging, part->file) &&
		    rename(part->merging, part->file)) {
			complain("cannot rename %s: %s", part->merging,
				 strerror(errno));
			return false;
		}
	}
	if (!sync_directory())
		return false;
	for (size_t i = 0; i < upper->n; i++)
		*upper->parts[i].merging = '\0';
	*upper->note = '\0';
	return write_manifest(upper);
}

static bool finish_merges(struct store *store)
{
	bool good = true;

	for (size_t i = 0; i < store->n; i++)
		if (*store->v[i].note)
			good &= go_on_merging(&store->v[i]);
	return good;
}

/*
 * Which
 */

/* Those of a source that the next one no longer has go with it */
static bool remove_parts(const struct backup *lower, const struct backup *upper)
{
	for (size_t i = 0; i < lower->n; i++) {
		bool used = false;

		for (size_t j = 0; j < upper->n; j++)
			used |= !strcmp(upper->parts[j].file,
					lower->parts[i].file) ||
				!strcmp(upper->parts[j].merging,
					lower->parts[i].file);
		if (!used && step("rm %s", lower->parts[i].file))
			unlink(lower->parts[i].file);
	}
	return true;
}

static bool drop(struct store *store, struct backup *backup)
{
	struct backup *child = NULL;
	char name[BACKUP_NAME_MAX];
	size_t n = store_children(store, backup, &child);

	snprintf(name, sizeof(name), "%s", backup->name);
	if (n > 1) {
		say("%s stays: %zu backups are based on it", name, n);
		return true;
	}
	if (!n && !store_remove(store, backup))
		return false;
	if (n && (!begin_merge(backup, child) || !remove_parts(backup, child) ||
		  !go_on_merging(child)))
		return false;
	if (n)
		say("%s is removed; %s has what it needs of it", name,
		    child->name);
	else
		say("%s is removed", name);
	return true;
}

/* ISO 8601 is in the order of time */
static bool is_young(const struct backup *backup, unsigned int days)
{
	time_t then = time(NULL) - days * 86400L;
	char text[32];
	struct tm tm;

	gmtime_r(&then, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return strcmp(backup->made, text) >= 0;
}

/* The oldest first; what is not good is left, and does not count */
static struct backup *next_to_drop(struct store *store, unsigned int keep,
				   unsigned int days, size_t skip)
{
	size_t good = 0;

	for (size_t i = 0; i < store->n; i++)
		good += !*store->v[i].problem;
	for (size_t i = 0; i < store->n && good > keep; i++) {
		struct backup *backup = &store->v[i];

		if (*backup->problem)
			continue;
		good--;
		if ((days && is_young(backup, days)) || skip-- > 0)
			continue;
		return backup;
	}
	return NULL;
}

bool prune(struct store *store, unsigned int keep, unsigned int days)
{
	struct backup *backup;
	size_t skip = 0, before;

	if (!options.dry_run && !finish_merges(store))
		return false;
	while (!interrupted() &&
	       (backup = next_to_drop(store, keep, days, skip))) {
		before = store->n;
		if (options.dry_run) {
			printf("# %s would be removed\n", backup->name);
			skip++;
			continue;
		}
		if (!drop(store, backup) || !store_read(store))
			return false;
		skip += store->n == before;
	}
	return !interrupted();
}

enum status prune_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "keep", required_argument, NULL, 'k' },
		{ "days", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	unsigned int keep = 0, days = 0;
	struct store store;
	int option;
	bool good;

	while ((option = next_option(argc, argv, "", longs, NULL)) != -1)
		if (option == '?' ||
		    !choose_count(optarg, option == 'k' ? "--keep" : "--days",
				  option == 'k' ? &keep : &days))
			return usage_error("backup");
	if (argc - optind != 1 || (!keep && !days)) {
		complain("backup prune: give one directory, and --keep or --days");
		return usage_error("backup");
	}
	if (!image_programs())
		return FAILED;
	good = store_open(&store, argv[optind], true, false);
	if (good) {
		store_clean(&store);
		good = prune(&store, keep ?: 1, days);
	}
	store_close(&store);
	return outcome(good);
}
