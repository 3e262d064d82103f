// SPDX-License-Identifier: GPL-2.0
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "args.h"
#include "check.h"
#include "commands.h"
#include "content.h"
#include "json.h"

/*
 * Findings
 */

/* @text: what it is and what to do, with a newline between */
__attribute__((format(printf, 5, 6)))
static void found(struct findings *all, const struct device *device,
		  enum level level, const char *what, const char *text, ...)
{
	struct finding *more = realloc(all->v, (all->n + 1) * sizeof(*more));
	struct finding *f;
	char buffer[1024], *newline;
	va_list args;

	if (!more)
		abort();
	all->v = more;
	f = &more[all->n++];
	memset(f, 0, sizeof(*f));
	va_start(args, text);
	vsnprintf(buffer, sizeof(buffer), text, args);
	va_end(args);
	newline = strchr(buffer, '\n');
	if (newline) {
		*newline = '\0';
		snprintf(f->remedy, sizeof(f->remedy), "%.*s",
			 (int)sizeof(f->remedy) - 1, newline + 1);
	}
	f->level = level;
	snprintf(f->device, sizeof(f->device), "%s", device->shown);
	snprintf(f->what, sizeof(f->what), "%s", what);
	snprintf(f->text, sizeof(f->text), "%.*s", (int)sizeof(f->text) - 1,
		 buffer);
}

bool findings_refuse(const struct findings *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].level == REFUSE)
			return true;
	return false;
}

void findings_complain(const struct findings *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].level == REFUSE ||
		    (all->v[i].level == NOTE && !options.quiet))
			complain("%s%s %s%s%s",
				 all->v[i].level == NOTE ? "note: " : "",
				 all->v[i].device, all->v[i].text,
				 *all->v[i].remedy ? "; " : "",
				 all->v[i].remedy);
}

void findings_free(struct findings *all)
{
	free(all->v);
	memset(all, 0, sizeof(*all));
}

/*
 * What the kernel refuses, found before it is asked
 */

/*
 * The module is there, and cannot be loaded: why, in the words of modprobe. The
 * kernel has asked for it already, but keeps to itself what came of that. False:
 * there is no such module.
 */
static bool why_not_loaded(char *why, size_t size)
{
	char path[PATH_MAX], modprobe[256] = "", command[512], line[256];
	FILE *says = fopen(proc_path("sys/kernel/modprobe", path, sizeof(path)),
			   "re");

	if (!says)
		return false;
	if (fgets(modprobe, sizeof(modprobe), says))
		modprobe[strcspn(modprobe, "\n")] = '\0';
	fclose(says);
	if (!*modprobe || strchr(modprobe, '\''))
		return false;
	snprintf(command, sizeof(command),
		 "LC_ALL=C '%s' dm-interpose 2>&1 </dev/null", modprobe);
	fflush(NULL);
	keep_descriptors();
	says = popen(command, "re");
	if (!says)
		return false;
	*why = '\0';
	while (fgets(line, sizeof(line), says))
		if (strstr(line, "could not insert")) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(why, size, "%s", line);
		}
	pclose(says);
	return *why;
}

/* With what to do: the last thing that modprobe says is the error in words */
static void found_no_target(const struct device *device, const char *kernel,
			    struct findings *all)
{
	static bool asked, refused;
	static char why[256];

	if (!asked)
		refused = why_not_loaded(why, sizeof(why));
	asked = true;
	if (!refused)
		found(all, device, REFUSE, "no-target",
		      "cannot be interposed: this kernel (%s) has no target interpose\n"
		      "install the package dm-interpose-dkms, or " MAP_REMEDY,
		      kernel, "dm-interpose");
	else if (strstr(why, "Key was rejected") ||
		 strstr(why, "Required key not available"))
		found(all, device, REFUSE, "module-not-signed",
		      "cannot be interposed: this kernel (%s) loads only modules signed with a key that it knows, and dm-interpose is not\n"
		      "enrol the key that DKMS signs with: mokutil --import /var/lib/dkms/mok.pub, then reboot and confirm it",
		      kernel);
	else
		found(all, device, REFUSE, "module-refused",
		      "cannot be interposed: this kernel (%s) does not load the module dm-interpose: %s\n"
		      "dmesg says why",
		      kernel, why);
}

