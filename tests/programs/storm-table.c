// SPDX-License-Identifier: GPL-2.0-only
/* Tables at random, and whether the kernel shows what was loaded. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "storm.h"

static const char * const inner_names[NR_INNERS] = {
	[INNER_LINEAR]	= "linear",
	[INNER_FLAKEY]	= "flakey",
	[INNER_DELAY]	= "delay",
	[INNER_ERA]	= "era",
	[INNER_ORIGIN]	= "snapshot-origin",
	[INNER_DROP]	= "flakey",
};

bool storm_table_has(const struct storm_table *table, enum storm_inner inner)
{
	unsigned int i;

	for (i = 0; i < table->nr; i++)
		if (table->inner[i] == inner)
			return true;
	return false;
}

static int inner_params(struct storm_device *dev, enum storm_inner inner,
			const char *device, uint64_t start, char *out,
			size_t size)
{
	switch (inner) {
	case INNER_LINEAR:
		return snprintf(out, size, "linear %s %llu", device,
				(unsigned long long)start);
	case INNER_FLAKEY:
		return snprintf(out, size, "flakey %s %llu 3600 0", device,
				(unsigned long long)start);
	case INNER_DROP:
		return snprintf(out, size,
				"flakey %s %llu 0 3600 1 drop_writes", device,
				(unsigned long long)start);
	case INNER_DELAY:
		/* reads and writes; now and then long, which a detach ends */
		return snprintf(out, size, "delay %s %llu %u", device,
				(unsigned long long)start,
				random_chance(&dev->rnd, 8) ? 2000 :
				(unsigned int)random_below(&dev->rnd, 20));
	case INNER_ERA:
		return snprintf(out, size, "era %s %s 128", dev->era_metadata,
				device);
	default:
		if (random_chance(&dev->rnd, 2))
			return snprintf(out, size, "snapshot-origin");
		return snprintf(out, size, "snapshot-origin %s", device);
	}
}

static void table_line(struct storm_device *dev, struct storm_table *table,
		       uint64_t start, uint64_t end, enum storm_inner inner)
{
	unsigned int i = table->nr++;
	const char *device = random_chance(&dev->rnd, 2) ? dev->path :
			     dev->devno;
	char *out = table->params[i];
	size_t size = sizeof(table->params[i]);
	int n;

	n = snprintf(out, size, "%s %s", device, table->pin ? "1 pin " : "");
	inner_params(dev, inner, device, start, out + n, size - n);
	table->inner[i] = inner;
	table->line[i] = (struct dm_line){
		.start = start,
		.length = end - start,
		.type = "interpose",
		.params = out,
	};
}

void storm_table_simple(struct storm_device *dev, struct storm_table *table,
			enum storm_inner inner)
{
	*table = (struct storm_table){ .nr = 0 };
	table_line(dev, table, 0, dev->sectors, inner);
}

/* Two or three lines, cut anywhere, also within a bio. */
static void table_mixed(struct storm_device *dev, struct storm_table *table)
{
	unsigned int nr = 2 + random_below(&dev->rnd, NR_LINES - 1), i;
	uint64_t cut = 0, end;

	for (i = 0; i < nr; i++) {
		end = dev->sectors;
		if (i + 1 < nr)
			end = cut + 1 +
			      random_below(&dev->rnd, (end - cut) / 2);
		table_line(dev, table, cut, end,
			   random_below(&dev->rnd, INNER_DELAY + 1));
		cut = end;
	}
}

/*
 * Two era targets must never have the same metadata open, as everywhere with
 * device-mapper: era does not follow itself.
 */
void storm_table_random(struct storm_device *dev, struct storm_table *table)
{
	bool era = !storm_table_has(&dev->live, INNER_ERA);
	enum storm_inner inner;

	*table = (struct storm_table){
		.pin = random_chance(&dev->rnd, 8),
	};
	if (storm.drop) {
		table_line(dev, table, 0, dev->sectors, INNER_DROP);
		return;
	}
	if (random_chance(&dev->rnd, 5)) {
		table_mixed(dev, table);
		return;
	}
	do {
		inner = random_below(&dev->rnd, INNER_ORIGIN + 1);
	} while (inner == INNER_ERA && !era);
	table_line(dev, table, 0, dev->sectors, inner);
}

