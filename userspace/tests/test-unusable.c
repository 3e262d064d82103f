// SPDX-License-Identifier: GPL-2.0
/*
 * The whole program where libdevmapper cannot get at the kernel: the kernel has
 * no device-mapper, there is no memory, or it may not be opened. As the real one,
 * libdevmapper gives a reason only the first time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libdevmapper.h>

#include "call.h"
#include "say.h"
#include "sysfs.h"
#include "tap.h"

struct dm_task *__wrap_dm_task_create(int type);
void __wrap_dm_log_with_errno_init(dm_log_with_errno_fn fn);
bool __wrap_state_enter(bool changes, bool patient);
void __wrap_state_leave(void);
unsigned int __wrap_sleep(unsigned int seconds);

static char root[] = "/tmp/interposectl-unusable.XXXXXX";
static dm_log_with_errno_fn told;
static const char *reason;
static int error;
static char *said;

void __wrap_dm_log_with_errno_init(dm_log_with_errno_fn fn)
{
	told = fn;
}

struct dm_task *__wrap_dm_task_create(int type)
{
	(void)type;
	if (reason)
		told(3, "", 0, 0, "/dev/mapper/control: open failed: %s", reason);
	reason = NULL;
	errno = error;
	return NULL;
}

bool __wrap_state_enter(bool changes, bool patient)
{
	(void)changes;
	(void)patient;
	return true;
}

void __wrap_state_leave(void)
{
}

unsigned int __wrap_sleep(unsigned int seconds)
{
	dprintf(STDOUT_FILENO, "not ok - it waits for %u s, and then looks again\n", seconds);
	exit(1);
}

static int call(const char *line)
{
	free(said);
	return call_line(line, &said);
}

/* All that it says is one line with @text in it */
static void says(const char *line, const char *text)
{
	int status = call(line);
	char *end = strchr(said, '\n'), claim[200];

	snprintf(claim, sizeof(claim), "'%s' fails, and says in one line '%.90s'",
		 line, text);
	is(claim, status == 1 && strstr(said, text) && end && !end[1]);
	if (status != 1 || !strstr(said, text) || !end || end[1])
		printf("# %d: %s\n", status, said);
}

static void all_say(const char *text)
{
	static const char *const lines[] = { "list", "list --json", "status fake1",
		"attach fake1", "attach fake1 era fake2 fake1 8", "detach fake1",
		"pin fake1", "changed fake1", "stop fake1", "snapshot --list",
		"snapshot --ram fake1", "monitor", "monitor --once",
		"monitor fake1", "monitor nosuch" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		says(lines[i], text);
}

static void prepare(const char *format)
{
	char line[1024];

	snprintf(line, sizeof(line), format, root);
	if (system(line))
		exit(1);
}

int main(void)
{
	static char proc[64];

	if (!mkdtemp(root))
		return 1;
	sysfs_root = root;
	snprintf(proc, sizeof(proc), "%s/proc", root);
	proc_root = proc;
	prepare("cd %s && mkdir -p devices class/block dev/block proc/self && touch proc/self/mountinfo && "
		"for i in 1 2; do mkdir -p devices/fake$i/mq; echo 4000:$i >devices/fake$i/dev; echo 4096 >devices/fake$i/size; "
		"ln -s ../../devices/fake$i class/block; ln -s ../../devices/fake$i dev/block/4000:$i; done");

	prepare("printf ' 61 mapper\n236 device-mapper-x\n 60 hpet\n' >%s/proc/misc");
	error = ENODEV;
	reason = "No such device";
	all_say(") has no device-mapper; boot a kernel with dm-interpose; if this is one, modprobe dm-mod shows what is wrong");
	says("check fake1", "refuse  /dev/fake1 cannot be interposed: this kernel (");
	says("check fake1", ") has no device-mapper: boot a kernel with dm-interpose; ");
	is("'check --json' tells a program", call("check -J fake1 fake2") == 1 &&
	   strstr(said, "\"what\": \"no-device-mapper\""));

	prepare("printf ' 61 mapper\n236 device-mapper\n' >%s/proc/misc");
	error = ENOMEM;
	all_say("device-mapper: out of memory");
	error = EACCES;
	reason = "Permission denied";
	all_say("device-mapper: /dev/mapper/control: open failed: Permission denied");
	prepare("rm %s/proc/misc");
	all_say("device-mapper: /dev/mapper/control: open failed: Permission denied");
	free(said);
	prepare("rm -r %s");
	return done();
}
