/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Images, which qemu-img makes and qemu-nbd reads and writes for us:
 *
 *     worker 0 --- nbd[0] ---+
 *     worker 1 --- nbd[1] ---+--- qemu-nbd --- NAME.qcow2 --- its backing file
 *     ...                    |
 *
 * qemu-nbd ends when its last connection does, so also when this program is killed.
 */
#ifndef BACKUP_IMAGE_H
#define BACKUP_IMAGE_H

#include <libnbd.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WORKERS		6
#define CLUSTER		65536
#define PIECE_SIZE	(4 * 1024 * 1024)

struct server {
	pid_t pid;
	int said;
	struct nbd_handle *nbd[WORKERS];
};

enum access { IMAGE_READ, IMAGE_WRITE, IMAGE_COMPRESS };

/* qemu-img and qemu-nbd are installed? False: it has been said what to install */
bool image_programs(void);

/* @backing: or "" */
bool image_create(const char *file, uint64_t size, const char *backing);
bool image_check(const char *file);

bool server_start(struct server *server, const char *file, enum access access);
/* False: not all of it is on the disk; it has been said why */
bool server_stop(struct server *server, bool written);

/* The file itself, on its medium */
bool file_sync(const char *file);

#endif
