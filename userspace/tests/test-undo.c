// SPDX-License-Identifier: GPL-2.0
/*
 * A step that fails, and one in which the program was killed: what has the name of
 * what was to be made stays, unless it can be nobody else's.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attach.h"
#include "backing.h"
#include "cow.h"
#include "loop.h"
#include "map.h"
#include "process.h"
#include "say.h"
#include "state.h"
#include "tap.h"
#include "undo.h"
#include "writeback.h"

bool __wrap_map_info(const char *name, struct map_info *info);
bool __wrap_map_made(enum map_kind kind, const char *name,
		     struct map_info *info);
bool __wrap_map_make(const char *name, enum map_kind kind, uint64_t sectors,
		     const char *type, const char *params, uint32_t *cookie,
		     bool *made, void (*loaded)(void *data), void *data);
void __wrap_map_make_node(const char *name);
bool __wrap_write_back(const struct device *device, unsigned int limit);
bool __wrap_map_remove(const char *name);
bool __wrap_stack_read(struct stack *stack);
void __wrap_backing_of_directory(const char *path, struct backing *backing);
bool __wrap_loop_attach(const char *file, int backing, char *node, size_t size);
bool __wrap_looks(const char *const argv[]);
int __wrap_run(const char *const argv[]);

static char directory[] = "/tmp/test-undo.XXXXXX";

/* In memory that all processes share */
static struct world {
	/* The only mapped device: what it was created as, and its name now */
	const char *created_as, *name_now;
	char removed[64];
} *world;

#define created_as (world->created_as)
#define name_now (world->name_now)
#define removed (world->removed)

static bool makes, fails;		/* what map_make() does */
static enum { SURVIVES, BEFORE_IT_TELLS, AFTERWARDS } dies;
static bool stays_dirty;
static bool volume_is_there, lvcreate_ran;
static void (*between)(void);		/* what somebody else does before a step */

bool __wrap_map_info(const char *name, struct map_info *info)
{
	memset(info, 0, sizeof(*info));
	if (!name_now || strcmp(name, name_now))
		return false;
	snprintf(info->name, sizeof(info->name), "%s", name);
	info->dev = makedev(4000, 1);
	info->exists = true;
	return true;
}

bool __wrap_map_made(enum map_kind kind, const char *name,
		     struct map_info *info)
{
	(void)kind;
	return created_as && !strcmp(name, created_as) &&
	       __wrap_map_info(name_now, info);
}

/* In a process of its own */
bool __wrap_map_make(const char *name, enum map_kind kind, uint64_t sectors,
		     const char *type, const char *params, uint32_t *cookie,
		     bool *made, void (*loaded)(void *data), void *data)
{
	(void)kind;
	(void)sectors;
	(void)type;
	(void)params;
	(void)cookie;
	loaded(data);
	if (makes)
		created_as = name_now = name;
	if (dies == BEFORE_IT_TELLS)
		raise(SIGKILL);
	*made = makes;
	if (dies == AFTERWARDS)
		raise(SIGKILL);
	return !fails;
}

void __wrap_map_make_node(const char *name)
{
	(void)name;
}

bool __wrap_write_back(const struct device *device, unsigned int limit)
{
	(void)device;
	(void)limit;
	return !stays_dirty;
}

bool __wrap_map_remove(const char *name)
{
	snprintf(removed, sizeof(removed), "%s", name);
	return true;
}

bool __wrap_stack_read(struct stack *stack)
{
	memset(stack, 0, sizeof(*stack));
	return true;
}

void __wrap_backing_of_directory(const char *path, struct backing *backing)
{
	(void)path;
	backing->n = 1;
	strcpy(backing->names[0], "sda");
}

bool __wrap_loop_attach(const char *file, int backing, char *node, size_t size)
{
	(void)file;
	(void)node;
	(void)size;
	is("the loop device is made of the file that was made", backing >= 0);
	return false;
}

