// SPDX-License-Identifier: GPL-2.0
/*
 * The name of a file with records, below a mount and from the root of its file system
 */
#include <string.h>

#include "own.h"
#include "tap.h"

static void within(const char *name, const char *root, const char *target,
		   const char *path, const char *wanted)
{
	char out[64], back[64];
	bool good = own_path_within(root, target, path, out, sizeof(out));

	is(name, wanted ? good && !strcmp(out, wanted) : !good);
	if (wanted)
		is("and back", own_path_below(root, target, wanted, back,
					      sizeof(back)) &&
		   !strcmp(back, path));
}

int main(void)
{
	char tight[8];

	within("the root", "/", "/", "/era", "/era");
	within("a file system of its own", "/", "/home", "/home/a/era", "/a/era");
	within("a part of it, mounted elsewhere", "/a", "/srv", "/srv/era", "/a/era");
	within("a part as the root", "/@", "/", "/var/era", "/@/var/era");
	within("a name that begins in the same way", "/", "/home", "/home2/era", NULL);
	within("the mount point itself", "/", "/home", "/home", NULL);
	within("and with a slash", "/", "/home", "/home/", NULL);
	is("what is not in the part that is mounted",
	   !own_path_below("/a", "/srv", "/b/era", tight, sizeof(tight)));
	is("one that is too long is not cut",
	   !own_path_within("/", "/", "/abcdefgh", tight, sizeof(tight)));
	return done();
}
