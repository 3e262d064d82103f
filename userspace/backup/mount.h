/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BACKUP_MOUNT_H
#define BACKUP_MOUNT_H

#include <stdbool.h>
#include <stddef.h>

/* The file system on @node; "" if there is none, or more than one */
void mount_type_of(const char *node, char *type, size_t size);

/* The image @file in this directory on @at; @node: the device that it got */
bool mount_image(const char *file, const char *at, char *node, size_t size);
bool unmount_image(const char *at, const char *node);

/* Copied to the directory @to, where nothing is replaced */
bool restore_files(const char *file, char *const files[], size_t n,
		   const char *to);

#endif
