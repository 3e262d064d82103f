// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interposetab.h"
#include "say.h"
#include "tabline.h"

/* @line: to be added, or NULL */
static bool write_tab(FILE *from, const char *name, const char *line, FILE *to)
{
	bool good = !from || tab_copy_without(from, name, to);

	if (good && line)
		good = fprintf(to, "%s\n", line) > 0;
	return good && !fflush(to) && !fsync(fileno(to)) &&
	       !fchmod(fileno(to), 0644);
}

static bool replace(const char *file, const char *name, const char *line)
{
	char path[PATH_MAX], new[PATH_MAX + 8];
	FILE *from, *to;
	bool good;

	if (!realpath(file, path))
		snprintf(path, sizeof(path), "%s", file);
	snprintf(new, sizeof(new), "%s.new", path);
	from = fopen(path, "re");
	to = from || errno == ENOENT ? fopen(new, "we") : NULL;
	good = to && write_tab(from, name, line, to);
	if (from)
		fclose(from);
	if (to && fclose(to))
		good = false;
	if (good && !rename(new, path))
		return true;
	complain("cannot write %s: %s", file, strerror(errno));
	unlink(new);
	return false;
}

bool tabline_add(const char *file, const char *name, const char *line)
{
	return !step("echo '%s' >> %s", line, file) || replace(file, name, line);
}

bool tabline_remove(const char *file, const char *name)
{
	return (access(file, F_OK) && errno == ENOENT) ||
	       !step("sed -i '/^%s[[:blank:]]/d' %s", name, file) ||
	       replace(file, name, NULL);
}

static void ignore(const char *what, void *data)
{
	(void)what;
	(void)data;
}

bool tabline_own(const char *file, const char *name, char *path, size_t size)
{
	const struct tab_entry *entry;
	FILE *from = fopen(file, "re");
	struct tab tab;
	bool found = false;

	if (!from)
		return false;
	if (tab_read(from, file, ignore, NULL, &tab)) {
		entry = tab_find(&tab, name);
		found = entry && tab_own_of(entry) &&
			tab_file(tab_own_of(entry), path, size);
		tab_free(&tab);
	}
	fclose(from);
	return found;
}
