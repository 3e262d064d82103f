// SPDX-License-Identifier: GPL-2.0
/*
 *     "mirror", { "core", "1", "1024", "2", "/dev/sdb1", "0", "/dev/sda1", "0" }
 *          |
 *          v
 *     views[] --> see_mirror() --> SIGHT_OVERWRITES, and why
 *
 * What cannot be understood is never taken for the device's own data: a
 * constructor in the kernel may be more lenient than what is written here.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "parse.h"
#include "view.h"

struct args {
	const char *type;
	int argc;
	const char *const *argv;
	view_is_own *own;
	const void *data;
	bool is_data[VIEW_ARGS_MAX];	/* where the device may stand */
	struct view *view;
};

/*
 * The arguments
 */

static const char *word(const struct args *a, int i)
{
	return i >= 0 && i < a->argc ? a->argv[i] : "";
}

static bool is(const struct args *a, int i, const char *text)
{
	return !strcasecmp(word(a, i), text);
}

/* -1: none, or none that is of use here */
static long number(const struct args *a, int i)
{
	uint64_t n;

	return parse_number(word(a, i), &n) && n < 1 << 30 ? (long)n : -1;
}

static bool is_own(const struct args *a, int i)
{
	return i >= 0 && i < a->argc && a->own(a->argv[i], a->data);
}

/*
 * The verdict
 */

__attribute__((format(printf, 3, 4)))
static void see(struct args *a, enum sight sight, const char *format, ...)
{
	struct view *view = a->view;
	va_list args;

	view->sight = sight;
	if (sight == SIGHT_SAME)
		return;
	va_start(args, format);
	vsnprintf(view->why, sizeof(view->why), format, args);
	va_end(args);
}

static void see_unknown(struct args *a)
{
	a->view->lacks_data = true;
	see(a, SIGHT_UNKNOWN,
	    "it is not known what its users would see through '%s' with these arguments",
	    a->type);
}

static struct view_device *writes(struct args *a, const char *device)
{
	struct view_device *more;

	if (!*device || a->view->n_devices == VIEW_ARGS_MAX) {
		see_unknown(a);
		return NULL;
	}
	more = &a->view->devices[a->view->n_devices++];
	*more = (struct view_device){ .word = device };
	return more;
}

/* Metadata that must be new, or the target shows what it knows from before */
static void writes_anew(struct args *a, const char *device,
			unsigned long long at)
{
	struct view_device *more = writes(a, device);

	if (!more)
		return;
	more->begins_anew = true;
	more->at = at;
}

/* "DEVICE OFFSET" at @i is what is seen */
static bool sees_start(struct args *a, int i)
{
	if (i + 1 >= a->argc) {
		see_unknown(a);
		return false;
	}
	a->is_data[i] = true;
	if (is_own(a, i) && !number(a, i + 1))
		return true;
	a->view->lacks_data = true;
	if (is_own(a, i))
		see(a, SIGHT_OTHER, "'%s' would show it from sector %s on, not from the start",
		    a->type, word(a, i + 1));
	else
		see(a, SIGHT_OTHER, "its users would see what is on %s instead",
		    word(a, i));
	return false;
}

static bool sees_device(struct args *a, int i)
{
	if (i >= a->argc) {
		see_unknown(a);
		return false;
	}
	a->is_data[i] = true;
	if (is_own(a, i))
		return true;
	a->view->lacks_data = true;
	see(a, SIGHT_OTHER, "its users would see what is on %s instead",
	    word(a, i));
	return false;
}

/*
 * Targets of one device
 */

static void see_start(struct args *a)
{
	sees_start(a, 0);
}

static void see_device(struct args *a)
{
	sees_device(a, 0);
}

/* Reads, writes and flushes may each go to a place of their own */
static void see_delay(struct args *a)
{
	for (int i = 0; i == 0 || i + 1 < a->argc; i += 3)
		if (!sees_start(a, i))
			return;
}

static void see_flakey(struct args *a)
{
	static const char *const wrong[] = { "drop_writes", "corrupt_bio_byte",
		"random_read_corrupt", "random_write_corrupt" };

	if (!sees_start(a, 0))
		return;
	if (a->argc < 4)
		see_unknown(a);
	else if (!number(a, 2) && number(a, 3) && !is(a, 5, "error_writes") &&
		 !is(a, 5, "error_reads"))
		see(a, SIGHT_OTHER, "'flakey' without an up interval would fail all I/O");
	for (int i = 4; i < a->argc; i++)
		for (size_t j = 0; j < sizeof(wrong) / sizeof(*wrong); j++)
			if (is(a, i, wrong[j]))
				see(a, SIGHT_OVERWRITES, "with '%s' data would be lost or damaged",
				    wrong[j]);
}