static const char *state_name(const struct storm_device *dev)
{
	return dev->state == SUSPENDED ? "held" : "attached";
}

struct status_line {
	unsigned long long start, length;
	char target[32], state[16], device[16], beneath[32], pin[16], inner[32];
};

static void parse_status(struct storm_device *dev, const char *text,
			 struct status_line *line)
{
	int n = sscanf(text,
		       "%llu %llu %31s %15s %15s %31s %*u %*u %15s %31s",
		       &line->start, &line->length, line->target, line->state,
		       line->device, line->beneath, line->pin, line->inner);

	if (n != 8)
		storm_fail(dev, "cannot read the status line: %s", text);
}

static void check_status_line(struct storm_device *dev, unsigned int i,
			      const char *text)
{
	const struct dm_line *line = &dev->live.line[i];
	struct status_line got;

	parse_status(dev, text, &got);
	if (got.start != line->start || got.length != line->length ||
	    strcmp(got.target, "interpose") ||
	    strcmp(got.state, state_name(dev)) ||
	    strcmp(got.device, dev->devno) ||
	    strcmp(got.pin, dev->pinned ? "pinned" : "-") ||
	    strcmp(got.inner, inner_names[dev->live.inner[i]]))
		storm_fail(dev, "wanted %s, %s, %s; the status is: %s",
			   state_name(dev),
			   dev->pinned ? "pinned" : "not pinned",
			   inner_names[dev->live.inner[i]], text);
	snprintf(dev->beneath, sizeof(dev->beneath), "/dev/%s", got.beneath);
}

bool storm_is_mute(const struct storm_device *dev)
{
	return dev->state == SUSPENDED &&
	       storm_table_has(&dev->live, INNER_ERA);
}

/* As many lines as were loaded, and each says what the model says. */
void storm_check_status(struct storm_device *dev)
{
	char text[4096], *pos = text, *end;
	unsigned int i;
	int r;

	if (storm_is_mute(dev))
		return;
	r = dm_status(dev->dm, random_chance(&dev->rnd, 2) ? DM_NOFLUSH_FLAG : 0,
		      text, sizeof(text));
	if (dev->state == GONE && r == -ENXIO)
		return;
	if (dev->state == GONE || r)
		storm_fail(dev, "status: %s", strerror(-r));
	if (dev->state == EMPTY) {
		if (*text)
			storm_fail(dev, "wanted no table, got: %s", text);
		return;
	}
	if (dev->state == WIPED) {
		if (!strstr(text, " error"))
			storm_fail(dev, "wanted an error target, got: %s", text);
		return;
	}
	for (i = 0; i < dev->live.nr; i++) {
		end = strchr(pos, '\n');
		if (!end)
			storm_fail(dev, "only %u lines of status", i);
		*end = '\0';
		check_status_line(dev, i, pos);
		pos = end + 1;
	}
	if (*pos)
		storm_fail(dev, "more lines than were loaded: %s", pos);
}

/*
 * The table that is printed can be loaded again: it names the device, also for
 * the inner target, and not what is beneath.
 */
void storm_check_table(struct storm_device *dev)
{
	char text[4096], start[128], *pos = text;
	unsigned int i;
	int r;

	r = dm_status(dev->dm, DM_STATUS_TABLE_FLAG, text, sizeof(text));
	if (r)
		storm_fail(dev, "table: %s", strerror(-r));
	for (i = 0; i < dev->live.nr; i++) {
		const struct dm_line *line = &dev->live.line[i];
		enum storm_inner inner = dev->live.inner[i];

		snprintf(start, sizeof(start), "%llu %llu interpose %s %s%s %s",
			 (unsigned long long)line->start,
			 (unsigned long long)line->length, dev->devno,
			 dev->live.pin ? "1 pin " : "", inner_names[inner],
			 inner == INNER_ERA ? "" : dev->devno);
		if (strncmp(pos, start, strlen(start)))
			storm_fail(dev, "wanted '%s...', the table is: %s",
				   start, pos);
		pos = strchr(pos, '\n') + 1;
	}
	if (*pos)
		storm_fail(dev, "more lines than were loaded: %s", pos);
}
