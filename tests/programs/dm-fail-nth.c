// SPDX-License-Identifier: GPL-2.0
/*
 * Makes every allocation of every device-mapper ioctl that an interposer's life
 * consists of fail, one after the other: the kernel's fault injection counts
 * the places of the calling task where something may fail (/proc/self/fail-nth)
 * and lets the nth of them do so. Or every call of a function, by whichever
 * task: that is what the module fail-step is for (tests/modules).
 *
 *	dm-fail-nth [--step "FUNCTION CALLER RESULT"] NAME SECTORS
 *		PARAMS-A PARAMS-B [OPERATION…]
 *
 * NAME is the mapped device to make; PARAMS-A and PARAMS-B are two sets of
 * parameters of "0 SECTORS interpose", the second for reloads; all operations, or
 * those named, are tried. The memory for an ioctl is not allocated meanwhile,
 * so that nothing but the ioctl is hit.
 *
 * After each failure the ioctl must succeed when it is repeated. Prints a line
 * an ioctl, "OPERATION SITES FAILED SURVIVED", and exits with 0, or says what
 * was wrong and exits with 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "dm.h"

#define BUFFER_SIZE	16384
#define MAX_SITES	10000

struct operation {
	const char *name;
	void (*prepare)(void);	/* what must have happened before */
	int (*run)(void);
	void (*again)(void);	/* after a failure: must succeed */
};

static const char *name, *params_a, *params_b;
static char **wanted_operations;
static unsigned long long sectors;
static int fail_nth;
static char function[128], caller[128]; /* instead of allocations */
static long injected = -ENOMEM;
static union {
	struct dm_ioctl head;
	char bytes[BUFFER_SIZE];
} buffer;

static void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static void *start(unsigned int flags)
{
	memset(&buffer, 0, sizeof(buffer));
	dm_header(&buffer.head, name, sizeof(buffer));
	buffer.head.flags = flags;
	return buffer.bytes + sizeof(struct dm_ioctl);
}

static int dm(unsigned long command, unsigned int flags)
{
	start(flags);
	return dm_raw(command, &buffer);
}

static int create(void) { return dm(DM_DEV_CREATE, 0); }
static int delete(void) { return dm(DM_DEV_REMOVE, 0); }
static int suspend(void) { return dm(DM_DEV_SUSPEND, DM_SUSPEND_FLAG); }
static int resume(void) { return dm(DM_DEV_SUSPEND, 0); }
static int status(void) { return dm(DM_TABLE_STATUS, 0); }
static int table(void) { return dm(DM_TABLE_STATUS, DM_STATUS_TABLE_FLAG); }
static int clear(void) { return dm(DM_TABLE_CLEAR, 0); }

static int suspend_fast(void)
{
	return dm(DM_DEV_SUSPEND, DM_SUSPEND_FLAG | DM_NOFLUSH_FLAG |
				  DM_SKIP_LOCKFS_FLAG);
}

static int load(const char *type, const char *params)
{
	struct dm_target_spec *spec = start(0);

	buffer.head.target_count = 1;
	spec->length = sectors;
	strcpy(spec->target_type, type);
	snprintf((char *)(spec + 1), 4096, "%s", params);
	return dm_raw(DM_TABLE_LOAD, &buffer);
}

static int load_a(void) { return load("interpose", params_a); }
static int load_b(void) { return load("interpose", params_b); }
static int load_error(void) { return load("error", ""); }

static int message(const char *text)
{
	struct dm_target_msg *msg = start(0);

	strcpy(msg->message, text);
	return dm_raw(DM_TARGET_MSG, &buffer);
}

static int pin(void) { return message("interpose pin"); }
static int unpin(void) { return message("interpose unpin"); }

static void must(int result, const char *what)
{
	if (result)
		die("%s fails without a fault: %s", what, strerror(-result));
}

#define MUST(operation)	must(operation(), #operation)

static bool exists(void)
{
	return !dm(DM_DEV_STATUS, 0);
}

/* To the state from which everything begins: there is no such device. */
static void vanish(void)
{
	if (!exists())
		return;
	unpin(); /* fails when there is no table */
	MUST(delete);
}

/* What an operation begins with. */
static void prepare_nothing(void) { }
static void prepare_created(void) { MUST(create); }

static void prepare_loaded(void)
{
	MUST(create);
	MUST(load_a);
}

static void prepare_attached(void)
{
	prepare_loaded();
	MUST(resume);
}

static void prepare_suspended(void)
{
	prepare_attached();
	MUST(suspend);
}

static void prepare_suspended_fast(void)
{
	prepare_attached();
	MUST(suspend_fast);
}

static void prepare_reload(void)
{
	prepare_attached();
	MUST(load_b);
}

static void prepare_swap(void)
{
	prepare_reload();
	MUST(suspend);
}

static void prepare_swap_fast(void)
{
	prepare_reload();
	MUST(suspend_fast);
}

static void prepare_wipe(void)
{
	prepare_attached();
	MUST(load_error);
	MUST(suspend);
}

static void prepare_pinned(void)
{
	prepare_attached();
	MUST(pin);
}

/* What must work when the operation has failed. */
static void again_create(void) { MUST(create); }
static void again_load_b(void) { MUST(load_b); }
static void again_suspend(void) { MUST(suspend); }
static void again_suspend_fast(void) { MUST(suspend_fast); }
static void again_resume(void) { MUST(resume); }
static void again_pin(void) { MUST(pin); }
static void again_unpin(void) { MUST(unpin); }
static void again_status(void) { MUST(status); }
static void again_table(void) { MUST(table); }
static void again_clear(void) { MUST(clear); }