/* Asked once: it loads a module */
static void check_kernel(const struct device *device, struct findings *all)
{
	enum { MISSING = -3 };
	static int has = -2;
	struct utsname kernel;

	if (has == -2 && map_is_missing())
		has = MISSING;
	if (has == -2)
		has = map_has_target("interpose");
	if (uname(&kernel))
		return;
	if (has == MISSING)
		found(all, device, REFUSE, "no-device-mapper",
		      "cannot be interposed: this kernel (%s) has no device-mapper\n" MAP_REMEDY,
		      kernel.release, "dm-mod");
	else if (!has)
		found_no_target(device, kernel.release, all);
}

static void check_interposed(const struct stack *stack,
			     const struct device *device, struct findings *all)
{
	const struct interposer *ip = stack_overlaps(stack, device->name);

	if (ip && !strcmp(ip->device, device->name))
		found(all, device, REFUSE, "interposed",
		      "is already interposed by %s\nuse that interposer, or first: interposectl detach %s",
		      ip->map.name, ip->map.name);
	else if (ip)
		found(all, device, REFUSE, "overlap",
		      "shares its disk with %s, which is interposed by %s\ninterpose either the disk or partitions of it; first: interposectl detach %s",
		      ip->shown, ip->map.name, ip->map.name);
	for (size_t i = 0; i < stack->n_interposers; i++)
		if (stack->interposers[i].map.dev == device->dev)
			found(all, device, REFUSE, "control-only",
			      "is an interposer itself\nname the device that it interposes");
}

static void check_kind(const struct device *device, const char *disk,
		       struct findings *all)
{
	char value[64];

	if (sysfs_is_bypass(device->name))
		found(all, device, REFUSE, "bypass",
		      "is the bypass device of an interposer\nname the interposed device instead");
	if (sysfs_read(disk, "queue/zoned", value, sizeof(value)) &&
	    strcmp(value, "none"))
		found(all, device, REFUSE, "zoned",
		      "is zoned (%s)\nthis is not supported", value);
	if (sysfs_is(disk, "queue/dax", "1"))
		found(all, device, REFUSE, "dax",
		      "supports DAX, which bypasses the block layer\nthis is not supported");
	if (sysfs_exists(disk, "queue/crypto"))
		found(all, device, REFUSE, "inline-encryption",
		      "has inline encryption, and redirected writes might be written unencrypted\nthis is not supported");
	if (sysfs_read(disk, "integrity/format", value, sizeof(value)) &&
	    strcmp(value, "none"))
		found(all, device, REFUSE, "integrity",
		      "has an integrity profile (%s)\nthis is not supported",
		      value);
	if (!device->sectors)
		found(all, device, REFUSE, "empty",
		      "has the size 0\nname another device");
}

static bool is_multipath(const char *entry, void *data)
{
	char uuid[64];

	if (!sysfs_read(entry, "dm/uuid", uuid, sizeof(uuid)) ||
	    strncmp(uuid, "mpath-", 6))
		return false;
	sysfs_read(entry, "dm/name", data, NAME_SIZE);
	return true;
}

static void check_multipath(const struct device *device, const char *disk,
			    struct findings *all)
{
	char map[NAME_SIZE] = "";

	if (sysfs_each(disk, "holders", is_multipath, map))
		found(all, device, REFUSE, "multipath-path",
		      "is a path of the multipath device %s, whose I/O cannot be redirected here\ninterpose /dev/mapper/%s",
		      map, map);
}

