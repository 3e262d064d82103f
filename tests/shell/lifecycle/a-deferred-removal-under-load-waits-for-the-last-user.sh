#!/bin/bash
# tier: full
# timeout: 200
# Given a mounted ext4 and a raw partition under loads that sync after each write, with interposers that somebody has
#   open
# When they are removed with --deferred, one of them is suspended, the other one's removal is called off, and they are
#   closed
# Then each redirects I/O until it is closed, then goes by itself unless that was called off; nothing fails, and every
#   block is verified
. tests/lib/test.sh
. tests/lib/sync-load.sh
requires_target delay

is_gone() {
	! dm_exists "$P-$1"
}

# stays NAME: attached, and I/O goes through it
stays() {
	equal "state of $1" attached "$(interposer_state "$1")"
	wait_redirected "$1" 10
}

sync_loads_start
both_create "delay DEV 0 40"
both_flush
exec {x_open}<"/dev/mapper/$P-x" {y_open}<"/dev/mapper/$P-y"
expect_error "remove" EBUSY -- dmsetup remove "$P-x"
both remove --deferred
stays x
stays y
dmsetup message "$P-y" 0 @cancel_deferred_remove
dmsetup suspend "$P-x"
exec {x_open}<&- {y_open}<&-
wait_until "x is gone" 30 is_gone x
both_go_on
fsfreeze -f "$at" # would be refused on a file system that is still frozen
fsfreeze -u "$at"
stays y

interpose x "$fs" delay "$fs" 0 40
dmsetup mknodes # dmsetup has removed the node of y with the first --deferred
exec {x_open}<"/dev/mapper/$P-x" {y_open}<"/dev/mapper/$P-y"
both remove --deferred
both_flush
exec {x_open}<&- {y_open}<&-
wait_until "x is gone" 30 is_gone x
wait_until "y is gone" 30 is_gone y
both_go_on
dmsetup mknodes
sync_loads_stop
test_done
