// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on a tree of files, beside a model of it in memory: names,
 * types, links, modes, attributes and contents must be those of the model. In a
 * directory that all share, where nobody knows what is there, they come to blows.
 *
 *	tree-model [option...] DIRECTORY
 *
 *  --seed N	the operations follow from it (default 1)
 *  --ops N	so many (default 1000) ...
 *  --while F	... and as long as the file F exists
 *  --shared D	another directory, which others stir up, too
 *  --log F	each operation, before it is done
 *
 * Ends with status 0 when all was right and each operation was done, if there
 * were a thousand; with 1 and a message when not.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "random.h"

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

static const struct {
	const char *name;
	unsigned int weight;
} ops[NR_OPS] = {
	[OP_MKDIR]	= { "mkdir", 6 },
	[OP_CREATE]	= { "create", 12 },
	[OP_TMPFILE]	= { "link of a nameless file", 3 },
	[OP_SYMLINK]	= { "symlink", 4 },
	[OP_FIFO]	= { "mknod", 2 },
	[OP_LINK]	= { "link", 5 },
	[OP_REWRITE]	= { "rewrite", 6 },
	[OP_APPEND]	= { "append", 8 },
	[OP_TRUNCATE]	= { "truncate", 4 },
	[OP_RENAME]	= { "rename", 10 },
	[OP_EXCHANGE]	= { "exchange", 3 },
	[OP_UNLINK]	= { "unlink", 14 },
	[OP_RMDIR]	= { "rmdir", 4 },
	[OP_CHMOD]	= { "chmod", 4 },
	[OP_XATTR]	= { "setxattr", 5 },
	[OP_FSYNC]	= { "fsync", 4 },
	[OP_CHECK]	= { "check", 12 },
	[OP_LIST]	= { "list", 6 },
	[OP_SHARED]	= { "work in the shared directory", 12 },
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
	const char *path, *log_path, *while_there, *shared;
	uint64_t seed, nr, step;
	struct random rnd;
	FILE *log;
	struct node node[MAX_NODES];
	struct inode inode[MAX_NODES];
	uint32_t names;
	unsigned long done[NR_OPS];
	char doing[400];
	unsigned char data[MAX_BYTES], got[MAX_BYTES + 1];
} t = { .seed = 1, .nr = 1000 };

static void __attribute__((noreturn, format(printf, 1, 2)))
failed(const char *fmt, ...)
{
	va_list args;

	printf("tree-model: FAILED: %s, seed %llu, step %llu, %s: ", t.path,
	       (unsigned long long)t.seed, (unsigned long long)t.step, t.doing);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	exit(1);
}

static void __attribute__((format(printf, 1, 2))) doing(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(t.doing, sizeof(t.doing), fmt, args);
	va_end(args);
	fprintf(t.log, "%llu: %s\n", (unsigned long long)t.step, t.doing);
}

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
	snprintf(out, size, "%s%s", t.path, rest);
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
	unsigned int i, n = random_below(&t.rnd, MAX_NODES);

	for (i = 0; i < MAX_NODES; i++, n = (n + 1) % MAX_NODES)
		if (t.node[n].inode && (n || type == S_IFDIR) &&
		    (!type || (t.node[n].inode->mode & S_IFMT) == type))
			return n;
	return 0;
}

/* Where something new can be: 0 if there is no room. Sets its path. */
static unsigned int new_node(char *path, size_t size)
{
	unsigned int i, parent = any(S_IFDIR);

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
	inode->key = random_next(&t.rnd);
	inode->size = random_below(&t.rnd, random_chance(&t.rnd, 3) ?
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
		fd = open_file(t.path, O_RDWR | O_TMPFILE);
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
		       random_below(&t.rnd, MAX_BYTES - inode->size + 1) / 2;
		content(inode->key, size);
		write_at(fd, inode->size, size);
		inode->size = size;
	} else if (op == OP_TRUNCATE) {
		inode->size = random_below(&t.rnd, inode->size + 1);
		must(ftruncate(fd, inode->size));
	} else {
		must(random_chance(&t.rnd, 2) ? fsync(fd) : fdatasync(fd));
	}
	must(close(fd));
	return true;
}

static bool rename_node(void)
{
	unsigned int from = any(random_chance(&t.rnd, 3) ? S_IFDIR : 0), to;
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
	mode_t mode = 0600 | random_below(&t.rnd, 0100);
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
	uint32_t value = random_next(&t.rnd);
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

	if (random_chance(&t.rnd, 3)) {
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
	unsigned int what = random_below(&t.rnd, 7), i;
	int fd, r = 0;

	if (!t.shared)
		return true;
	snprintf(a, sizeof(a), "%s/%u", t.shared,
		 (unsigned int)random_below(&t.rnd, SHARED_NAMES));
	snprintf(b, sizeof(b), "%s/%u",
		 random_chance(&t.rnd, 3) ? a : t.shared,
		 (unsigned int)random_below(&t.rnd, SHARED_NAMES));
	doing("work %u in the shared directory: %s %s", what, a, b);
	switch (what) {
	case 0:
		r = mkdir(random_chance(&t.rnd, 2) ? a : b, 0700);
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

static bool operate(enum op op)
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

static enum op choose(void)
{
	unsigned int sum = 0, op, n;

	for (op = 0; op < NR_OPS; op++)
		sum += ops[op].weight;
	n = random_below(&t.rnd, sum);
	for (op = 0; n >= ops[op].weight; op++)
		n -= ops[op].weight;
	return op;
}

static void parse_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 'e' },
		{ "ops", required_argument, NULL, 'n' },
		{ "while", required_argument, NULL, 'w' },
		{ "shared", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'e')
			t.seed = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			t.nr = strtoull(optarg, NULL, 0);
		else if (c == 'w')
			t.while_there = optarg;
		else if (c == 's')
			t.shared = optarg;
		else if (c == 'l')
			t.log_path = optarg;
		else
			exit(2);
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: tree-model [option...] DIRECTORY\n");
		exit(2);
	}
	t.path = argv[optind];
}

static bool more_steps(void)
{
	return t.step <= t.nr ||
		(t.while_there && !access(t.while_there, F_OK));
}

int main(int argc, char **argv)
{
	unsigned int i;

	umask(0);
	parse_arguments(argc, argv);
	t.log = fopen(t.log_path ? t.log_path : "/dev/null", "w");
	if (!t.log)
		failed("no log");
	setvbuf(t.log, NULL, _IOLBF, 0);
	random_seed(&t.rnd, t.seed, 0);
	t.inode[0] = (struct inode){ .mode = S_IFDIR, .links = 1 };
	t.node[0].inode = &t.inode[0];

	for (t.step = 1; more_steps(); t.step++) {
		enum op op = choose();

		if (operate(op))
			t.done[op]++;
	}
	for (i = 0; i < MAX_NODES; i++) {
		if (!t.node[i].inode)
			continue;
		if (i)
			check_node(i);
		if (S_ISDIR(t.node[i].inode->mode))
			do_list(i);
	}
	printf("tree-model: %s, seed %llu: %llu operations:", t.path,
	       (unsigned long long)t.seed, (unsigned long long)t.step - 1);
	for (i = 0; i < NR_OPS; i++)
		printf("%s %lu %s", i ? "," : "", t.done[i], ops[i].name);
	printf("\n");
	doing("at the end");
	for (i = 0; t.nr >= 1000 && i < NR_OPS; i++)
		if (!t.done[i])
			failed("no %s was done", ops[i].name);
	printf("tree-model: all was right\n");
	return 0;
}