static void see_nothing(struct args *a)
{
	for (int i = 0; i < a->argc; i++)
		a->is_data[i] = true;
	see(a, SIGHT_OTHER, !strcmp(a->type, "zero") ?
	    "its users would read zeroes, and what they write would be lost" :
	    "all reads and writes would fail");
}

static void see_crypt(struct args *a)
{
	for (int i = 0; i < a->argc && i < VIEW_ARGS_MAX; i++)
		a->is_data[i] = true;
	a->view->lacks_data = true;
	see(a, SIGHT_OTHER, "its users would see it through '%s', which would turn its data into something else",
	    a->type);
}

/*
 * Targets with metadata
 */

static void see_log_writes(struct args *a)
{
	if (sees_device(a, 0))
		writes(a, word(a, 1));
}

static void see_era(struct args *a)
{
	writes(a, word(a, 0));
	sees_device(a, 1);
}

static void see_thin_pool(struct args *a)
{
	writes(a, word(a, 0));
	sees_device(a, 1);
}

/*
 * With passthrough nothing is read from the cache. What is dirty in it, which the
 * device lacks, its status tells.
 */
static void see_cache(struct args *a)
{
	bool anew = true;
	long features = number(a, 4);

	for (int i = 5; i < 5 + features && i < a->argc; i++)
		anew &= !is(a, i, "passthrough");
	if (anew)
		writes_anew(a, word(a, 0), 0);
	else
		writes(a, word(a, 0));
	writes(a, word(a, 1));
	if (features < 0)
		see_unknown(a);
	else
		sees_device(a, 2);
}

static void see_writecache(struct args *a)
{
	unsigned long long at = 0;
	long options = number(a, 4);

	if (options < 0) {
		see_unknown(a);
		return;
	}
	for (int i = 5; i < 5 + options && i < a->argc; i++)
		if (is(a, i, "start_sector") && number(a, i + 1) > 0)
			at = number(a, i + 1);
	writes_anew(a, word(a, 2), at);
	sees_device(a, 1);
	a->view->lacks_data = true;
}

/* The source is what is seen, until it is written to */
static void see_clone(struct args *a)
{
	writes_anew(a, word(a, 0), 0);
	a->view->lacks_data = true;
	if (is_own(a, 1)) {
		a->is_data[1] = true;
		see(a, SIGHT_OVERWRITES, "'clone' would copy %s over it",
		    word(a, 2));
		return;
	}
	writes(a, word(a, 1));
	sees_device(a, 2);
}

static void see_snapshot(struct args *a)
{
	if (toupper((unsigned char)*word(a, 2)) == 'N')
		writes(a, word(a, 1));
	else
		writes_anew(a, word(a, 1), 0);
	sees_device(a, 0);
	a->view->lacks_data = true;
}

static void see_merge(struct args *a)
{
	a->view->lacks_data = true;
	if (!sees_device(a, 0))
		return;
	see(a, SIGHT_OVERWRITES, "the snapshot on %s would be merged into it, and overwrite its data",
	    word(a, 1));
	writes(a, word(a, 1));
}

static void see_thin(struct args *a)
{
	a->view->lacks_data = true;
	if (is_own(a, 2))
		a->is_data[2] = true;
	see(a, SIGHT_OTHER, "its users would see the thin volume %s of %s%s",
	    word(a, 1), word(a, 0),
	    is_own(a, 2) ? ", which may have other data already" : " instead");
}

/*
 * Checksums of what is there have to be made, and a journal of an earlier use
 * would be written over what has changed since.
 */
static void see_integrity(struct args *a)
{
	static const char meta[] = "meta_device:";
	const char *device = NULL;
	bool calculates = false;

	for (int i = 5; i < a->argc; i++) {
		if (!strncmp(word(a, i), meta, strlen(meta)))
			device = word(a, i) + strlen(meta);
		calculates |= !strcmp(word(a, i), "recalculate") ||
			      !strcmp(word(a, i), "reset_recalculate");
	}
	if (!sees_start(a, 0))
		return;
	if (!device || a->own(device, a->data)) {
		a->view->lacks_data = true;
		see(a, SIGHT_OVERWRITES, "'integrity' would overwrite it with checksums; put these on another device with meta_device:DEVICE");
		return;
	}
	writes_anew(a, device, 0);
	if (!calculates)
		see(a, SIGHT_OTHER, "without 'recalculate' there are no checksums of its data, and every read would fail");
}

/* Data and hashes may be on the same device; nothing is written */
static void see_verity(struct args *a)
{
	if (sees_device(a, 1))
		a->is_data[2] = true;
}

