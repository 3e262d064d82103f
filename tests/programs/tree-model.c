// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on a tree of files, beside a model of it in memory: names,
 * types, links, modes, attributes and contents must be those of the model. In a
 * directory that all share, where nobody knows what is there, they come to blows.
 *
 *	tree-model [option...] DIRECTORY
 *
 *  --shared D	another directory, which others stir up, too
 *  ...		see model.h
 *
 * Ends with status 0 when all was right and each operation was done, if there
 * were a thousand; with 1 and a message when not.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "model.h"

#define MAX_NODES	96u	/* names */
#define MAX_DEPTH	5u
#define MAX_BYTES	(48u * 1024)
#define SHARED_NAMES	6u

enum op {
	OP_MKDIR, OP_CREATE, OP_TMPFILE, OP_SYMLINK, OP_FIFO, OP_LINK,
	OP_REWRITE, OP_APPEND, OP_TRUNCATE, OP_RENAME, OP_EXCHANGE, OP_UNLINK,
	OP_RMDIR, OP_CHMOD, OP_XATTR, OP_FSYNC, OP_CHECK, OP_LIST, OP_SHARED,
	NR_OPS
};

static const struct model_op ops[NR_OPS] = {
	[OP_MKDIR]	= { "mkdir", 6, false },
	[OP_CREATE]	= { "create", 12, false },
	[OP_TMPFILE]	= { "link of a nameless file", 3, false },
	[OP_SYMLINK]	= { "symlink", 4, false },
	[OP_FIFO]	= { "mknod", 2, false },
	[OP_LINK]	= { "link", 5, false },
	[OP_REWRITE]	= { "rewrite", 6, false },
	[OP_APPEND]	= { "append", 8, false },
	[OP_TRUNCATE]	= { "truncate", 4, false },
	[OP_RENAME]	= { "rename", 10, false },
	[OP_EXCHANGE]	= { "exchange", 3, false },
	[OP_UNLINK]	= { "unlink", 14, false },
	[OP_RMDIR]	= { "rmdir", 4, false },
	[OP_CHMOD]	= { "chmod", 4, false },
	[OP_XATTR]	= { "setxattr", 5, false },
	[OP_FSYNC]	= { "fsync", 4, false },
	[OP_CHECK]	= { "check", 12, false },
	[OP_LIST]	= { "list", 6, false },
	[OP_SHARED]	= { "work in the shared directory", 12, false },
};

/* What a name stands for. Number 0 is the root. */
struct inode {
	mode_t mode;		/* 0: it is free */
	unsigned int links;
	size_t size;
	uint64_t key;		/* what is in it */
	uint32_t attribute;	/* 0: it has none */
};

struct node {
	struct inode *inode;	/* NULL: it is free */
	unsigned int parent;
	uint32_t name;
};

static struct {
	const char *shared;
	struct node node[MAX_NODES];
	struct inode inode[MAX_NODES];
	uint32_t names;
	unsigned char data[MAX_BYTES], got[MAX_BYTES + 1];
} t;

static void must(int r)
{
	if (r < 0)
		failed("%s", strerror(errno));
}

/* Short and long names, so that directories have many blocks. */
static void name_of(uint32_t number, char *out)
{
	unsigned int length = random_mix(number) % 8 ? 8 : 60;
	int n = sprintf(out, "%u", number);

	memset(out + n, 'x', length);
	out[n + length] = '\0';
}

static void path_of(unsigned int node, char *out, size_t size)
{
	char name[128], rest[4096] = "", next[4096 + 160];

	for (; node; node = t.node[node].parent) {
		name_of(t.node[node].name, name);
		snprintf(next, sizeof(next), "/%s%s", name, rest);
		snprintf(rest, sizeof(rest), "%.4095s", next);
	}
	snprintf(out, size, "%s%s", model.path, rest);
}

static unsigned int depth(unsigned int node)
{
	unsigned int n = 0;

	for (; node; node = t.node[node].parent)
		n++;
	return n;
}

static bool is_within(unsigned int node, unsigned int directory)
{
	for (; node; node = t.node[node].parent)
		if (node == directory)
			return true;
	return !directory;
}

static unsigned int entries(unsigned int directory)
{
	unsigned int i, n = 0;

	for (i = 1; i < MAX_NODES; i++)
		n += t.node[i].inode && t.node[i].parent == directory;
	return n;
}