bool __wrap_looks(const char *const argv[])
{
	(void)argv;
	return volume_is_there;
}

int __wrap_run(const char *const argv[])
{
	(void)argv;
	lvcreate_ran = true;
	return 5;
}

void step_begins(void)
{
	if (between)
		between();
}

static char *path_of(const char *name)
{
	static char path[sizeof(directory) + 64];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static bool is_there(const char *name)
{
	struct stat st;

	return !lstat(path_of(name), &st);
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	fputs(text, file);
	fclose(file);
}

/* Recovers from a process that was killed after these lines */
static bool recovers(const char *lines)
{
	struct record record;
	char text[512];

	snprintf(text, sizeof(text), "interposectl 2\n%s", lines);
	put("killed", text);
	*removed = '\0';
	return record_read(&record, "killed") && !record.foreign &&
	       record_roll_back(&record) && !is_there("killed");
}

/*
 * Mapped devices
 */

static bool pins;

static bool attaches(const char *name)
{
	struct device device = { .path = "/dev/vda1", .sectors = 8 };
	struct record record;
	struct attachment attachment = { .device = &device, .name = name,
					 .limit = 600, .record = &record,
					 .pin = pins };
	bool good;

	*removed = '\0';
	if (!record_begin(&record, "attach"))
		return false;
	good = attach_device(&attachment);
	return record_roll_back(&record) && !is_there("attach") && good;
}

static void test_maps(void)
{
	created_as = "x";
	name_now = "y";
	fails = true;
	is("what was renamed is not what failed", !attaches("x") && !*removed);
	name_now = "x";
	is("nor what somebody else has made meanwhile",
	   !attaches("x") && !*removed);
	makes = true;
	is("what is left of a failure is", !attaches("x") &&
					   !strcmp(removed, "x"));
	fails = false;
	is("and what is undone later", attaches("x") && !strcmp(removed, "x"));
	pins = true;
	is("also what is pinned", attaches("x") && !strcmp(removed, "x"));
	pins = false;
	dies = AFTERWARDS;
	is("and what one that was killed has made", !attaches("x") &&
						    !strcmp(removed, "x"));
	dies = BEFORE_IT_TELLS;
	is("even if it could not tell any more", !attaches("x") &&
						 !strcmp(removed, "x"));
	makes = false;
	name_now = "y";
	is("but not what was renamed", !attaches("x") && !*removed);
	name_now = "x";
	dies = SURVIVES;
	makes = stays_dirty = true;
	is("nothing is made before all is written back",
	   !attaches("x") && !*removed);
	makes = stays_dirty = false;

	is("killed: an interposer", recovers("undo interposer x\n") &&
				    !strcmp(removed, "x"));
	is("killed: a pinned one", recovers("undo pinned x\n") &&
				   !strcmp(removed, "x"));
	is("killed: a snapshot", recovers("undo snapshot x\n") &&
				 !strcmp(removed, "x"));
	is("killed: a COW store on its origin", recovers("undo store x\n") &&
						!strcmp(removed, "x"));
	is("with another number", recovers("undo snapshot x\nis 1 4000:1/7\n") &&
				  !*removed);
	is("known to have made nothing", recovers("undo snapshot x\ndone 1\n") &&
					 !*removed);
	name_now = "y";
	is("killed: a renamed interposer stays",
	   recovers("undo interposer x\n") && !*removed);
	is("killed: a renamed snapshot stays",
	   recovers("undo snapshot x\n") && !*removed);
}

/*
 * Space
 */

static enum lies reaches(const char *name, const void *data, char *why,
			 size_t size)
{
	(void)name;
	(void)data;
	(void)why;
	(void)size;
	return LIES_NOT;
}

static void make(enum cow_kind kind, const char *where)
{
	struct device origin = { .name = "vda1", .sectors = 131072 };
	struct cow_options options = { .kind = kind, .where = where,
				       .size = "8M" };
	struct cow_request request = { .options = &options, .origin = &origin,
		.snapshot = "s", .memory = 1 << 24, .reaches = reaches };
	struct record record;
	char node[300];

	is("begun", record_begin(&record, "new"));
	is("fails", !cow_make(&request, &record, node, sizeof(node)));
	is("is undone", record_roll_back(&record) && !is_there("new"));
}

static void somebody_writes(void)
{
	put("cow", "mine");
}

static void somebody_touches(void)
{
	put("cow", "");
}

static void somebody_links(void)
{
	if (!is_there("cow") && symlink("nowhere", path_of("cow")))
		abort();
}

static void somebody_makes_a_directory(void)
{
	if (!is_there("ram-s") && mkdir(path_of("ram-s"), 0700))
		abort();
}

/* As a new one, and as one that a process was killed in making */
static void stays(const char *claim)
{
	char line[128];

	snprintf(line, sizeof(line), "undo file %s\n", path_of("cow"));
	is(claim, is_there("cow"));
	is("also from recover", recovers(line) && is_there("cow"));
	unlink(path_of("cow"));
}

static void test_files(void)
{
	char cow[128], line[256];

	strcpy(cow, path_of("cow"));
	somebody_links();
	make(COW_FILE, cow);
	stays("a link that leads nowhere");
	put("cow", "mine");
	make(COW_FILE, cow);
	stays("a file");
	between = somebody_links;
	make(COW_FILE, cow);
	between = NULL;
	stays("a link that appears in between");
	between = somebody_writes;
	make(COW_FILE, cow);
	between = NULL;
	stays("a file that appears in between");

	between = somebody_touches;
	make(COW_FILE, cow);
	between = NULL;
	is("an empty file that appears in between", is_there("cow"));
	unlink(cow);

	make(COW_FILE, cow);
	is("what was made is removed", !is_there("cow"));
	put("cow", "");
	snprintf(line, sizeof(line), "undo file %s\n", cow);
	is("also if it was killed there", recovers(line) && !is_there("cow"));
	put("cow", "mine");
	snprintf(line, sizeof(line), "undo file %s\nis 1 1/1.1/1.1\n", cow);
	is("another number", recovers(line) && is_there("cow"));
	unlink(cow);
}

/* What "track" has added to an interposetab */
static void test_lines(void)
{
	char tab[128], line[256], text[64] = "";
	FILE *file;

	strcpy(tab, path_of("tab"));
	snprintf(line, sizeof(line), "undo line x %s\n", tab);
	is("a line of a file that is not there", recovers(line) && !is_there("tab"));
	put("tab", "# x\nx /dev/vda - era\nxx /dev/vdb - era\n");
	is("a line", recovers(line));
	file = fopen(tab, "r");
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	is("and no other one", !strcmp(text, "# x\nxx /dev/vdb - era\n"));
	unlink(tab);
}

static void test_others(void)
{
	somebody_makes_a_directory();
	make(COW_RAM, NULL);
	is("a directory", !rmdir(path_of("ram-s")));
	between = somebody_makes_a_directory;
	make(COW_RAM, NULL);
	between = NULL;
	is("a directory that appears in between", !rmdir(path_of("ram-s")));

	volume_is_there = true;
	make(COW_LV, "vg");
	is("of a volume that exists none is made", !lvcreate_ran);
	volume_is_there = false;
	make(COW_LV, "vg");
	is("else it is tried", lvcreate_ran);
	is("killed long ago: a name is not enough",
	   recovers("undo lv vg/s-cow\nundo loop /a\n"));
}

int main(void)
{
	if (geteuid()) {
		printf("1..0 # skip: needs root\n");
		return 0;
	}
	world = process_share(sizeof(*world));
	if (!world || !mkdtemp(directory) || !freopen("/dev/null", "w", stderr))
		return 1;
	state_dir = directory;
	test_maps();
	test_files();
	test_lines();
	test_others();
	is("nothing else is left there", !rmdir(directory));
	return done();
}
