#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 300
# Given a mounted ext4 and a raw partition under loads that sync after each write
# When interposers on both are suspended with --noflush --nolockfs in the middle of that, and resumed
# Then nothing reaches the devices meanwhile, it all goes on afterwards, nothing fails, and every block is verified
. tests/lib/test.sh
. tests/lib/sync-load.sh
requires_target interpose delay

sync_loads_start
both_create "delay DEV 0 40"
for _ in 1 2 3; do
	both_go_through
	both suspend --noflush --nolockfs
	both_stand_still
	(($(interposer_held y) > 0)) || fail "nothing is held"
	both resume
done
both_go_through
both_go_on
both remove
sync_loads_stop
test_done
