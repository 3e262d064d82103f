#!/bin/bash
# timeout: 300
# Given a mounted ext4 and a raw partition under loads that sync after each write
# When interposers on both are removed with --force, which loads an error table first
# Then nothing meets that table: none fails, every block is verified, and e2fsck finds nothing
. tests/lib/test.sh
. tests/lib/sync-load.sh
requires_target interpose delay

sync_loads_start
for inner in "delay DEV 0 40" "linear DEV 0" "delay DEV 0 40"; do
	both_create "$inner"
	both_flush
	both remove --force
	both_go_on
done
sync_loads_stop
test_done
