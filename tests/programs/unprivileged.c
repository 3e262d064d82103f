// SPDX-License-Identifier: GPL-2.0-only
/*
 * unprivileged NAME DEVICE: device-mapper's control node is opened with all
 * privileges, as a careless daemon might hand it on. Then CAP_SYS_ADMIN goes,
 * and each command is tried: on the interposer NAME, and to make one of DEVICE.
 * Each must be refused. First as root with all capabilities but that one, then
 * as a user with none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>

#include "dm.h"

static int failures;

static void refused(const char *who, const char *what, int r)
{
	if (r == -EACCES)
		return;
	printf("%s: %s: %s, and it should be: %s\n", who, what,
	       r ? strerror(-r) : "success", strerror(EACCES));
	failures++;
}

static int drop_sys_admin(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	unsigned int i = CAP_TO_INDEX(CAP_SYS_ADMIN);

	if (syscall(SYS_capget, &head, data))
		return -1;
	data[i].effective &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	data[i].permitted &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	data[i].inheritable &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	return syscall(SYS_capset, &head, data);
}

static void try_all(const char *who, const char *name, const char *device)
{
	char params[256], text[4096];
	struct dm_line line = { 0, 2048, "interpose", params };
	const struct dm_line error = { 0, 2048, "error", "" };
	unsigned int minor;
	unsigned int cmd;

	snprintf(params, sizeof(params), "%s linear %s 0", device, device);
	refused(who, "create", dm_create("unprivileged"));
	refused(who, "load", dm_load(name, &line, 1));
	refused(who, "load of an error target", dm_load(name, &error, 1));
	refused(who, "clear", dm_clear(name));
	refused(who, "suspend", dm_suspend(name, 0));
	refused(who, "suspend without flush", dm_suspend(name, DM_NOFLUSH_FLAG));
	refused(who, "resume", dm_resume(name, 0));
	refused(who, "message", dm_message(name, 0, "interpose pin"));
	refused(who, "status", dm_status(name, 0, text, sizeof(text)));
	refused(who, "table", dm_status(name, DM_STATUS_TABLE_FLAG, text,
					sizeof(text)));
	refused(who, "info", dm_minor(name, &minor));
	refused(who, "deps", dm_deps(name));
	refused(who, "remove", dm_remove(name));

	/* whatever else there is, also what may come */
	for (cmd = 0; cmd < 32; cmd++) {
		char buffer[4096];
		struct dm_ioctl *io = (struct dm_ioctl *)buffer;

		memset(buffer, 0, sizeof(buffer));
		dm_header(io, name, sizeof(buffer));
		snprintf(text, sizeof(text), "command %u", cmd);
		refused(who, text,
			dm_raw(_IOWR(DM_IOCTL, cmd, struct dm_ioctl), io));
	}
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: unprivileged NAME DEVICE\n");
		return 2;
	}
	if (dm_open() || prctl(PR_SET_DUMPABLE, 0)) {
		perror("control node");
		return 2;
	}
	if (drop_sys_admin()) {
		perror("capset");
		return 2;
	}
	try_all("root without CAP_SYS_ADMIN", argv[1], argv[2]);
	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
	    setresuid(65534, 65534, 65534)) {
		perror("setresuid");
		return 2;
	}
	try_all("user", argv[1], argv[2]);
	return failures ? 1 : 0;
}
