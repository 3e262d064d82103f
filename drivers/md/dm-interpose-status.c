// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-interpose: status and messages
 */
#include "dm-core.h"
#include "dm-interpose.h"

/* The first word of messages that are for us and not for the inner target. */
#define INTERPOSE_MESSAGE	"interpose"

static const char *interpose_state_name(struct interpose_dev *dev)
{
	static const char * const names[] = {
		[BLK_INTERPOSER_IDLE]	   = "detached",
		[BLK_INTERPOSER_HELD]	   = "held",
		[BLK_INTERPOSER_OPEN]	   = "attached",
		[BLK_INTERPOSER_DETACHING] = "detaching",
	};

	return names[READ_ONCE(dev->ip.state)];
}

/*
 * May the inner target be asked for its status, or get a message? Not before its first
 * preresume is over. era answers from a worker that commits its metadata, and that
 * worker is at work from the constructor until the first suspend. Its preresume
 * resizes and commits the same metadata, without a lock: the commit fails, or is
 * wrong. Later ones find the worker stopped.
 *
 * Context: Any task, at any time; with a resume of the line.
 */
static bool interpose_may_ask(struct interpose_target *it)
{
	/* pairs with interpose_preresume() */
	return !it->inner.type->preresume || smp_load_acquire(&it->resumed);
}

/* A full buffer is what DM core takes as "try again", with a larger one. */
static unsigned int interpose_emit_full(char *result, unsigned int maxlen)
{
	memset(result, ' ', maxlen - 1);
	result[maxlen - 1] = '\0';
	return maxlen;
}

/*
 * Print the inner target's table line with our device in place of the bypass
 * disk. The result may be shorter, so DM core cannot see from its length that
 * the inner target's own line did not fit.
 */
static unsigned int interpose_emit_table(struct interpose_target *it,
					 unsigned int flags, char *result,
					 unsigned int maxlen)
{
	struct interpose_dev *dev = it->dev;
	unsigned int sz = 0;
	char *line, *pos, *arg;

	/* under suspend, reclaim could wait for the device */
	line = kvzalloc(maxlen, GFP_NOIO);
	if (!line)
		return interpose_emit_full(result, maxlen);

	it->inner.type->status(&it->inner, STATUSTYPE_TABLE, flags, line,
			       maxlen);
	if (strlen(line) + 1 >= maxlen) {
		kvfree(line);
		return interpose_emit_full(result, maxlen);
	}

	pos = line;
	while ((arg = strsep(&pos, " ")))
		if (*arg)
			DMEMIT(" %s", strcmp(arg, dev->bypass_name) ?
			       arg : dev->name);
	kvfree(line);
	return sz;
}

void interpose_status(struct dm_target *ti, status_type_t type,
		      unsigned int status_flags, char *result,
		      unsigned int maxlen)
{
	struct interpose_target *it = to_interpose(ti);
	const struct target_type *inner = it->inner.type;
	struct interpose_dev *dev = it->dev;
	unsigned int sz = 0;

	switch (type) {
	case STATUSTYPE_INFO:
		DMEMIT("%s %s %s %lu %u %s %s", interpose_state_name(dev),
		       dev->name, dev->bypass->disk_name,
		       blk_interposer_redirected(&dev->ip),
		       blk_interposer_held(&dev->ip),
		       READ_ONCE(dev->pin) ? "pinned" : "-", inner->name);
		break;
	case STATUSTYPE_TABLE:
		DMEMIT("%s", dev->name);
		if (READ_ONCE(it->table->pin) + READ_ONCE(it->table->no_atomic))
			DMEMIT(" %d%s%s",
			       READ_ONCE(it->table->pin) +
			       READ_ONCE(it->table->no_atomic),
			       READ_ONCE(it->table->pin) ? " pin" : "",
			       READ_ONCE(it->table->no_atomic) ? " no_atomic" : "");
		DMEMIT(" %s", inner->name);
		break;
	case STATUSTYPE_IMA:
		DMEMIT_TARGET_NAME_VERSION(ti->type);
		DMEMIT(",device=%s,inner_type=%s,inner=", dev->name, inner->name);
		break;
	}

	if (sz >= maxlen)
		return;
	if (type == STATUSTYPE_IMA) {
		if (inner->status)
			inner->status(&it->inner, type, status_flags,
				      result + sz, maxlen - sz);
		/* most types have nothing to say here; the line has its end */
		if (!result[sz])
			DMEMIT(";");
		return;
	}

	if (!inner->status)
		return;
	if (type == STATUSTYPE_TABLE) {
		interpose_emit_table(it, status_flags, result + sz, maxlen - sz);
	} else if (sz + 1 < maxlen && interpose_may_ask(it)) {
		result[sz] = ' ';
		result[sz + 1] = '\0';
		inner->status(&it->inner, type, status_flags, result + sz + 1,
			      maxlen - sz - 1);
		if (!result[sz + 1])
			result[sz] = '\0';
	}
}

/*
 * Pin or unpin now, and for later resumes of the same table. The table is
 * marked first: a resume at the same time takes the pin that it does not want.
 */
static int interpose_message_pin(struct interpose_target *it, bool pin)
{
	int r = 0;

	interpose_mark_pin(it, pin);
	if (pin)
		r = interpose_pin(it->dev);
	else
		interpose_unpin(it->dev);
	if (r)
		interpose_mark_pin(it, false);
	return r;
}

static int interpose_own_message(struct interpose_target *it, unsigned int argc,
				 char **argv)
{
	if (argc == 2 && !strcasecmp(argv[1], "pin"))
		return interpose_message_pin(it, true);
	if (argc == 2 && !strcasecmp(argv[1], "unpin"))
		return interpose_message_pin(it, false);

	interpose_error(dm_device_name(it->dev->md),
			"unknown message; known: interpose pin, interpose unpin");
	return -EINVAL;
}

int interpose_message(struct dm_target *ti, unsigned int argc,
		      char **argv, char *result, unsigned int maxlen)
{
	struct interpose_target *it = to_interpose(ti);
	const struct target_type *inner = it->inner.type;
	int r;

	if (!strcasecmp(argv[0], INTERPOSE_MESSAGE))
		return interpose_own_message(it, argc, argv);

	if (!inner->message) {
		interpose_error(dm_table_device_name(ti->table),
				"the inner target %s does not support messages",
				inner->name);
		return -EINVAL;
	}
	if (!interpose_may_ask(it)) {
		interpose_error(dm_table_device_name(ti->table),
				"the inner target %s is resumed for the first time: try again",
				inner->name);
		return -EAGAIN;
	}
	r = inner->message(&it->inner, argc, argv, result, maxlen);
	interpose_sync_target(it);
	return r;
}
