#!/bin/bash
# timeout: 300
# Given a mounted ext4 and a raw partition under loads that sync after each write
# When interposers on both are suspended, which freezes the file system, and removed
# Then the file system is thawed, nothing fails, every block is verified, and e2fsck finds nothing
. tests/lib/test.sh
. tests/lib/sync-load.sh
requires_target interpose delay

sync_loads_start
for inner in "delay DEV 0 40" "linear DEV 0"; do
	both_create "$inner"
	both_flush
	both suspend
	both_stand_still
	both remove
	both_go_on
	fsfreeze -f "$at" # would be refused on a file system that is still frozen
	fsfreeze -u "$at"
done
sync_loads_stop
test_done
