// SPDX-License-Identifier: GPL-2.0
/*
 * For tests: KILL_AT=N in the environment kills the program before its Nth
 * step, as SIGKILL does at any moment, and INTERRUPT_AT=N interrupts it there.
 */
#include <signal.h>
#include <stdlib.h>

#include "../interposectl/say.h"

void step_begins(void)
{
	const char *kill_at = getenv("KILL_AT");
	const char *interrupt_at = getenv("INTERRUPT_AT");
	static int count;

	count++;
	if (kill_at && count == atoi(kill_at))
		raise(SIGKILL);
	if (interrupt_at && count == atoi(interrupt_at))
		raise(SIGINT);
}
