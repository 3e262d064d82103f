/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the users of a device see with an inner target, told from its arguments
 * alone: the one table by which "attach" is careful and "detach" is. Pure
 * functions: nothing here looks at the system.
 */
#ifndef INTERPOSECTL_VIEW_H
#define INTERPOSECTL_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#define VIEW_ARGS_MAX	300
#define VIEW_WHY_MAX	320

enum sight {
	SIGHT_SAME,		/* the device's data */
	SIGHT_OTHER,		/* other data, or none */
	SIGHT_OVERWRITES,	/* and the device's data are written over */
	SIGHT_UNKNOWN,
};

/* Another device that the target writes to */
struct view_device {
	const char *word;	/* one of the arguments, or within it */
	/*
	 * If it begins with something else than zeroes, that is from an earlier
	 * use, and the target goes on from there: with what the device held then
	 */
	bool begins_anew;
	unsigned long long at;	/* sector where that is looked for */
};

struct view {
	enum sight sight;	/* as it is attached */
	bool lacks_data;	/* the device, when it is detached */
	char why[VIEW_WHY_MAX];	/* for a sight other than SIGHT_SAME */
	struct view_device devices[VIEW_ARGS_MAX];
	size_t n_devices;
};

/* Does that argument stand for the interposed device? */
typedef bool view_is_own(const char *word, const void *data);

/* @argv: of the inner target, behind its name */
void view_of(const char *type, int argc, const char *const argv[],
	     view_is_own *own, const void *data, struct view *view);

/*
 * The words of an inner target's arguments as dm_split_args() finds them, where
 * a backslash takes the meaning from what follows. @line is changed. Returns
 * how many there are, or -1: more than @max.
 */
int view_split(char *line, const char *argv[], int max);

#endif
