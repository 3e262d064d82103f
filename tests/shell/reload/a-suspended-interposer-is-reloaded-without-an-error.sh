#!/bin/bash
# timeout: 300
# Given a mounted ext4 and a raw partition under loads that sync after each write
# When interposers on both are suspended, another table is loaded into them, and they are resumed
# Then I/O goes through the new one, none fails, every block is verified, and e2fsck finds nothing
. tests/lib/test.sh
. tests/lib/sync-load.sh
requires_target interpose delay

# load_both INNER: with DEV for the device
load_both() {
	dmsetup load "$P-x" --table "0 $(sectors "$fs") interpose $fs ${1/DEV/$fs}"
	dmsetup load "$P-y" --table "0 $(sectors "$raw") interpose $raw ${1/DEV/$raw}"
}

sync_loads_start
both_create "linear DEV 0"
both_flush
both suspend --noflush --nolockfs
load_both "delay DEV 0 40"
both_stand_still
both resume
equal "inner target" delay "$(interposer_inner_type x)"
both_go_through
both_go_on
both suspend
load_both "linear DEV 0"
both resume
equal "inner target" linear "$(interposer_inner_type y)"
both_go_through
both_go_on
both remove
sync_loads_stop
test_done
