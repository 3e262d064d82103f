/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /etc/interposetab: what is to be interposed at boot, see interposetab(5). A
 * line that cannot be meant is complained about and left out; it never stops
 * the others. Pure functions: nothing here looks at the system.
 */
#ifndef INTERPOSETAB_H
#define INTERPOSETAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TAB_FILE	"/etc/interposetab"
#define TAB_LINE_MAX	4096
#define TAB_NAME_MAX	64
#define TAB_ARGS_MAX	256
#define TAB_PATH_MAX	(4 * TAB_LINE_MAX + 32)	/* of a device, escaped */

struct tab_entry {
	unsigned int line;		/* its number in the file */
	char *name;			/* of the mapped device */
	char *device;			/* a path in /dev, or UUID=... */
	bool noauto;
	bool nofail;
	bool pin;
	bool replace_data;		/* what the device shows may be other data */
	bool initramfs;
	const char *series;		/* that the metadata must hold, or NULL */
	char *args[TAB_ARGS_MAX + 1];	/* target and arguments, as written */
	unsigned int n_args;
	char *text;			/* of all these */
};

struct tab {
	struct tab_entry *v;
	size_t n;
	size_t n_bad;			/* lines that were left out */
};

/* @what: "FILE:LINE: what is wrong; what to do", without a newline */
typedef void tab_complain(const char *what, void *data);

/* False: no memory, or @file cannot be read. @name is for the complaints. */
bool tab_read(FILE *file, const char *name, tab_complain *complain, void *data,
	      struct tab *tab);
void tab_free(struct tab *tab);
/* All lines but those with that name. False: no memory, or an error */
bool tab_copy_without(FILE *from, const char *name, FILE *to);
const struct tab_entry *tab_find(const struct tab *tab, const char *name);

/* The path of what is a path already, or UUID=, LABEL=, PARTUUID=, PARTLABEL= */
bool tab_path(const char *device, char *path, size_t size);
/* Does that word of a line name a device? */
bool tab_is_device(const char *word);
/*
 * FILE=/path: a file on which a loop device is to be made. In the path a blank is
 * \x20, and so is any other byte that cannot stand in a word.
 */
bool tab_is_file(const char *word);
bool tab_file(const char *word, char *path, size_t size);
bool tab_file_word(const char *path, char *word, size_t size);
/*
 * OWN=/path: a file on the device of the line itself. The path is that in its file
 * system, wherever that is mounted; it is written and read as the other one.
 */
bool tab_is_own(const char *word);
bool tab_own_word(const char *path, char *word, size_t size);
const char *tab_own_of(const struct tab_entry *entry);
/* Can it stand in the file, and in a unit of systemd? */
bool tab_file_is_good(const char *path);
/* The file of a line, as written, or NULL */
const char *tab_file_of(const struct tab_entry *entry);
/*
 * An argument for the kernel: %d is @path, %n is @sectors, %% is a percent sign,
 * and a device is its path. False: too long
 */
bool tab_argument(const char *word, const char *path, uint64_t sectors,
		  char *out, size_t size);
/* "dev-sda1.device" of "/dev/sda1", as systemd escapes paths. False: too long */
bool tab_unit(const char *path, const char *suffix, char *unit, size_t size);

#endif
