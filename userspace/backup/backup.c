// SPDX-License-Identifier: GPL-2.0
/*
 * backup: the points, the moment, the data, and at last the manifest
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "command.h"
#include "copy.h"
#include "freespace.h"
#include "metrics.h"
#include "moment.h"
#include "remote.h"
#include "run.h"
#include "state.h"
#include "stream.h"
#include "write.h"

struct request {
	const char *to;
	const char *name;
	const char *metrics;		/* a file, or NULL */
	const char *at;			/* where "backup run" mounts, or NULL */
	time_t begun;
	bool full;
	bool as_is;
	bool skip_free;
	bool compress;
	unsigned int keep;		/* 0: all of them */
	bool away;			/* to a receiver, by its command or by ssh */
	const char *receiver;
	struct remote remote;
	struct moment moment;
	struct source sources[SOURCES_MAX];
	size_t n;
};

/*
 * The new backup
 */

/* Of this second, or with a number */
static bool choose_name(struct store *store, struct backup *backup,
			const char *name, const struct tm *tm)
{
	size_t length;

	if (name && (!name_is_plain(name) || strlen(name) >= BACKUP_NAME_MAX)) {
		complain("'%s' is no name for a backup; use letters, digits and +-._@",
			 name);
		return false;
	}
	if (name && store_at(store, name)) {
		complain("there is a backup %s in %s already; choose another --name",
			 name, store->path);
		return false;
	}
	if (name) {
		snprintf(backup->name, sizeof(backup->name), "%s", name);
		return true;
	}
	length = strftime(backup->name, sizeof(backup->name), "%Y%m%dT%H%M%SZ", tm);
	for (unsigned int i = 2; store_at(store, backup->name); i++)
		snprintf(backup->name + length, sizeof(backup->name) - length,
			 "-%u", i);
	return true;
}

static bool begin(struct store *store, struct backup *backup,
		  const struct request *request)
{
	time_t now = time(NULL);
	struct tm tm;

	memset(backup, 0, sizeof(*backup));
	gmtime_r(&now, &tm);
	strftime(backup->made, sizeof(backup->made), "%Y-%m-%dT%H:%M:%SZ", &tm);
	for (size_t i = 0; i < store->n; i++)
		if (store->v[i].sequence >= backup->sequence)
			backup->sequence = store->v[i].sequence + 1;
	backup->parts = calloc(request->n, sizeof(*backup->parts));
	backup->n = backup->parts ? request->n : 0;
	return backup->parts &&
	       choose_name(store, backup, request->name, &tm);
}

static void fill_in(struct part *part, const struct source *source,
		    const struct backup *backup)
{
	snprintf(part->source, sizeof(part->source), "%s", source->shown);
	snprintf(part->word, sizeof(part->word), "%s", source->word);
	snprintf(part->file, sizeof(part->file), "%s.%s.qcow2", backup->name,
		 source->word);
	snprintf(part->point, sizeof(part->point), "%s", source->point);
	snprintf(part->full, sizeof(part->full), "%s", source->full);
	part->size = source->size;
	part->skipped = source->skipped;
	if (!source->base)
		return;
	snprintf(part->parent, sizeof(part->parent), "%s", source->base->name);
	snprintf(part->backing, sizeof(part->backing), "%s",
		 source->base_part->file);
}

static bool write_part(struct request *request, struct source *source,
		       struct part *part)
{
	char path[NAME_MAX + 16];

	write_path(part, path, sizeof(path));
	if (!write_create(part, request->compress))
		return false;
	if (!step("copy %llu bytes of %s to %s",
		  (unsigned long long)part->bytes, source->node, path))
		return true;
	return copy_in(source->fd, source->word, &part->extents, path,
		       *part->backing, request->compress ? IMAGE_COMPRESS :
		       IMAGE_WRITE) && !interrupted() && file_sync(path);
}

static bool send_part(const struct request *request, struct source *source,
		      struct part *part)
{
	if (!step("send %llu bytes of %s to %s",
		  (unsigned long long)part->bytes, source->node,
		  request->remote.shown))
		return true;
	return copy_out(source->fd, source->word, &part->extents,
			request->remote.to) && !interrupted();
}

