/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mapped devices, by libdevmapper. What changes one is a step, printed as the
 * dmsetup command that does the same.
 */
#ifndef INTERPOSECTL_MAP_H
#define INTERPOSECTL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MAP_NAME_MAX	128
#define MAP_UUID_MAX	129

/*
 * MAP_ORIGIN: the snapshot-origin beneath an era. MAP_STORE: the blocks of a file,
 * beneath the hook of the device on which they are. MAP_LOOK: a snapshot that nobody
 * is to see, for as long as a command looks at it
 */
enum map_kind { MAP_INTERPOSER, MAP_SNAPSHOT, MAP_ORIGIN, MAP_STORE, MAP_LOOK };

struct map_info {
	char name[MAP_NAME_MAX];
	char uuid[MAP_UUID_MAX];
	dev_t dev;
	bool exists;
	bool suspended;
	bool loaded;			/* a table that is live after the next resume */
	unsigned int open_count;
};

struct map_line {
	uint64_t length;
	char *type;
	char *params;
};

/* A line of the target linear, in sectors; @at: on the device beneath */
struct map_piece {
	uint64_t start, length, at;
};

void map_setup(void);
/* Whatever libdevmapper reads from a file at its first use, is read */
void map_warm_up(void);
/* For a process that does not wait for udev, since nobody may be left who could */
void map_without_udev(void);

/* What to do on a kernel without what is needed; %s is a module */
#define MAP_REMEDY \
	"boot a kernel with dm-interpose; if this is one, modprobe %s shows what is wrong"

/* This kernel has no device-mapper; nothing is printed */
bool map_is_missing(void);
/* It has, and it can be used; false: the reason has been printed */
bool map_is_usable(void);

/* Reading */
int map_each(bool (*each)(const char *name, dev_t dev, void *data), void *data);
bool map_info(const char *name, struct map_info *info);
/* By its number, whatever it is called by now; @name is for the messages */
bool map_info_of(dev_t dev, const char *name, struct map_info *info);
bool map_status_of(dev_t dev, struct map_line *line);
bool map_table_of(dev_t dev, struct map_line *line);
/* What interposectl has made under that name, also if it was renamed since */
bool map_made(enum map_kind kind, const char *name, struct map_info *info);
/* It has been made as that, under any name */
bool map_is_of(enum map_kind kind, const char *uuid);
/* The name that was given to it then; NULL: it has not been made as that */
const char *map_made_as(enum map_kind kind, const char *uuid);
bool map_with_uuid(const char *uuid, struct map_info *info);
#define MAP_OTHER_NAME	"choose another --name"
/* For a new one? False: it has been said why not, and the @remedy */
bool map_is_free(enum map_kind kind, const char *name, const char *remedy);
/* 1: the kernel has that target; 0: it does not; -1: unknown */
int map_has_target(const char *type);
/* The first line; false: none. To be freed with map_line_free */
bool map_status(const char *name, struct map_line *line);
bool map_table(const char *name, struct map_line *line);
void map_line_free(struct map_line *line);
/* All lines of one of linear, to be freed; false: it is none. @loaded: of the table to come */
bool map_pieces(dev_t dev, bool loaded, struct map_piece **pieces, size_t *n);

/* "x", which may also be typed as it is printed elsewhere, "/dev/mapper/x" */
const char *map_name(const char *argument);

/* Steps; false: failed, and the reason has been printed */
/*
 * @made: something is there now that this has created, also if it failed; it is
 * set as soon as that is so. @cookie: to be waited for later with map_wait().
 */
bool map_create(const char *name, enum map_kind kind, uint64_t sectors,
		const char *type, const char *params, uint32_t *cookie,
		bool *made);
/*
 * The two parts of it: what is printed, and, if that is not all, what is done.
 * @loaded: or NULL; called before the first step in which others have to wait.
 */
bool map_create_step(const char *name, enum map_kind kind, uint64_t sectors,
		     const char *type, const char *params);
bool map_make(const char *name, enum map_kind kind, uint64_t sectors,
	      const char *type, const char *params, uint32_t *cookie,
	      bool *made, void (*loaded)(void *data), void *data);
/* Of the target linear, on @beneath; what is printed is for the caller to say */
bool map_make_pieces(const char *name, enum map_kind kind,
		     const struct map_piece *pieces, size_t n,
		     const char *beneath, uint32_t *cookie, bool *made);
/* Another table, for the next resume */
bool map_load(const char *name, uint64_t sectors, const char *type,
	      const char *params);
/* The same of pieces; what is printed is for the caller to say */
bool map_load_pieces(const char *name, const struct map_piece *pieces, size_t n,
		     const char *beneath);
/* Forgets that table */
bool map_clear(const char *name);
/*
 * Resumes it with the table that is loaded, in one call: whoever uses it waits in
 * the kernel alone. It has no file system that could be frozen.
 */
bool map_swap(const char *name, uint32_t *cookie);
bool map_remove(const char *name);
bool map_suspend(const char *name);
bool map_resume(const char *name, uint32_t *cookie);
bool map_message(const char *name, const char *message);

/* What udev makes of new devices is waited for when nothing is suspended */
void map_wait(uint32_t cookie);
/* Of a process that was killed: whether udev is told of its devices is unknown */
void map_forget(uint32_t cookie);

/*
 * Without udev a process makes the nodes of the devices that it has created. For
 * one that was created by another process that has ended; after map_wait().
 */
void map_make_node(const char *name);

#endif
