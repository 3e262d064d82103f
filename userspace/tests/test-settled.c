// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are to stay where they are, on an ext4 and an XFS in loop devices: they
 * do, are found there, and not elsewhere; and who meddles with them is found out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "map.h"
#include "say.h"
#include "settled.h"
#include "stack.h"
#include "tap.h"

int __wrap_map_each(bool (*each)(const char *name, dev_t dev, void *data),
		    void *data);
bool __wrap_map_info_of(dev_t dev, const char *name, struct map_info *info);
bool __wrap_map_pieces(dev_t dev, bool loaded, struct map_piece **pieces,
		       size_t *n);
bool __wrap_stack_read(struct stack *stack);

#define STORE	makedev(253, 7)

static char root[] = "/tmp/test-settled.XXXXXX", at[128];
static struct device device;
static struct settled file;
static const char *store;		/* the only mapped device, or NULL */
static uint64_t live, to_come;		/* where its tables lie, in sectors; 0: unknown */
static dev_t hooked;			/* the device beneath whose hook it lies */

int __wrap_map_each(bool (*each)(const char *name, dev_t dev, void *data),
		    void *data)
{
	if (!each("other", makedev(253, 6), data) && store)
		each(store, STORE, data);
	return 0;
}

bool __wrap_map_info_of(dev_t dev, const char *name, struct map_info *info)
{
	memset(info, 0, sizeof(*info));
	snprintf(info->name, sizeof(info->name), "%s", name);
	if (dev == STORE)
		snprintf(info->uuid, sizeof(info->uuid), "INTERPOSE-COW-x-cow");
	info->dev = dev;
	info->loaded = to_come;
	return true;
}

/* What that mapped device lies on is in a sysfs of its own */
bool __wrap_stack_read(struct stack *stack)
{
	memset(stack, 0, sizeof(*stack));
	stack->interposers = calloc(1, sizeof(*stack->interposers));
	stack->n_interposers = 1;
	stack->interposers->table.device = hooked;
	strcpy(stack->interposers->beneath, "interpose0");
	return true;
}

bool __wrap_map_pieces(dev_t dev, bool loaded, struct map_piece **pieces,
		       size_t *n)
{
	*n = 1;
	*pieces = calloc(1, sizeof(**pieces));
	**pieces = (struct map_piece) { 0, 8, loaded ? to_come : live };
	return dev == STORE && (*pieces)->at;
}

static bool sh(const char *commands)
{
	char line[2048];

	snprintf(line, sizeof(line), "cd %s && { %s; } >log 2>&1", root,
		 commands);
	return !system(line);
}

static void boot(const char *id)
{
	char line[256];

	snprintf(line, sizeof(line),
		 "mkdir -p proc/sys/kernel/random; echo %s >proc/sys/kernel/random/boot_id",
		 id);
	sh(line);
}

/* Pieces of free space between files */
static bool make_file_system(const char *mkfs)
{
	char line[1024], node[64] = "";
	struct stat st;
	FILE *out;

	snprintf(line, sizeof(line),
		 "rm -f disk; truncate -s 320M disk && %s disk && losetup -f --show disk >node && mount $(cat node) at", mkfs);
	if (!sh(line))
		return false;
	sh("for i in $(seq 60); do fallocate -l 2M at/$i; done; rm at/*[13579]; fallocate -l 100M at/rest; sync -f at");
	snprintf(line, sizeof(line), "%s/node", root);
	out = fopen(line, "r");
	if (!out || fscanf(out, "%63s", node) != 1 || stat(at, &st))
		return false;
	fclose(out);
	memset(&device, 0, sizeof(device));
	snprintf(device.path, sizeof(device.path), "%s", node);
	snprintf(device.name, sizeof(device.name), "%s", node + 5);
	snprintf(device.shown, sizeof(device.shown), "%s", node);
	device.dev = hooked = st.st_dev;
	device.sectors = sysfs_sectors(device.name);
	return device.sectors;
}