/* A random one of that type, or 0 if there is none; the root is a directory. */
static unsigned int any(mode_t type)
{
	unsigned int i, n = random_below(&model.rnd, MAX_NODES);

	for (i = 0; i < MAX_NODES; i++, n = (n + 1) % MAX_NODES)
		if (t.node[n].inode && (n || type == S_IFDIR) &&
		    (!type || (t.node[n].inode->mode & S_IFMT) == type))
			return n;
	return 0;
}

/* Where something new can be: 0 if there is no room. Sets its path, or "". */
static unsigned int new_node(char *path, size_t size)
{
	unsigned int i, parent = any(S_IFDIR);

	*path = '\0';
	for (i = 1; i < MAX_NODES && t.node[i].inode; i++)
		;
	if (i == MAX_NODES || depth(parent) >= MAX_DEPTH)
		return 0;
	t.node[i].parent = parent;
	t.node[i].name = ++t.names;
	path_of(i, path, size);
	return i;
}

static struct inode *new_inode(unsigned int node, mode_t mode)
{
	unsigned int i;

	for (i = 1; t.inode[i].mode; i++)
		;
	t.inode[i] = (struct inode){ .mode = mode, .links = 1 };
	t.node[node].inode = &t.inode[i];
	return &t.inode[i];
}

static void drop_node(unsigned int node)
{
	if (!--t.node[node].inode->links)
		t.node[node].inode->mode = 0;
	t.node[node].inode = NULL;
}

static void content(uint64_t key, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		t.data[i] = random_mix(key + i / 8) >> (i % 8 * 8);
}

static void write_at(int fd, size_t from, size_t to)
{
	ssize_t r;

	while (from < to) {
		r = pwrite(fd, t.data + from, to - from, from);
		must(r);
		from += r;
	}
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	must(fd);
	return fd;
}

static void set_content(struct inode *inode, int fd)
{
	inode->key = random_next(&model.rnd);
	inode->size = random_below(&model.rnd, random_chance(&model.rnd, 3) ?
				   MAX_BYTES : 3000);
	content(inode->key, inode->size);
	write_at(fd, 0, inode->size);
}

/* --- what is made */