/* Drivers that take bios and do not say what they have in flight */
static void check_drain(const struct device *device, const char *disk,
			const struct usage *usage, struct findings *all)
{
	static const char *const synchronous[] = { "ram", "zram", "pmem" };

	if (sysfs_is_bypass(disk) || sysfs_exists(disk, "mq") ||
	    sysfs_exists(disk, "dm"))
		return;
	for (size_t i = 0; i < sizeof(synchronous) / sizeof(*synchronous); i++)
		if (!strncmp(disk, synchronous[i], strlen(synchronous[i])))
			return;
	if (sysfs_exists(disk, "md")) {
		if (!sysfs_is(disk, "queue/iostats", "1"))
			found(all, device, REFUSE, "no-statistics",
			      "is an MD device without I/O statistics, so its I/O in flight is unknown\nfirst: echo 1 > /sys/class/block/%s/queue/iostats, then wait until older I/O has completed",
			      disk);
	} else if (!*usage->mountpoint) {
		found(all, device, REFUSE, "not-drained",
		      "does not report its I/O in flight\nmount its file system first");
	} else {
		found(all, device, NOTE, "not-drained",
		      "does not report its I/O in flight, so only I/O through its file system is safe\ndo not use a swap file on it, and do not write to the device directly");
	}
}

/*
 * What has to be thought of
 */

static void check_usage(const struct device *device,
			const struct usage *usage, struct findings *all)
{
	if (usage->read_only)
		found(all, device, REFUSE, "read-only",
		      "is read-only\nload the table with dmsetup create --readonly, or first: blockdev --setrw %s",
		      device->shown);
	if (usage->root)
		found(all, device, NOTE, "root",
		      "holds the root file system\nattach, detach and snapshot with interposectl; do not use dmsetup suspend from a shell");
	if (usage->swap)
		found(all, device, NOTE, "swap",
		      "is active as swap\nattaching is safe; run swapoff while you take a snapshot");
	if (!strcmp(usage->fstype, "btrfs"))
		found(all, device, NOTE, "btrfs",
		      "has a btrfs, which is written back but not frozen: a snapshot is like the device after a power failure\nrun fsfreeze -f %s before the snapshot, and fsfreeze -u %s after it",
		      usage->mountpoint, usage->mountpoint);
}

/* What the option of the mount names, as it is shown */
static char *other_shown(const struct device *device, const char *option,
			 char *out, size_t size)
{
	char other[NAME_SIZE];

	if (content_other_device(device->name, option, other))
		return device_shown(other, out, size);
	snprintf(out, size, "see xfs_info");
	return out;
}

/* The file system is also on devices where nothing is redirected */
static void check_others(const struct device *device,
			 const struct content *content, struct findings *all)
{
	char other[SHOWN_SIZE];

	if (content->other_journal)
		found(all, device, NOTE, "journal",
		      "has an %s whose journal is on another device, where writes are not redirected\na snapshot is complete; mount it with noload",
		      content->type);
	if (content->other_log)
		found(all, device, NOTE, "log",
		      "has an XFS whose log is on another device (%s)\nto take a snapshot, name both devices in one command",
		      other_shown(device, "logdev", other, sizeof(other)));
	if (content->realtime)
		found(all, device, NOTE, "realtime",
		      "has an XFS with files on a realtime device (%s), where I/O is not redirected\nto take a snapshot, name both devices in one command",
		      other_shown(device, "rtdev", other, sizeof(other)));
	if (content->devices > 1)
		found(all, device, NOTE, "btrfs-devices",
		      "is one of %llu devices of a btrfs, and holds only part of its data\nname all of them in one command; btrfs filesystem show lists them",
		      content->devices);
}

static bool is_above(const char *entry, void *data)
{
	if (!sysfs_exists(entry, "md") && !sysfs_exists(entry, "dm"))
		return false;
	device_shown(entry, data, SHOWN_SIZE);
	return true;
}