/*
 * Targets of several devices
 */

/* The others are written to: first with what the first one has */
static void see_legs(struct args *a, int first, long legs)
{
	sees_start(a, first);
	for (int i = first + 2; i < first + 2 * legs; i += 2) {
		if (!is_own(a, i)) {
			writes(a, word(a, i));
			continue;
		}
		a->is_data[i] = true;
		a->view->lacks_data = true;
		see(a, SIGHT_OVERWRITES, "the mirror would copy its first leg, %s, over it; make the device itself the first leg",
		    word(a, first));
	}
}

static void see_mirror(struct args *a)
{
	long log_args = number(a, 1);
	int at = 2 + (log_args < 0 ? 0 : log_args);
	long legs = number(a, at);

	if (log_args < 0 || at >= a->argc || legs < 1 ||
	    at + 2 * legs >= a->argc) {
		see_unknown(a);
		return;
	}
	if (is(a, 0, "disk"))
		writes(a, word(a, 2));
	else if (!is(a, 0, "core")) {
		see_unknown(a);
		return;
	}
	see_legs(a, at + 1, legs);
}

static void see_striped(struct args *a)
{
	long stripes = number(a, 0);

	if (stripes == 1) {
		sees_start(a, 2);
		return;
	}
	see_crypt(a);
	see(a, SIGHT_OTHER, "its users would see stripes of it and of other devices in turn");
}

static void see_switch(struct args *a)
{
	long paths = number(a, 0), options = number(a, 2);

	if (paths < 1 || options < 0 || 3 + options + 2 * paths > a->argc) {
		see_unknown(a);
		return;
	}
	for (int i = 3 + options; i + 1 < a->argc; i += 2)
		if (!sees_start(a, i))
			break;
	for (int i = 3 + options; i < a->argc && i < VIEW_ARGS_MAX; i += 2)
		a->is_data[i] = true;
}

static void see_unstriped(struct args *a)
{
	if (number(a, 0) == 1) {
		sees_start(a, 3);
		return;
	}
	see_crypt(a);
	see(a, SIGHT_OTHER, "its users would see one stripe in %s of %s",
	    word(a, 0), word(a, 3));
}

/*
 * raid: "TYPE #PARAMS CHUNK [PARAM...] #DEVICES {META DATA}..."
 */

struct raid {
	long params, devices;
	int first;			/* META of leg 0 */
	int own;			/* its leg, or -1 */
	bool copies;			/* each leg has everything */
	bool trusted;			/* metadata is, or has to be believed */
	bool rebuilds[VIEW_ARGS_MAX];
};

static bool read_raid(struct args *a, struct raid *raid)
{
	raid->params = number(a, 1);
	if (raid->params < 1 || 2 + raid->params >= a->argc)
		return false;
	raid->devices = number(a, 2 + raid->params);
	raid->first = 3 + raid->params;
	if (raid->devices < 1 || raid->first + 2 * raid->devices > a->argc)
		return false;
	raid->own = -1;
	for (int leg = raid->devices; leg--; )
		if (is_own(a, raid->first + 2 * leg + 1))
			raid->own = leg;
	return true;
}

static void read_raid_params(struct args *a, struct raid *raid)
{
	bool near = is(a, 0, "raid10") || is(a, 0, "raid10_near");
	long copies = 2;

	for (int i = 3; i < 2 + raid->params; i++) {
		if (is(a, i, "nosync"))
			raid->trusted = true;
		else if (is(a, i, "rebuild") && number(a, i + 1) >= 0 &&
			 number(a, i + 1) < VIEW_ARGS_MAX)
			raid->rebuilds[number(a, i + 1)] = true;
		else if (is(a, i, "raid10_copies"))
			copies = number(a, i + 1);
		else if (is(a, i, "raid10_format") && !is(a, i + 1, "near"))
			near = false;
	}
	raid->copies = is(a, 0, "raid1") || (near && copies == raid->devices);
}

/* What moves the data on the legs, or is for another layout of them */
static bool raid_is_moved(const struct args *a, const struct raid *raid)
{
	for (int i = 3; i < 2 + raid->params; i++)
		if (is(a, i, "data_offset") || is(a, i, "delta_disks"))
			return true;
	return false;
}

/* Without "rebuild" a leg counts as good, if its metadata does not tell */
static bool raid_reads_stale_leg(const struct args *a, const struct raid *raid)
{
	bool all = true, metadata = true;

	for (int leg = 0; leg < raid->devices; leg++) {
		all &= leg == raid->own || raid->rebuilds[leg];
		metadata &= !is(a, raid->first + 2 * leg, "-");
	}
	return !all && (raid->trusted || !metadata || raid->own);
}

