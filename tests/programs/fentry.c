// SPDX-License-Identifier: GPL-2.0-only
/*
 * fentry FUNCTION COMMAND…: runs the command while a BPF program that does nothing is
 * called at the beginning of that function of the kernel, as tracers do it. Ends with
 * the status of the command, or with 3 if the kernel does not allow the program there.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t read_all(const char *path, char *to, size_t size)
{
	size_t length = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		err(2, "%s", path);
	while ((got = read(fd, to + length, size - length)) > 0)
		length += got;
	close(fd);
	return length;
}

/* How much follows the head of a type, beside that what all have. */
static size_t rest_of(const struct btf_type *type)
{
	size_t n = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_ENUM64:
		return n * sizeof(struct btf_enum64);
	default:
		return 0;
	}
}

static int type_of(const char *function)
{
	static char data[32 << 20];
	size_t length = read_all("/sys/kernel/btf/vmlinux", data, sizeof(data));
	const struct btf_header *head = (const void *)data;
	const char *at = data + head->hdr_len + head->type_off;
	const char *end = at + head->type_len;
	const char *names = data + head->hdr_len + head->str_off;
	const struct btf_type *type;

	if (length <= sizeof(*head) || head->magic != BTF_MAGIC || length == sizeof(data))
		errx(2, "the kernel's types cannot be read");
	for (int id = 1; at < end; id++) {
		type = (const void *)at;
		if (BTF_INFO_KIND(type->info) == BTF_KIND_FUNC &&
		    !strcmp(names + type->name_off, function))
			return id;
		at += sizeof(*type) + rest_of(type);
	}
	errx(2, "the kernel has no type of %s()", function);
}

static int load(int type)
{
	static char said[1 << 16];
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_FENTRY,
		.insns = (uintptr_t)code,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
		.attach_btf_id = type,
		.log_buf = (uintptr_t)said,
		.log_size = sizeof(said),
		.log_level = 1,
	};
	int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (fd < 0)
		err(2, "the program cannot be loaded: %s", said);
	return fd;
}

int main(int argc, char **argv)
{
	union bpf_attr attr = { };
	int status;

	if (argc < 3)
		errx(2, "usage: fentry FUNCTION COMMAND...");
	attr.raw_tracepoint.prog_fd = load(type_of(argv[1]));
	if (syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr)) < 0)
		err(3, "no program can be put at %s()", argv[1]);
	if (!fork()) {
		execvp(argv[2], argv + 2);
		err(2, "%s", argv[2]);
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