/* To who writes them as write_all() does */
static bool send_all(struct request *request, struct backup *backup)
{
	bool good = remote_begin(&request->remote, backup, request->compress,
				 request->keep);

	for (size_t i = 0; i < request->n && good; i++)
		good = send_part(request, &request->sources[i],
				 &backup->parts[i]);
	return good && remote_stored(&request->remote);
}

static bool write_all(struct request *request, struct backup *backup)
{
	bool good = true;

	for (size_t i = 0; i < request->n && good; i++)
		good = write_part(request, &request->sources[i],
				  &backup->parts[i]);
	good = good && write_commit(backup);
	if (!good)
		write_undo(backup);
	return good;
}

static bool cut_all(struct request *request, struct backup *backup)
{
	for (size_t i = 0; i < request->n; i++) {
		struct source *source = &request->sources[i];
		struct part *part = &backup->parts[i];

		fill_in(part, source, backup);
		if (!ranges_cut(&source->ranges, source->size, &part->extents))
			return false;
		part->bytes = extents_bytes(&part->extents);
	}
	return true;
}

/*
 * All of it
 */

static void tell_of_free(const struct source *source, const struct part *part)
{
	if (*source->kept)
		say("%s: its free space is read, too: %s", part->source,
		    source->kept);
	if (part->skipped)
		say("%s: %llu KiB of free space were not read", part->source,
		    (unsigned long long)part->skipped / 1024);
}

static void tell(const struct request *request, const struct store *store,
		 const struct backup *backup)
{
	for (size_t i = 0; i < backup->n; i++) {
		const struct part *part = &backup->parts[i];

		if (*part->parent)
			say("%s/%s: %llu KiB of %s, which have changed since %s",
			    store->path, part->file,
			    (unsigned long long)part->bytes / 1024, part->source,
			    part->parent);
		else
			say("%s/%s: full backup of %s (%s)", store->path,
			    part->file, part->source, part->full);
		tell_of_free(&request->sources[i], part);
	}
}

/* What is there when all waits: the snapshot, or the sources themselves */
static bool read_sources(struct request *request, struct backup *backup)
{
	for (size_t i = 0; i < request->n; i++)
		if (!source_open(&request->sources[i], request->as_is) ||
		    !source_changes(&request->sources[i]) ||
		    (!request->as_is &&
		     !freespace_leave_out_stores(&request->sources[i])) ||
		    (request->skip_free &&
		     !freespace_leave_out(&request->sources[i])))
			return false;
	return cut_all(request, backup) &&
	       (request->away ? send_all(request, backup) :
		write_all(request, backup));
}

/* No points: whoever has it, does not tell us what becomes of it */
static enum status stream_out(struct request *request)
{
	bool good = true;

	options.quiet = true; /* what is printed is the device */
	if (!request->as_is)
		good = moment_begin(&request->moment, request->sources, 1);
	if (good)
		good = source_open(&request->sources[0], request->as_is) &&
		       stream(&request->sources[0]);
	source_close(&request->sources[0]);
	if (!request->as_is && !moment_end(&request->moment))
		good = false;
	return outcome(good);
}

static bool back_up(struct request *request, struct store *store,
		    struct backup *backup)
{
	bool good;

	for (size_t i = 0; i < request->n; i++) {
		source_mark(&request->sources[i]);
		freespace_look(&request->sources[i]);
		source_choose_base(&request->sources[i], store, request->full);
	}
	if (interrupted() || (!request->as_is &&
			      !moment_begin(&request->moment, request->sources,
					    request->n)))
		return false;
	good = read_sources(request, backup);
	if (!good && !interrupted() && !request->as_is)
		complain("no backup was made; those before are as they were");
	for (size_t i = 0; i < request->n; i++)
		source_close(&request->sources[i]);
	if (!request->as_is && !moment_end(&request->moment))
		return false;
	return good;
}

/* For Prometheus */
static bool note(const struct request *request, const struct backup *backup)
{
	return !request->metrics ||
	       metrics_write(request->metrics, request->to ?: request->receiver,
			     backup, request->begun);
}

static enum status back_up_to(struct request *request)
{
	struct backup backup = { };
	struct store store;
	bool good = store_open(&store, request->to, true, true);

	if (good)
		store_clean(&store);
	good = good && begin(&store, &backup, request) &&
	       back_up(request, &store, &backup);
	if (good)
		tell(request, &store, &backup);
	if (!note(request, good ? &backup : NULL))
		good = false;
	backup_free(&backup);
	if (good && request->keep)
		good = store_read(&store) && prune(&store, request->keep, 0);
	store_close(&store);
	return outcome(good);
}