static void see_copies(struct args *a, struct raid *raid)
{
	bool all = true;

	a->is_data[raid->first + 2 * raid->own + 1] = true;
	for (int leg = 0; leg < raid->devices; leg++)
		all &= leg == raid->own || raid->rebuilds[leg];
	for (int leg = 0; leg < raid->devices; leg++) {
		int at = raid->first + 2 * leg;

		if (!is(a, at, "-") && all)
			writes(a, word(a, at));
		else if (!is(a, at, "-"))
			writes_anew(a, word(a, at), 0);
		if (leg != raid->own && !is(a, at + 1, "-"))
			writes(a, word(a, at + 1));
	}
	if (raid->rebuilds[raid->own])
		see(a, SIGHT_OVERWRITES, "'rebuild %d' would copy another leg over it",
		    raid->own);
	else if (raid_reads_stale_leg(a, raid))
		see(a, SIGHT_OTHER, "without 'rebuild %d' the other leg is taken to be in sync, and its users could read that one",
		    raid->own ? 0 : 1);
}

static void see_raid(struct args *a)
{
	struct raid raid = { };

	if (!read_raid(a, &raid)) {
		see_unknown(a);
		return;
	}
	read_raid_params(a, &raid);
	if (raid.copies && raid.own >= 0 && !raid_is_moved(a, &raid)) {
		see_copies(a, &raid);
		return;
	}
	a->view->lacks_data = true;
	if (raid.copies && raid.own < 0) {
		see(a, SIGHT_OTHER, "its users would see an array that it is not a leg of");
		return;
	}
	for (int leg = 0; leg < raid.devices; leg++)
		a->is_data[raid.first + 2 * leg + 1] = true;
	see(a, SIGHT_OTHER, "its users would see a '%s' array of which it holds only a part",
	    word(a, 0));
}

/* The kernel says why not */
static void see_refused(struct args *a)
{
	(void)a;
}

/*
 * The table
 */

static const struct {
	const char *type;
	void (*see)(struct args *a);
} views[] = {
	{ "linear", see_start },
	{ "delay", see_delay },
	{ "dust", see_start },
	{ "ebs", see_start },
	{ "flakey", see_flakey },
	{ "error", see_nothing },
	{ "zero", see_nothing },
	{ "snapshot-origin", see_device },
	{ "log-writes", see_log_writes },
	{ "era", see_era },
	{ "cache", see_cache },
	{ "writecache", see_writecache },
	{ "clone", see_clone },
	{ "snapshot", see_snapshot },
	{ "snapshot-merge", see_merge },
	{ "thin-pool", see_thin_pool },
	{ "thin", see_thin },
	{ "integrity", see_integrity },
	{ "verity", see_verity },
	{ "mirror", see_mirror },
	{ "raid", see_raid },
	{ "striped", see_striped },
	{ "switch", see_switch },
	{ "unstriped", see_unstriped },
	{ "crypt", see_crypt },
	{ "vdo", see_crypt },
	{ "multipath", see_refused },
	{ "zoned", see_refused },
	{ "interpose", see_refused },
};

/* The device where another one is to be: for records, or a second time */
static void look_for_strays(struct args *a)
{
	for (int i = 0; i < a->argc; i++) {
		if (a->is_data[i] || !is_own(a, i))
			continue;
		see(a, SIGHT_OVERWRITES, "'%s' would overwrite it (argument %d must be another device)",
		    a->type, i + 1);
		a->view->lacks_data = true;
	}
}

void view_of(const char *type, int argc, const char *const argv[],
	     view_is_own *own, const void *data, struct view *view)
{
	struct args a = { .type = type, .argc = argc, .argv = argv,
			  .own = own, .data = data, .view = view };

	memset(view, 0, sizeof(*view));
	if (argc > VIEW_ARGS_MAX) {
		see_unknown(&a);
		return;
	}
	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
		if (strcmp(type, views[i].type))
			continue;
		views[i].see(&a);
		if (view->sight != SIGHT_UNKNOWN)
			look_for_strays(&a);
		return;
	}
	see_unknown(&a);
}

int view_split(char *line, const char *argv[], int max)
{
	char *in = line, *out;
	int n = 0;

	for (;;) {
		while (isspace((unsigned char)*in))
			in++;
		if (!*in)
			return n;
		if (n == max)
			return -1;
		argv[n++] = out = in;
		while (*in && !isspace((unsigned char)*in)) {
			if (*in == '\\' && in[1])
				in++;
			*out++ = *in++;
		}
		if (*in)
			in++;
		*out = '\0';
	}
}