static int begin(void)
{
	settled_forget(&file);
	memset(&file, 0, sizeof(file));
	snprintf(file.path, sizeof(file.path), "%s/cow", at);
	snprintf(file.store, sizeof(file.store), "x-cow");
	file.on = &device;
	file.bytes = 24 << 20;
	return open(file.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static bool make(void)
{
	int fd = begin();

	return fd >= 0 && settled_allocate(&file, fd) && settled_fix(&file, fd);
}

static bool goes(void)
{
	return settled_release(file.path) && !unlink(file.path);
}

/* The name that it has is not that for which the file was made */
static void test_use(void)
{
	char by[128], sysfs[64];
	const char *real = sysfs_root;

	is("nothing uses it", !settled_in_use(file.path, by, sizeof(by)));
	store = "y-cow";
	live = file.extents.v[0].physical / 512;
	is("or a mapped device does", settled_in_use(file.path, by, sizeof(by)) &&
				      !strcmp(by, "y-cow"));
	is("which is that one", settled_lies_in(file.path, STORE) &&
				!settled_lies_in(file.path, STORE + 1));
	snprintf(sysfs, sizeof(sysfs), "%s/sysfs", root);
	sysfs_root = sysfs;
	is("and lies beneath its hook", settled_in_use(file.path, by, sizeof(by)));
	hooked = 0;
	is("one of another disk does not", !settled_in_use(file.path, by, sizeof(by)));
	sysfs_root = real;
	live = 1;
	is("nor one that lies elsewhere", !settled_in_use(file.path, by, sizeof(by)) &&
					  !settled_lies_in(file.path, STORE));
	to_come = file.extents.v[0].physical / 512 + 7;
	is("but it will when it is resumed", settled_in_use(file.path, by, sizeof(by)));
	live = to_come = 0;
	is("and so does one that cannot be told", settled_in_use(file.path, by, sizeof(by)));
	store = NULL;
}

static void test_file(void)
{
	char why[256];
	int fd, other;

	is("there can be one", settled_suits(at, why, sizeof(why)));
	is("it is made", make());
	is("it is found on its device", settled_prove(&file, device.path));
	is("it is in some pieces", file.extents.n >= 1);
	is("it stays there", settled_check(&file));
	is("nobody removes it", unlink(file.path) && errno == EPERM);
	is("nor writes to it", open(file.path, O_WRONLY) < 0 && errno == EPERM);
	is("it was made for that mapped device",
	   settled_is_of(file.path, "x-cow") &&
	   !settled_is_of(file.path, "y-cow"));
	test_use();
	is("on another device it is not", !settled_prove(&file, "/dev/zero"));
	is("it goes", settled_is_fixed(file.path) && goes());

	fd = begin();
	is("with somebody who writes", fd >= 0 && settled_allocate(&file, fd));
	other = dup(fd);
	is("it is not made", !settled_fix(&file, fd));
	close(other);
	is("and goes", goes());
}

static uint64_t kept[2];

/* Parts of its first and of its last place, and nothing else */
static bool keep_some(struct settled *one, int fd, void *data)
{
	const struct extents *all = &one->extents;

	(void)data;
	if (!settled_read(one, fd))
		return false;
	kept[0] = all->v[0].physical + (512 << 10);
	kept[1] = all->v[all->n - 1].physical + all->v[all->n - 1].length - (1 << 20);
	return extents_add_free(&one->spare, all, kept[1], 512 << 10) &&
	       extents_add_free(&one->spare, all, kept[0], 1 << 20) &&
	       settled_keep_spare(one, fd);
}

static void test_choosing(void)
{
	int fd = begin();

	file.choose = keep_some;
	is("a part of it", fd >= 0 && settled_allocate(&file, fd) &&
			   settled_fix(&file, fd) && file.bytes == 3 << 19);
	is("is all that is left", settled_prove(&file, device.path) &&
	   file.extents.n == 2 && extents_bytes(&file.extents) == 3 << 19 &&
	   file.extents.v[0].physical == kept[0] &&
	   file.extents.v[1].physical == kept[1]);
	is("it goes like others", goes());
}

static void test_meddling(void)
{
	is("one more", make());
	sh("chattr -i at/cow; dd if=/dev/zero of=at/cow bs=8k count=1 conv=notrunc oflag=direct; chattr +i at/cow");
	is("written to, it is no proof", !settled_prove(&file, device.path));
	is("it goes again", goes());
	is("and one", make() && settled_prove(&file, device.path));
	sh("chattr -i at/cow; fallocate -l 4M at/in-between; fallocate -p -o 4M -l 4M at/cow; fallocate -l 4M at/in-place; fallocate -o 4M -l 4M at/cow; sync -f at; chattr +i at/cow");
	is("moved, it is found out", !settled_check(&file));
	is("it goes once more", goes());
	is("and another", make() && settled_prove(&file, device.path));
	sh("chattr -i at/cow; mv at/cow at/moved; cp at/moved at/cow; chattr +i at/cow");
	is("another file is not taken for it", !settled_check(&file));
	sh("chattr -i at/cow; rm at/cow; mv at/moved at/cow");
	is("nor one that is not immutable", !settled_check(&file));
	is("it goes at last", goes());
}

static void test_cleaning(void)
{
	sh("touch at/mine");
	is("one that is left", make());
	is("in the same boot it stays", !settled_clean(at) &&
					!access(file.path, F_OK));
	boot("another");
	is("in the next one it goes", settled_clean(at) &&
				      access(file.path, F_OK));
	is("and nothing else", !settled_clean(at) && sh("test -e at/mine"));
	boot("one");
}

/* One that outlives its boot, if there is a record in it */
static void test_unfinished(void)
{
	int fd = begin();

	file.lasts = true;
	is("one that lasts", fd >= 0 && settled_allocate(&file, fd) &&
			     settled_fix(&file, fd) &&
			     settled_prove(&file, device.path));
	store = "x-cow";
	live = file.extents.v[0].physical / 512;
	is("in use it stays", !settled_clean(at));
	store = NULL;
	sh("cp -a at/cow at/copy; printf record | dd of=at/copy conv=notrunc");
	is("with nothing in it, it goes", settled_clean(at) &&
					  access(file.path, F_OK));
	is("with a record in it, it does not", sh("test -e at/copy; rm at/copy"));
	fd = begin();
	file.lasts = true;
	is("nor does one that is not immutable yet stay",
	   fd >= 0 && settled_allocate(&file, fd) && settled_clean(at) &&
	   access(file.path, F_OK));
	close(fd);
}

int main(void)
{
	static const char *const types[] = { "mkfs.ext4 -qF", "mkfs.xfs -qf" };
	char why[256];
	size_t n = 0;

	if (geteuid() || !mkdtemp(root)) {
		printf("1..0 # skip: needs root\n");
		return 0;
	}
	snprintf(at, sizeof(at), "%s/at", root);
	sh("mkdir -p at proc sysfs/dev/block sysfs/class/block/dm-7/slaves/interpose0; ln -s ../../class/block/dm-7 sysfs/dev/block/253:7");
	if (!freopen("/dev/null", "w", stderr))
		return 1;
	options.quiet = true;
	snprintf(why, sizeof(why), "%s/proc", root);
	proc_root = why;
	boot("one");
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (make_file_system(types[i])) {
			test_file();
			test_choosing();
			test_meddling();
			test_cleaning();
			test_unfinished();
			n++;
		}
		sh("umount at; losetup -d $(cat node)");
	}
	sh("cd / && rm -rf \"$OLDPWD\"");
	settled_forget(&file);
	if (n)
		return done();
	printf("1..0 # skip: needs loop devices\n");
	return 0;
}
