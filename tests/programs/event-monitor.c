// SPDX-License-Identifier: GPL-2.0
/*
 * Has dmeventd, which is running, monitor a mapped device with a plugin, or no
 * longer:
 *
 *	event-monitor on|off UUID PLUGIN
 */
#include <err.h>
#include <string.h>
#include <libdevmapper-event.h>

int main(int argc, char **argv)
{
	struct dm_event_handler *handler = dm_event_handler_create();
	int on, done;

	if (argc != 4 || !handler)
		errx(2, "usage: event-monitor on|off UUID PLUGIN");
	on = !strcmp(argv[1], "on");
	if (dm_event_handler_set_uuid(handler, argv[2]) ||
	    dm_event_handler_set_dso(handler, argv[3]))
		errx(1, "no memory");
	dm_event_handler_set_event_mask(handler, DM_EVENT_ALL_ERRORS);
	done = on ? dm_event_register_handler(handler) :
		    dm_event_unregister_handler(handler);
	if (!done)
		errx(1, "dmeventd refuses to switch %s the monitoring", argv[1]);
	dm_event_handler_destroy(handler);
	return 0;
}