/* What is there is not what its user sees */
static void check_layers(const struct device *device,
			 const struct content *content, struct findings *all)
{
	char above[SHOWN_SIZE] = "";

	sysfs_each(device->name, "holders", is_above, above);
	if (content_is_member(content))
		found(all, device, NOTE, "raid-member",
		      "is a member of a RAID array (%s), and holds only part of its data\nto get at the data, name the array",
		      *above ? above : "not active");
	if (content_is_encrypted(content))
		found(all, device, NOTE, "encrypted",
		      "is encrypted, and so is the I/O that is redirected\nto get at the data, name the mapped device that decrypts it (%s)",
		      *above ? above : "none now");
}

static void check_data(const struct device *device, struct findings *all)
{
	char type[64], map[NAME_SIZE];
	struct content content;

	content_read(device->path, &content);
	check_others(device, &content, all);
	check_layers(device, &content, all);
	if (!strcmp(content.type, "LVM2_member"))
		found(all, device, NOTE, "pv",
		      "is an LVM physical volume, and LVM must not scan copies of it\nin lvm.conf: devices { global_filter = [ \"r|^/dev/interpose/|\" ] }");
	if (sysfs_read(device->name, "dm/uuid", type, sizeof(type)) &&
	    !strncmp(type, "LVM-", 4)) {
		sysfs_read(device->name, "dm/name", map, sizeof(map));
		found(all, device, NOTE, "lv",
		      "is the logical volume %s\nit can be extended, but not removed, while it is interposed",
		      map);
	}
}

void check_device(const struct stack *stack, const struct device *device,
		  struct findings *all)
{
	char disk[NAME_SIZE];
	struct usage usage;
	size_t before = all->n;

	sysfs_disk(device->name, disk);
	device_usage(device->name, &usage);
	check_kernel(device, all);
	check_interposed(stack, device, all);
	check_kind(device, disk, all);
	check_multipath(device, disk, all);
	check_drain(device, disk, &usage, all);
	check_usage(device, &usage, all);
	check_data(device, all);
	if (all->n == before)
		found(all, device, OK, "ok", "can be interposed");
}

/*
 * The subcommand
 */

static void print_json(const struct findings *all)
{
	static const char *const levels[] = { "ok", "note", "refuse" };

	json_begin();
	json_open("findings", '[');
	for (size_t i = 0; i < all->n; i++) {
		const struct finding *f = &all->v[i];

		json_open(NULL, '{');
		json_text("device", f->device);
		json_text("level", levels[f->level]);
		json_text("what", f->what);
		json_text("text", f->text);
		json_text("remedy", *f->remedy ? f->remedy : NULL);
		json_close();
	}
	json_close();
	json_end();
}

static void print_text(const struct findings *all)
{
	static const char *const levels[] = { "ok", "note", "refuse" };

	for (size_t i = 0; i < all->n; i++) {
		const struct finding *f = &all->v[i];

		printf("%-6s  %s %s%s%s\n", levels[f->level], f->device, f->text,
		       *f->remedy ? ": " : "", f->remedy);
	}
}

/* Without device-mapper nothing is interposed, and nothing can be: a finding */
static bool read_stack(struct stack *stack)
{
	memset(stack, 0, sizeof(*stack));
	return map_is_missing() || stack_read(stack);
}

enum status check_command(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct findings all = { };
	enum status status = DONE;
	struct device device;
	struct stack stack;
	bool json = false;
	int option;

	while ((option = next_option(argc, argv, "J", longs, NULL)) != -1) {
		if (option == 'h')
			return help("check");
		if (option != 'J')
			return usage_error("check");
		json = true;
	}
	if (optind == argc)
		return missing("check", "a device");
	if (!read_stack(&stack))
		return FAILED;
	for (; optind < argc; optind++) {
		if (device_find(argv[optind], &device))
			check_device(&stack, &device, &all);
		else
			status = FAILED;
	}
	if (json)
		print_json(&all);
	else
		print_text(&all);
	if (findings_refuse(&all))
		status = FAILED;
	findings_free(&all);
	stack_free(&stack);
	return status;
}
