// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image.h"
#include "say.h"
#include "write.h"

char *write_path(const struct part *part, char *path, size_t size)
{
	snprintf(path, size, "%s" UNFINISHED, part->file);
	return path;
}

bool write_create(const struct part *part, bool compress)
{
	uint64_t size = part->size;
	char path[NAME_MAX + 16];

	if (compress)
		size = (size + CLUSTER - 1) / CLUSTER * CLUSTER;
	return image_create(write_path(part, path, sizeof(path)), size,
			    part->backing);
}

static bool name_images(const struct backup *backup)
{
	char path[NAME_MAX + 16];

	for (size_t i = 0; i < backup->n; i++) {
		const struct part *part = &backup->parts[i];

		write_path(part, path, sizeof(path));
		if (!step("mv %s %s", path, part->file))
			continue;
		if (!rename(path, part->file))
			continue;
		complain("cannot rename %s: %s", path, strerror(errno));
		return false;
	}
	return sync_directory();
}

bool write_commit(const struct backup *backup)
{
	return manifest_prepare(backup) && name_images(backup) &&
	       manifest_commit(backup);
}

/* unlink() says nothing of what is not there */
void write_undo(const struct backup *backup)
{
	char path[NAME_MAX + 16];

	for (size_t i = 0; i < backup->n; i++) {
		unlink(write_path(&backup->parts[i], path, sizeof(path)));
		unlink(backup->parts[i].file);
	}
	snprintf(path, sizeof(path), "%s.json" UNFINISHED, backup->name);
	unlink(path);
}
