// SPDX-License-Identifier: GPL-2.0
/*
 * Any words, a line each, as the arguments of interposectl. It is
 * the whole program, told --dry-run, in a world with nothing interposed, where
 * half of the names are devices; what would look at the real one is replaced by
 * the linker (--wrap). ASan and UBSan judge, and besides: no step is taken; the
 * exit status is a documented one; and whatever fails says why, with the usage if
 * it is the command line.
 */
#include <errno.h>
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backing.h"
#include "call.h"
#include "check.h"
#include "content.h"
#include "device.h"
#include "fuzz.h"
#include "map.h"
#include "monitor.h"
#include "say.h"
#include "settings.h"
#include "stack.h"
#include "state.h"

const char *const fuzz_samples[] = {
	"attach\n--pin\n--replace-data\n--timeout\n5\n--name\nx\n/dev/sda1\nera\n/dev/sdb1\n/dev/sda1\n8192\n",
	"snapshot\n-s\n20%\n--vg\nvg0\n/home\n/dev/sda1\n",
	"snapshot\n--cow\n/dev/sdb\n--wipe\n--name\nx\n/home\n",
	"snapshot\n--file\n/var/tmp/cow\n--size\n512M\n/home\n",
	"snapshot\n--ram\n/dev/sda1\n--remove\nx\n--list\n--json\n",
	"snapshot\n--extend\nx\n--size\n+1G\n--timeout\n5\n",
	"track\non\n--meta\n/dev/sdb1\n--name\nx\n--wipe\n/dev/sda1\n",
	"track\nstatus\n-J\n",
	"changed\n-s\n0a1b2c3d-0815-4711-8842-5566778899aa:7\n/dev/sda1\n",
	"changed\n-s\n1\n--format\nranges\n--mark\n/dev/sda1\n",
	"list\n-tJn\n-o\nNAME,DEVICE,USED%\n--output\n",
	"start\n--timeout=9\n--tab\ntab\n--initramfs\n/dev/sda1\nhome\n",
	"monitor\n--warn\n80\n--drop\nnever\n--once\n--interval=3s\nx\n",
	"pin\nunpin\n--quiet\n/dev/sda1\nhelp\nversion\nhelp\npin\n",
	"attach\n/dev/sda1\n--pin\nlinear\nUUID=1-2\nLABEL=a b\n8:1\n",
	"check\n-J\n/dev/sda1\nstatus\ndetach\n--force\nstop\nrecover\n",
	"backup\n--to\n/b\n--keep\n3\n--ram\n/home\nrestore\n--to\n/dev/sdb\n/b@x\n",
	"backup\nrun\n--at\n/mnt\n/home\n--\nrestic\n-r\n/x\n",
	"--help\n--version\n-q\n-v\n--\n-\n--dry-run\n",
};

const size_t n_fuzz_samples = sizeof(fuzz_samples) / sizeof(*fuzz_samples);

#define claim(condition) ((condition) ? (void)0 : broken(#condition))

static void broken(const char *claim)
{
	dprintf(STDERR_FILENO, "not so: %s\n", claim);
	abort();
}

/*
 * The world
 */

bool __wrap_device_find(const char *argument, struct device *device);
int __wrap_device_look(const char *argument, struct device *device);
int __wrap_devices_of_file(const char *path, dev_t *devs, size_t max);
bool __wrap_device_of_node(const char *path, struct device *device);
void __wrap_backing_of_directory(const char *path, struct backing *backing);
void __wrap_device_usage(const char *name, struct usage *usage);
bool __wrap_device_is_free(const char *path);
void __wrap_device_signature(const char *path, char *type, size_t size);
void __wrap_check_device(const struct stack *stack, const struct device *device,
			 struct findings *findings);
void __wrap_content_read(const char *path, struct content *content);
bool __wrap_stack_read(struct stack *stack);
bool __wrap_map_info(const char *name, struct map_info *info);
bool __wrap_map_is_free(enum map_kind kind, const char *name,
			const char *remedy);
bool __wrap_looks(const char *const argv[]);
bool __wrap_state_enter(bool changes, bool patient);
void __wrap_state_leave(void);
int __wrap_monitor_check(struct interpose_monitor *monitor);
void __wrap_settings_load(settings_complain *complain, void *data,
			  struct interpose_settings *settings);
bool __wrap_record_read(struct record *record, const char *name);
FILE *__wrap_fopen(const char *path, const char *mode);
int __wrap_posix_spawnp(pid_t *pid, const char *file);
int __wrap_execv(const char *path, char *const argv[]);
unsigned int __wrap_sleep(unsigned int seconds);

