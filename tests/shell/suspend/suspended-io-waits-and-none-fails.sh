#!/bin/bash
# timeout: 300
# Given a mounted ext4 and a raw partition under loads that sync after each write
# When interposers on both are suspended and resumed several times
# Then nothing reaches the devices meanwhile, it all goes on afterwards, nothing fails, and every block is verified
. tests/lib/test.sh
. tests/lib/sync-load.sh
requires_target interpose delay

sync_loads_start
both_create "delay DEV 0 40"
for _ in 1 2 3; do
	both_go_through
	both suspend
	equal "state" held "$(interposer_state y)"
	both_stand_still
	both resume
done
both_go_through
both_go_on
equal "state" attached "$(interposer_state y)"
both remove
sync_loads_stop
test_done
