#!/bin/bash
# timeout: 300
# Given a mounted ext4 and a raw partition under loads that sync after each write
# When their interposers' one line is replaced by two with different inner targets, and by one again
# Then I/O goes on each time, none fails, every block is verified, and e2fsck finds nothing
. tests/lib/test.sh
. tests/lib/sync-load.sh
requires_target interpose delay flakey

# two_lines NAME DEV: the first ends amid a 32 KiB block
two_lines() {
	local cut=65592
	dm_reload "$1" "0 $cut interpose $2 delay $2 0 10
$cut $(($(sectors "$2") - cut)) interpose $2 flakey $2 $cut 3600 0"
}

sync_loads_start
both_create "linear DEV 0"
both_flush
two_lines x "$fs"
two_lines y "$raw"
both_go_through
both_go_on
dm_reload x "0 $(sectors "$fs") interpose $fs linear $fs 0"
dm_reload y "0 $(sectors "$raw") interpose $raw linear $raw 0"
both_go_through
both_go_on
both remove
sync_loads_stop
test_done
