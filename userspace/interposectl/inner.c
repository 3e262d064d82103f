// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "inner.h"
#include "say.h"

static bool names_a_device(const char *word)
{
	static const char *const starts[] = { "/dev/", "UUID=", "LABEL=",
		"PARTUUID=", "PARTLABEL=" };

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (!strncmp(word, starts[i], strlen(starts[i])))
			return true;
	return false;
}

/* The kernel takes a word apart at blanks, unless there is a backslash */
static char *escape(const char *word)
{
	char *out = malloc(2 * strlen(word) + 1), *to = out;

	for (; to && *word; *to++ = *word++)
		if (strchr(" \t\n\v\f\r\\", *word))
			*to++ = '\\';
	if (to)
		*to = '\0';
	return out;
}

static char *argument(const char *typed, const struct device *device,
		      const char *word)
{
	struct device other;

	if (!strcmp(word, typed))
		return strdup(device->path);
	if (!names_a_device(word))
		return escape(word);
	return device_find(word, &other) ? strdup(other.path) : NULL;
}

bool inner_arguments(const char *typed, const struct device *device, int argc,
		     char **argv, char **out)
{
	for (int i = 0; i < argc; i++) {
		/* the first one is the target */
		out[i] = i ? argument(typed, device, argv[i]) : escape(argv[i]);
		if (!out[i]) {
			inner_free(i, out);
			return false;
		}
	}
	return true;
}

void inner_free(int argc, char **out)
{
	while (argc-- > 0)
		free(out[argc]);
}
