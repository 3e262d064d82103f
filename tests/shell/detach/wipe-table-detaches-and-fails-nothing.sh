#!/bin/bash
# timeout: 300
# Given a mounted ext4 and a raw partition under loads that sync after each write
# When the tables of interposers on both are wiped, which puts an error target into their place
# Then the devices are on their own again: none fails, every block is verified, and e2fsck finds nothing
. tests/lib/test.sh
. tests/lib/sync-load.sh
requires_target interpose delay

sync_loads_start
for inner in "delay DEV 0 40" "linear DEV 0"; do
	both_create "$inner"
	both_flush
	both wipe_table
	both_go_on
	[[ $(dmsetup table "$P-x") == *" error"* ]] || fail "there is no error target"
	both remove
	both_go_on
done
sync_loads_stop
test_done