bool __wrap_device_find(const char *argument, struct device *device)
{
	if (strlen(argument) % 2 == 0) {
		complain("%s is no device", argument);
		return false;
	}
	memset(device, 0, sizeof(*device));
	snprintf(device->path, sizeof(device->path), "%s", argument);
	snprintf(device->name, sizeof(device->name), "fake%zu",
		 strlen(argument));
	snprintf(device->shown, sizeof(device->shown), "/dev/%.64s",
		 device->name);
	device->dev = makedev(240, strlen(argument));
	device->sectors = 1 << 20;
	return true;
}

int __wrap_device_look(const char *argument, struct device *device)
{
	return strlen(argument) % 3 && __wrap_device_find(argument, device);
}

int __wrap_devices_of_file(const char *path, dev_t *devs, size_t max)
{
	*devs = makedev(240, 1);
	return strlen(path) % 2 && max;
}

bool __wrap_device_of_node(const char *path, struct device *device)
{
	return __wrap_device_find(path, device);
}

void __wrap_backing_of_directory(const char *path, struct backing *backing)
{
	memset(backing, 0, sizeof(*backing));
	backing->n = strlen(path) % 2;
	strcpy(backing->names[0], "fake");
	if (strlen(path) % 3 == 1)
		strcpy(backing->unknown, "lies on a cloud");
}

void __wrap_device_usage(const char *name, struct usage *usage)
{
	(void)name;
	memset(usage, 0, sizeof(*usage));
}

bool __wrap_device_is_free(const char *path)
{
	return strlen(path) % 3;
}

void __wrap_device_signature(const char *path, char *type, size_t size)
{
	snprintf(type, size, "%s", strlen(path) % 4 ? "ext4" : "");
}

void __wrap_check_device(const struct stack *stack, const struct device *device,
			 struct findings *findings)
{
	(void)stack;
	(void)device;
	(void)findings;
}

void __wrap_content_read(const char *path, struct content *content)
{
	static const char *const types[] = { "", "ext4", "xfs", "btrfs", "swap",
		"gpt", "crypto_LUKS", "linux_raid_member", "LVM2_member" };

	memset(content, 0, sizeof(*content));
	strcpy(content->type, types[strlen(path) % 9]);
	content->other_log = strlen(path) % 2;
}

bool __wrap_stack_read(struct stack *stack)
{
	memset(stack, 0, sizeof(*stack));
	return true;
}

bool __wrap_map_info(const char *name, struct map_info *info)
{
	(void)name;
	(void)info;
	return false;
}

bool __wrap_map_is_free(enum map_kind kind, const char *name,
			const char *remedy)
{
	(void)kind;
	(void)name;
	(void)remedy;
	return true;
}

bool __wrap_looks(const char *const argv[])
{
	(void)argv;
	return false;
}

bool __wrap_state_enter(bool changes, bool patient)
{
	(void)changes;
	(void)patient;
	claim(options.dry_run);
	return true;
}

void __wrap_state_leave(void)
{
}

int __wrap_monitor_check(struct interpose_monitor *monitor)
{
	return strlen(monitor->name) % 2 ? -ENXIO : 0;
}

void __wrap_settings_load(settings_complain *complain, void *data,
			  struct interpose_settings *settings)
{
	(void)complain;
	(void)data;
	(void)settings;
}

bool __wrap_record_read(struct record *record, const char *name)
{
	(void)record;
	(void)name;
	return false;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	static char tab[] = "home /dev/sda1 - era /dev/sdb1 %d 8192\n"
			    "root LABEL=root initramfs linear %d 0\n"
			    "bad line\n";

	(void)mode;
	return strlen(path) % 2 ? fmemopen(tab, strlen(tab), "r") : NULL;
}

int __wrap_posix_spawnp(pid_t *pid, const char *file)
{
	(void)pid;
	(void)file;
	abort();
}

/* Only backup and restore do, and not without --dry-run, before what is for others */
int __wrap_execv(const char *path, char *const argv[])
{
	size_t n = 0;

	claim(strstr(path, "/interpose-backup"));
	while (argv[n] && strcmp(argv[n], "--"))
		n++;
	claim(n > 2 && !strcmp(argv[n - 1], "--dry-run"));
	errno = ENOENT;
	return -1;
}

unsigned int __wrap_sleep(unsigned int seconds)
{
	(void)seconds;
	abort();
}

/*
 * A command line
 */

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *argv[130] = { "interposectl", "--dry-run" };
	char *words = malloc(size + 1), *rest = words, *said;
	int argc = 2, status;
	size_t length;

	memcpy(words, data, size);
	words[size] = '\0';
	while (argc < 129 && (argv[argc] = strsep(&rest, "\n")))
		argc++;
	argv[argc] = NULL;
	status = call_main(argc, argv, &said, &length);
	claim(status == DONE || status == FAILED || status == USAGE);
	claim(status == DONE || length);
	claim(status != USAGE || strstr(said, "usage: "));
	free(said);
	free(words);
	return 0;
}