/* The directory is the receiver's, and locked and cleaned by it */
static enum status back_up_away(struct request *request)
{
	struct backup backup = { };
	struct store store = { .lock = -1 };
	bool good = remote_start(&request->remote, request->to,
				 request->receiver) &&
		    remote_backups(&request->remote, &store);

	good = good && begin(&store, &backup, request) &&
	       back_up(request, &store, &backup);
	if (good)
		tell(request, &store, &backup);
	if (!note(request, good ? &backup : NULL))
		good = false;
	backup_free(&backup);
	if (!remote_end(&request->remote, good))
		good = false;
	store_close(&store);
	return outcome(good);
}

static bool find_sources(struct request *request, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (!source_find(&request->sources[request->n], argv[i],
				 request->as_is))
			return false;
		request->n++;
	}
	return sources_differ(request->sources, request->n);
}

/* So that --dry-run may say it, too */
static enum status would_back_up(struct request *request)
{
	for (size_t i = 0; i < request->n; i++)
		printf("# %s would be backed up to %s\n",
		       request->sources[i].shown,
		       request->to ?: request->receiver);
	return DONE;
}

/*
 * The command line
 */

static void add_space(struct moment *moment, const char *option,
		      const char *value)
{
	if (moment->n_space + 2 > sizeof(moment->space) / sizeof(char *))
		return;
	moment->space[moment->n_space++] = option;
	if (value)
		moment->space[moment->n_space++] = value;
}

enum { VG = 0x200, COW, SPACE_FILE, RAM, FULL, KEEP, COMPRESS, LIMIT, BEFORE,
	AFTER, AS_IS, PROGRESS, HOOKS, HOOK_TIMEOUT, RECEIVER,
	SKIP_FREE, METRICS, AT, IDLE };

static bool choose_limit(const char *word)
{
	if (parse_size(word, 0, &copy_limit) && copy_limit)
		return true;
	complain("'%s' is not a rate; give bytes a second, such as 20M", word);
	return false;
}

static bool choose(struct request *request, int option)
{
	struct moment *moment = &request->moment;

	switch (option) {
	case 't': request->to = optarg; break;
	case 'N': request->name = optarg; break;
	case 's': add_space(moment, "--size", optarg); break;
	case VG: add_space(moment, "--vg", optarg); break;
	case COW: add_space(moment, "--cow", optarg); break;
	case SPACE_FILE: add_space(moment, "--file", optarg); break;
	case RAM: add_space(moment, "--ram", NULL); break;
	case FULL: request->full = true; break;
	case KEEP: return choose_count(optarg, "--keep", &request->keep);
	case COMPRESS: request->compress = true; break;
	case LIMIT: return choose_limit(optarg);
	case IDLE: copy_idle = true; break;
	case BEFORE: moment->before = optarg; break;
	case AFTER: moment->after = optarg; break;
	case AS_IS: request->as_is = true; break;
	case PROGRESS: return choose_progress(optarg);
	case METRICS:
		request->metrics = metrics_file(optarg);
		return request->metrics;
	case SKIP_FREE: request->skip_free = true; break;
	case AT: request->at = optarg; break;
	case RECEIVER: request->receiver = optarg; break;
	case HOOKS: moment->hooks = optarg; break;
	case HOOK_TIMEOUT:
		return choose_count(optarg, "--hook-timeout",
				    &moment->hook_limit);
	}
	return true;
}

static bool is_stream(const struct request *request)
{
	return request->to && !strcmp(request->to, "-");
}

static const char *stream_with(const struct request *request, int sources)
{
	if (sources > 1)
		return "only one device fits in --to -";
	if (request->name || request->keep || request->compress ||
	    request->skip_free || request->metrics)
		return "--to - takes no --name, --keep, --skip-free, --metrics and --compress; compress what it prints";
	if (isatty(STDOUT_FILENO))
		return "--to - is for another program, and not for a terminal";
	return NULL;
}

