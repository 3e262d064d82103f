/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The COW store: where a snapshot keeps the old contents of overwritten chunks
 */
#ifndef INTERPOSECTL_COW_H
#define INTERPOSECTL_COW_H

#include "device.h"
#include "settled.h"
#include "spare.h"
#include "state.h"

enum cow_kind { COW_NONE, COW_LV, COW_DEVICE, COW_FILE, COW_RAM };

struct cow_options {
	enum cow_kind kind;
	const char *where;	/* volume group, device or file */
	const char *size;	/* as typed, or NULL */
	bool wipe;
};

struct cow_request {
	const struct cow_options *options;
	const struct device *origin;
	const char *snapshot;		/* its name */
	const char *volume;		/* how it may be called with COW_LV, or NULL */
	uint64_t memory;		/* bytes that it may take with COW_RAM */
	/* it must not lie on any of these; @why if that is unknown */
	enum lies (*reaches)(const char *name, const void *data, char *why,
			     size_t size);
	/* that on which a directory lies, and a store may be beneath its hook; or NULL */
	const struct device *(*beneath)(const char *directory, const void *data);
	const void *data;
	struct settled *file;		/* with its path, if it is such a file */
};

/* What the chunk of a snapshot is to be, in sectors. @node: of its COW store */
unsigned int cow_chunk(const struct device *origin, const char *node);

/* How much each of @n COW stores may take: all of them half of what is free */
uint64_t cow_memory(size_t n);

/* How large it is to be. False: it has been said why */
bool cow_size(const struct cow_request *request, uint64_t *bytes);

/* Makes it, cleared. Its node is in @node. False: it has been said why */
bool cow_make(const struct cow_request *request, struct record *record,
	      char *node, size_t size);

/*
 * One in a file on an origin is not yet there, but only its file: it is laid on the
 * device beneath the hook, as soon as that is there, and only where no older snapshot
 * needs what is there. False: it has been said why
 */
bool cow_lay(struct settled *file, const char *beneath,
	     struct sparing *sparing, struct record *record);

/* Bytes: what is free there, and what a file on an origin takes when nothing is said */
uint64_t cow_free(const char *directory);
uint64_t cow_room(const char *directory);
/* In what units its size is, in bytes, for devices with such blocks */
unsigned int cow_unit(const char *origin, const char *on);

#endif