static void again_delete(void)
{
	if (exists())
		MUST(delete);
}

/*
 * On a new device: when the first table's disk cannot be added, DM core leaves
 * it half initialised, and the kobject layer complains at the next attempt.
 */
static void again_load_a(void)
{
	MUST(delete);
	MUST(create);
	MUST(load_a);
}

/* A resume that fails has used up the table that waited for it. */
static void again_attach(void)
{
	MUST(load_a);
	MUST(resume);
}

static void again_swap(void)
{
	MUST(load_b);
	MUST(resume);
}

static void again_wipe(void)
{
	MUST(load_error);
	MUST(resume);
}

static const struct operation operations[] = {
	{ "create", prepare_nothing, create, again_create },
	{ "load", prepare_created, load_a, again_load_a },
	{ "attach", prepare_loaded, resume, again_attach },
	{ "status", prepare_attached, status, again_status },
	{ "table", prepare_attached, table, again_table },
	{ "pin", prepare_attached, pin, again_pin },
	{ "unpin", prepare_pinned, unpin, again_unpin },
	{ "reload", prepare_attached, load_b, again_load_b },
	{ "clear", prepare_reload, clear, again_clear },
	{ "suspend", prepare_attached, suspend, again_suspend },
	{ "suspend-noflush-nolockfs", prepare_attached, suspend_fast,
	  again_suspend_fast },
	{ "resume", prepare_suspended, resume, again_resume },
	{ "resume-after-noflush", prepare_suspended_fast, resume, again_resume },
	{ "swap", prepare_swap, resume, again_swap },
	{ "swap-after-noflush", prepare_swap_fast, resume, again_swap },
	{ "detach", prepare_attached, delete, again_delete },
	{ "detach-suspended", prepare_suspended, delete, again_delete },
	{ "wipe", prepare_wipe, resume, again_wipe },
};

static void set(const char *format, ...)
{
	char text[300];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (pwrite(fail_nth, text, length, 0) != length)
		die("cannot make \"%s\" fail: %s", text, strerror(errno));
}

static int get(void)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0)
		die("cannot read what has failed: %s", strerror(errno));
	return atoi(text);
}

static void arm(unsigned int nth)
{
	if (*function)
		set("%s %s %u %ld", function, caller, nth, injected);
	else
		set("%u", nth);
}

/* Was the nth place reached, and so made to fail? */
static bool disarm(unsigned int nth)
{
	int n = get();

	if (*function) {
		set("\n");
		return n >= (int)nth;
	}
	if (n)
		arm(0);
	return !n;
}

static void fail_each_place_of(const struct operation *operation)
{
	unsigned int nth, failed = 0, survived = 0;
	int result;

	for (nth = 1; nth < MAX_SITES; nth++) {
		bool reached;

		vanish();
		operation->prepare();
		arm(nth);
		result = operation->run();
		reached = disarm(nth);
		if (!reached) {
			must(result, operation->name);
			break;
		}
		if (!result) {
			survived++;
			continue;
		}
		failed++;
		/*
		 * ENXIO is what DM core says when it cannot make a device,
		 * EINVAL what the driver core says when it cannot name one.
		 */
		if (result != injected &&
		    result != -ENOMEM && result != -EAGAIN &&
		    result != -ENXIO && result != -EINVAL)
			die("%s, place %u: fails with %s", operation->name, nth,
			    strerror(-result));
		operation->again();
	}
	if (nth == MAX_SITES)
		die("%s has no end", operation->name);
	vanish();
	printf("%s %u %u %u\n", operation->name, nth - 1, failed, survived);
	fflush(stdout);
}

static bool known(const char *operation)
{
	unsigned int i;

	for (i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strcmp(operations[i].name, operation))
			return true;
	return false;
}

static bool wanted(const char *operation)
{
	char **wanted;

	for (wanted = wanted_operations; *wanted; wanted++)
		if (!strcmp(*wanted, operation))
			return true;
	return wanted == wanted_operations;
}

static void open_injection(void)
{
	const char *path = *function ?
		"/sys/module/fail_step/parameters/step" :
		"/proc/thread-self/fail-nth";

	fail_nth = open(path, O_RDWR);
	if (fail_nth < 0)
		die("%s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc > 2 && !strcmp(argv[1], "--step") &&
	    sscanf(argv[2], "%127s %127s %ld", function, caller, &injected) == 3) {
		argc -= 2;
		argv += 2;
	}
	if (argc < 5 || argv[1][0] == '-') {
		fprintf(stderr,
			"usage: dm-fail-nth [--step \"FUNCTION CALLER RESULT\"] NAME SECTORS PARAMS-A PARAMS-B [OPERATION...]\n");
		return 2;
	}
	wanted_operations = argv + 5;
	name = argv[1];
	sectors = strtoull(argv[2], NULL, 10);
	params_a = argv[3];
	params_b = argv[4];

	if (dm_open())
		die("/dev/mapper/control: %s", strerror(errno));
	open_injection();

	for (; argc > 5; argc--)
		if (!known(argv[argc - 1]))
			die("there is no operation %s", argv[argc - 1]);
	for (i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (wanted(operations[i].name))
			fail_each_place_of(&operations[i]);
	return 0;
}