static bool goes_together(const struct request *request, int sources)
{
	const struct moment *moment = &request->moment;
	const char *why = NULL;

	if (!sources)
		why = "a device is missing";
	else if (sources > SOURCES_MAX)
		why = "these are too many devices for one command";
	else if (!request->to == !request->receiver)
		why = request->to ? "use only one of --to and --receiver" :
			"--to DIR is missing";
	else if (request->as_is && (moment->n_space || moment->before ||
				    moment->after || request->skip_free))
		why = "--no-snapshot cannot be used with what is for a snapshot";
	if (!why && is_stream(request))
		why = stream_with(request, sources);
	if (why)
		complain("backup: %s", why);
	return !why;
}

enum status backup_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "name", required_argument, NULL, 'N' },
		{ "size", required_argument, NULL, 's' },
		{ "vg", required_argument, NULL, VG },
		{ "cow", required_argument, NULL, COW },
		{ "file", required_argument, NULL, SPACE_FILE },
		{ "ram", no_argument, NULL, RAM },
		{ "full", no_argument, NULL, FULL },
		{ "keep", required_argument, NULL, KEEP },
		{ "compress", no_argument, NULL, COMPRESS },
		{ "limit", required_argument, NULL, LIMIT },
		{ "idle", no_argument, NULL, IDLE },
		{ "exec-before", required_argument, NULL, BEFORE },
		{ "exec-after", required_argument, NULL, AFTER },
		{ "hooks", required_argument, NULL, HOOKS },
		{ "hook-timeout", required_argument, NULL, HOOK_TIMEOUT },
		{ "no-snapshot", no_argument, NULL, AS_IS },
		{ "progress", required_argument, NULL, PROGRESS },
		{ "metrics", required_argument, NULL, METRICS },
		{ "skip-free", no_argument, NULL, SKIP_FREE },
		{ "receiver", required_argument, NULL, RECEIVER },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	static struct request request = {
		.moment = { .hooks = HOOKS_DIR, .hook_limit = HOOK_SECONDS,
			    .guard = -1 },
	};
	int option;

	while ((option = next_option(argc, argv, "s:", longs, NULL)) != -1)
		if (option == '?' || !choose(&request, option))
			return usage_error("backup");
	if (!goes_together(&request, argc - optind))
		return usage_error("backup");
	request.away = request.receiver || remote_is(request.to);
	if (is_stream(&request))
		return find_sources(&request, 1, argv + optind) ?
			stream_out(&request) : FAILED;
	if ((!request.away && !image_programs()) ||
	    !find_sources(&request, argc - optind, argv + optind))
		return FAILED;
	request.begun = time(NULL);
	if (options.dry_run)
		return would_back_up(&request);
	return request.away ? back_up_away(&request) : back_up_to(&request);
}

/*
 * backup run
 */

static bool goes_together_for(const struct request *request, int sources, bool command)
{
	const char *why = NULL;

	if (!command)
		why = "the program is missing; give it after --";
	else if (!sources)
		why = "a device is missing";
	else if (sources > SOURCES_MAX)
		why = "these are too many devices for one command";
	else if (request->at && *request->at != '/')
		why = "--at: give the full path of the directory, starting with /";
	if (why)
		complain("backup run: %s", why);
	return !why;
}

/* All before "--" is for us, and all after it is the program */
enum status run_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "size", required_argument, NULL, 's' },
		{ "vg", required_argument, NULL, VG },
		{ "cow", required_argument, NULL, COW },
		{ "file", required_argument, NULL, SPACE_FILE },
		{ "ram", no_argument, NULL, RAM },
		{ "at", required_argument, NULL, AT },
		{ "exec-before", required_argument, NULL, BEFORE },
		{ "exec-after", required_argument, NULL, AFTER },
		{ "hooks", required_argument, NULL, HOOKS },
		{ "hook-timeout", required_argument, NULL, HOOK_TIMEOUT },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	static struct request request = {
		.moment = { .hooks = HOOKS_DIR, .hook_limit = HOOK_SECONDS,
			    .guard = -1 },
	};
	int option, end = 1;

	while (end < argc && strcmp(argv[end], "--"))
		end++;
	while ((option = next_option(end, argv, "s:", longs, NULL)) != -1)
		if (option == '?' || !choose(&request, option))
			return usage_error("backup");
	if (!goes_together_for(&request, end - optind, end + 1 < argc))
		return usage_error("backup");
	if (!find_sources(&request, end - optind, argv + optind))
		return FAILED;
	return run_in_moment(&request.moment, request.sources, request.n, request.at,
			     argv + end + 1);
}