static bool make(enum op op)
{
	char path[4400], proc[64];
	unsigned int node = new_node(path, sizeof(path));
	int fd;

	doing("%s of %s", ops[op].name, path);
	if (!node)
		return false;
	switch (op) {
	case OP_MKDIR:
		must(mkdir(path, 0700));
		new_inode(node, S_IFDIR | 0700);
		return true;
	case OP_SYMLINK:
		must(symlink(path, path));
		new_inode(node, S_IFLNK | 0777);
		t.node[node].inode->key = t.node[node].name;
		return true;
	case OP_FIFO:
		must(mkfifo(path, 0600));
		new_inode(node, S_IFIFO | 0600);
		return true;
	case OP_TMPFILE:
		fd = open_file(model.path, O_RDWR | O_TMPFILE);
		set_content(new_inode(node, S_IFREG | 0600), fd);
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
		must(linkat(AT_FDCWD, proc, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
		break;
	default:
		fd = open_file(path, O_RDWR | O_CREAT | O_EXCL);
		set_content(new_inode(node, S_IFREG | 0600), fd);
	}
	must(close(fd));
	return true;
}

static bool link_file(void)
{
	unsigned int from = any(S_IFREG), node;
	char old[4400], path[4400];

	doing("link");
	if (!from)
		return false;
	path_of(from, old, sizeof(old));
	node = new_node(path, sizeof(path));
	doing("link of %s as %s", old, path);
	if (!node)
		return false;
	must(link(old, path));
	t.node[node].inode = t.node[from].inode;
	t.node[node].inode->links++;
	return true;
}

/* --- what is changed */

static bool change_file(enum op op)
{
	unsigned int node = any(S_IFREG);
	struct inode *inode = t.node[node].inode;
	char path[4400];
	size_t size;
	int fd;

	path_of(node, path, sizeof(path));
	doing("%s of %s", ops[op].name, path);
	if (!node)
		return false;
	fd = open_file(path, O_RDWR | (op == OP_REWRITE ? O_TRUNC : 0));
	if (op == OP_REWRITE) {
		set_content(inode, fd);
	} else if (op == OP_APPEND) {
		size = inode->size +
		       random_below(&model.rnd, MAX_BYTES - inode->size + 1) / 2;
		content(inode->key, size);
		write_at(fd, inode->size, size);
		inode->size = size;
	} else if (op == OP_TRUNCATE) {
		inode->size = random_below(&model.rnd, inode->size + 1);
		must(ftruncate(fd, inode->size));
	} else {
		must(random_chance(&model.rnd, 2) ? fsync(fd) : fdatasync(fd));
	}
	must(close(fd));
	return true;
}

static bool rename_node(void)
{
	unsigned int from = any(random_chance(&model.rnd, 3) ? S_IFDIR : 0), to;
	char old[4400], path[4400];

	doing("rename");
	if (!from)
		return false;
	path_of(from, old, sizeof(old));
	to = new_node(path, sizeof(path));
	doing("rename of %s to %s", old, path);
	if (!to || is_within(t.node[to].parent, from))
		return false;
	must(rename(old, path));
	t.node[from].parent = t.node[to].parent;
	t.node[from].name = t.node[to].name;
	return true;
}

/* Of two that are not within each other. */
static bool do_exchange(void)
{
	unsigned int a = any(0), b = any(0);
	char one[4400], two[4400];
	struct inode *inode;

	doing("exchange");
	if (!a || !b || a == b || S_ISDIR(t.node[a].inode->mode) ||
	    S_ISDIR(t.node[b].inode->mode))
		return false;
	path_of(a, one, sizeof(one));
	path_of(b, two, sizeof(two));
	doing("exchange of %s and %s", one, two);
	must(renameat2(AT_FDCWD, one, AT_FDCWD, two, RENAME_EXCHANGE));
	inode = t.node[a].inode;
	t.node[a].inode = t.node[b].inode;
	t.node[b].inode = inode;
	return true;
}

static bool remove_node(bool directory)
{
	unsigned int node = any(directory ? S_IFDIR : 0);
	char path[4400];

	path_of(node, path, sizeof(path));
	doing("%s of %s", directory ? "rmdir" : "unlink", path);
	if (!node || (!directory && S_ISDIR(t.node[node].inode->mode)))
		return false;
	if (directory && entries(node)) {
		if (!rmdir(path) || errno != ENOTEMPTY)
			failed("it is not empty, and was removed");
		return true;
	}
	must(directory ? rmdir(path) : unlink(path));
	drop_node(node);
	return true;
}

static bool change_mode(void)
{
	unsigned int node = any(S_IFREG);
	mode_t mode = 0600 | random_below(&model.rnd, 0100);
	char path[4400];

	path_of(node, path, sizeof(path));
	doing("chmod of %s to %o", path, mode);
	if (!node)
		return false;
	must(chmod(path, mode));
	t.node[node].inode->mode = S_IFREG | mode;
	return true;
}

static bool set_attribute(void)
{
	unsigned int node = any(S_IFREG);
	uint32_t value = random_next(&model.rnd);
	char path[4400];

	path_of(node, path, sizeof(path));
	doing("setxattr of %s to %u", path, value);
	if (!node)
		return false;
	must(setxattr(path, "user.model", &value, sizeof(value), 0));
	t.node[node].inode->attribute = value;
	return true;
}

/* --- what must be true */

static void check_content(const struct inode *inode, const char *path)
{
	int fd = open_file(path, O_RDONLY);
	size_t at = 0, i;
	ssize_t r;

	if (random_chance(&model.rnd, 3)) {
		must(fsync(fd));
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	while ((r = pread(fd, t.got + at, sizeof(t.got) - at, at)) > 0)
		at += r;
	must(r);
	must(close(fd));
	if (at != inode->size)
		failed("%s: %zu bytes, wanted %zu", path, at, inode->size);
	content(inode->key, at);
	for (i = 0; i < at; i++)
		if (t.got[i] != t.data[i])
			failed("%s: byte %zu is 0x%02x, wanted 0x%02x", path, i,
			       t.got[i], t.data[i]);
}

static void check_attribute(const struct inode *inode, const char *path)
{
	uint32_t value = 0;
	ssize_t r = getxattr(path, "user.model", &value, sizeof(value));

	if (r < 0 && errno != ENODATA)
		must(r);
	if (value != inode->attribute)
		failed("%s: attribute %u, wanted %u", path, value,
		       inode->attribute);
}

static void check_node(unsigned int node)
{
	const struct inode *inode = t.node[node].inode;
	char path[4400], target[4400] = "", name[128];
	struct stat st;

	path_of(node, path, sizeof(path));
	doing("check of %s", path);
	must(lstat(path, &st));
	if (st.st_mode != inode->mode)
		failed("mode %o, wanted %o", st.st_mode, inode->mode);
	if (!S_ISDIR(st.st_mode) && st.st_nlink != inode->links)
		failed("%u links, wanted %u", (unsigned int)st.st_nlink,
		       inode->links);
	if (S_ISREG(st.st_mode)) {
		check_content(inode, path);
		check_attribute(inode, path);
	} else if (S_ISLNK(st.st_mode)) {
		must(readlink(path, target, sizeof(target) - 1));
		name_of(inode->key, name);
		if (!strstr(target, name))
			failed("it leads to %s", target);
	}
}

static void do_list(unsigned int directory)
{
	unsigned int wanted = entries(directory), got = 0;
	struct dirent *entry;
	char path[4400];
	DIR *dir;

	path_of(directory, path, sizeof(path));
	doing("list of %s", path);
	dir = opendir(path);
	if (!dir)
		failed("%s", strerror(errno));
	while ((entry = readdir(dir)))
		got += entry->d_name[0] != '.';
	closedir(dir);
	if (got != wanted)
		failed("%u entries, wanted %u", got, wanted);
}

/* --- where all work at once: what is in the way of another is no fault */

static bool do_shared(void)
{
	static const int allowed[] = { 0, ENOENT, EEXIST, ENOTEMPTY, ENOTDIR,
				       EISDIR, EINVAL, ENXIO, EPERM, ELOOP };
	char a[4096], b[4112];
	unsigned int what = random_below(&model.rnd, 7), i;
	int fd, r = 0;

	if (!t.shared)
		return true;
	snprintf(a, sizeof(a), "%s/%u", t.shared,
		 (unsigned int)random_below(&model.rnd, SHARED_NAMES));
	snprintf(b, sizeof(b), "%s/%u",
		 random_chance(&model.rnd, 3) ? a : t.shared,
		 (unsigned int)random_below(&model.rnd, SHARED_NAMES));
	doing("work %u in the shared directory: %s %s", what, a, b);
	switch (what) {
	case 0:
		r = mkdir(random_chance(&model.rnd, 2) ? a : b, 0700);
		break;
	case 1:
		fd = open(a, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
		r = fd < 0 ? -1 : write(fd, t.data, 1000) < 0 ? -1 : 0;
		if (fd >= 0)
			close(fd);
		break;
	case 2:
		r = rename(a, b);
		break;
	case 3:
		r = link(a, b);
		break;
	case 4:
		r = symlink("0", b);
		break;
	case 5:
		r = unlink(b);
		break;
	default:
		r = rmdir(a);
	}
	for (i = 0; r && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (errno == allowed[i])
			r = 0;
	must(r);
	return true;
}

static bool operate(unsigned int op)
{
	unsigned int node;

	switch (op) {
	case OP_LINK:
		return link_file();
	case OP_REWRITE:
	case OP_APPEND:
	case OP_TRUNCATE:
	case OP_FSYNC:
		return change_file(op);
	case OP_RENAME:
		return rename_node();
	case OP_EXCHANGE:
		return do_exchange();
	case OP_UNLINK:
	case OP_RMDIR:
		return remove_node(op == OP_RMDIR);
	case OP_CHMOD:
		return change_mode();
	case OP_XATTR:
		return set_attribute();
	case OP_CHECK:
		node = any(0);
		if (node)
			check_node(node);
		return node;
	case OP_LIST:
		do_list(any(S_IFDIR));
		return true;
	case OP_SHARED:
		return do_shared();
	default:
		return make(op);
	}
}

int main(int argc, char **argv)
{
	unsigned int i;

	umask(0);
	model.program = "tree-model";
	model.ops = ops;
	model.nr_ops = NR_OPS;
	model_begin(argc, argv, "DIRECTORY", "shared", &t.shared);
	t.inode[0] = (struct inode){ .mode = S_IFDIR, .links = 1 };
	t.node[0].inode = &t.inode[0];

	model_run(operate);
	for (i = 0; i < MAX_NODES; i++) {
		if (!t.node[i].inode)
			continue;
		if (i)
			check_node(i);
		if (S_ISDIR(t.node[i].inode->mode))
			do_list(i);
	}
	model_counts();
	printf("\n");
	model_end();
	return 0;
}
