/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a file system writes of itself whenever somebody has mounted it: by this
 * one finds out that a device was written to while no interposer was attached.
 * Which fields, and why they suffice: witness.c.
 */
#ifndef INTERPOSECTL_WITNESS_H
#define INTERPOSECTL_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WITNESS_TYPE	16
#define WITNESS_MAX	2112

struct witness {
	char type[WITNESS_TYPE];	/* "ext4"; "": nothing that could be asked */
	uint32_t size;
	unsigned char data[WITNESS_MAX];
	bool same_mount;		/* an XFS: that of @then; it is not recorded */
};

/* Bytes of the device. False: they cannot be read */
typedef bool witness_reader(void *data, uint64_t offset, void *to, size_t size);

/*
 * @type: as libblkid calls it. What has no witness gets the type "". @then: what it
 * will be compared with, or NULL.
 */
void witness_of(const char *type, witness_reader *read, void *data,
		const struct witness *then, struct witness *witness);
/* Of a device, as it is on the disk */
void witness_read(const char *path, const struct witness *then,
		  struct witness *witness);

/*
 * Was nothing written between @then and @now? @attached: it was attached until it
 * crashed, and may have been mounted then. False: @why tells what shows it.
 */
bool witness_continues(const struct witness *then, const struct witness *now,
		       bool attached, char *why, size_t size);

/* Do they tell that they are of two file systems? */
bool witness_is_of_another(const struct witness *then, const struct witness *now);

#endif
