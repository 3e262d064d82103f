// SPDX-License-Identifier: GPL-2.0
/*
 * pin and unpin: whether an interposer can be taken away. The kernel keeps the
 * mapped device open meanwhile, so that nobody can remove it.
 */
#include <string.h>

#include "args.h"
#include "commands.h"
#include "continuity.h"
#include "stack.h"

static enum status pin_one(const char *argument, bool pin)
{
	enum status status = FAILED;
	const struct interposer *ip;
	struct stack stack;
	bool pinned;

	if (!stack_read(&stack))
		return FAILED;
	ip = stack_find(&stack, argument);
	if (ip) {
		pinned = continuity_is_pinned(ip);
		if (pin ? map_message(ip->map.name, "interpose pin") &&
			  continuity_refresh(ip, true) : continuity_unpin(ip))
			status = DONE;
		if (status == DONE && pinned == pin)
			say("%s is already %s", ip->map.name,
			    pin ? "pinned" : "unpinned");
		else if (status == DONE && pin)
			say("%s is pinned; to undo this: interposectl unpin %s",
			    ip->map.name, ip->map.name);
		else if (status == DONE)
			say("%s is no longer pinned", ip->map.name);
	}
	stack_free(&stack);
	return status;
}

static enum status pin_all(int argc, char **argv, bool pin)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	enum status status = DONE;
	int option;

	while ((option = next_option(argc, argv, "", longs, NULL)) != -1)
		return option == 'h' ? help(argv[0]) : usage_error(argv[0]);
	if (optind == argc)
		return missing(argv[0], "a name or a device");
	for (; optind < argc; optind++)
		if (pin_one(argv[optind], pin) != DONE)
			status = FAILED;
	return status;
}

enum status pin_command(int argc, char **argv)
{
	return pin_all(argc, argv, true);
}

enum status unpin_command(int argc, char **argv)
{
	return pin_all(argc, argv, false);
}
