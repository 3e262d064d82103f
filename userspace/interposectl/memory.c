// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"
#include "parse.h"

#define LOW	20			/* a 20th of all, or less, is left */

/* "MemAvailable:   123456 kB" */
static uint64_t meminfo(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t kib = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line + strlen(name), ": %" SCNu64 " kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * 1024;
}

/* UINT64_MAX: "max", or there is none */
static uint64_t group_number(const char *group, const char *name)
{
	char path[PATH_MAX], word[WORD_MAX] = "";
	uint64_t number = UINT64_MAX;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", group, name);
	file = fopen(path, "re");
	if (!file)
		return number;
	if (!fgets(word, sizeof(word), file))
		*word = '\0';
	fclose(file);
	word[strcspn(word, "\n")] = '\0';
	if (!parse_number(word, &number))
		number = UINT64_MAX;
	return number;
}

/* What is written to a ramfs is charged to the group, and to those above it */
static uint64_t room_in_groups(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	uint64_t room = UINT64_MAX;
	char line[PATH_MAX] = "";

	while (file && fgets(line, sizeof(line), file) &&
	       strncmp(line, "0::/", 4))
		*line = '\0';
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
	for (char *slash; strlen(line) > 4; *slash = '\0') {
		uint64_t max = group_number(line + 3, "memory.max");
		uint64_t used = group_number(line + 3, "memory.current");

		if (max != UINT64_MAX && used != UINT64_MAX)
			max = used < max ? max - used : 0;
		if (max < room)
			room = max;
		slash = strrchr(line, '/');
	}
	return room;
}

uint64_t memory_available(void)
{
	uint64_t machine = meminfo("MemAvailable"), group = room_in_groups();

	return machine < group ? machine : group;
}

bool memory_is_low(void)
{
	return memory_available() < meminfo("MemTotal") / LOW;
}
