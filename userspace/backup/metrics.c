// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metrics.h"
#include "say.h"

#define PREFIX	"interposectl_backup_"
#define LAST	PREFIX "last_success_timestamp_seconds"

const char *metrics_file(const char *file)
{
	static char path[PATH_MAX];
	char here[PATH_MAX];

	if (*file == '/')
		return file;
	if (getcwd(here, sizeof(here)) &&
	    (size_t)snprintf(path, sizeof(path), "%s/%s", here, file) < sizeof(path))
		return path;
	complain("%s: %s", file, strerror(errno));
	return NULL;
}

/* As the value of a label */
static void put_label(FILE *to, const char *name, const char *value)
{
	fprintf(to, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", to);
		else if (*value == '"' || *value == '\\')
			fprintf(to, "\\%c", *value);
		else
			putc(*value, to);
	}
	putc('"', to);
}

static void put(FILE *to, const char *name, const char *help, const char *where,
		unsigned long long value)
{
	fprintf(to, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s gauge\n" PREFIX "%s{",
		name, help, name, name);
	put_label(to, "to", where);
	fprintf(to, "} %llu\n", value);
}

static void put_sources(FILE *to, const char *where, const struct backup *backup)
{
	fputs("# HELP " PREFIX "read_bytes What was read of a source\n# TYPE " PREFIX "read_bytes gauge\n",
	      to);
	for (size_t i = 0; i < backup->n; i++) {
		const struct part *part = &backup->parts[i];

		fputs(PREFIX "read_bytes{", to);
		put_label(to, "to", where);
		putc(',', to);
		put_label(to, "source", part->source);
		putc(',', to);
		put_label(to, "kind", *part->parent ? "increment" : "full");
		fprintf(to, "} %llu\n", (unsigned long long)part->bytes);
	}
}

/* Of the file as it is; 0: none */
static unsigned long long last_success(const char *file)
{
	FILE *from = fopen(file, "re");
	unsigned long long last = 0;
	char *line = NULL, *value;
	size_t size = 0;

	while (from && getline(&line, &size, from) > 0) {
		value = strrchr(line, ' ');
		if (!strncmp(line, LAST "{", sizeof(LAST)) && value)
			last = strtoull(value, NULL, 10);
	}
	free(line);
	if (from)
		fclose(from);
	return last;
}

bool metrics_write(const char *file, const char *to, const struct backup *backup,
		   time_t begun)
{
	char new[PATH_MAX + 16];
	unsigned long long last;
	time_t now = time(NULL);
	FILE *out;
	bool good;

	snprintf(new, sizeof(new), "%s.new", file);
	last = backup ? (unsigned long long)now : last_success(file);
	out = fopen(new, "we");
	if (out) {
		put(out, "success", "Whether the last one is complete", to, !!backup);
		put(out, "timestamp_seconds", "When the last one has ended", to, now);
		put(out, "duration_seconds", "How long the last one took", to,
		    now > begun ? now - begun : 0);
		put(out, "last_success_timestamp_seconds",
		    "When the last one that is complete has ended", to, last);
		if (backup)
			put_sources(out, to, backup);
	}
	good = out && !fflush(out) && !ferror(out) && !fchmod(fileno(out), 0644);
	if (out && fclose(out))
		good = false;
	if (good && !rename(new, file))
		return true;
	complain("cannot write %s: %s", file, strerror(errno));
	unlink(new);
	return false;
}
