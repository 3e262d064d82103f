#!/bin/bash
# tier: full
# timeout: 200
# Given a mounted ext4 and a raw partition under loads that sync after each write, both interposed, the second pinned
# When dmsetup remove_all is called, with the first attached, suspended, and without it; and again when all is unpinned
# Then the pinned one stays and sees the I/O go on, the other is gone, nothing fails, and every block is verified
. tests/lib/test.sh
. tests/lib/sync-load.sh
requires_target delay

sync_loads_start
both_create "delay DEV 0 40"
dmsetup message "$P-y" 0 interpose pin
both_flush
dmsetup remove_all
not dm_exists "$P-x"
equal "state" attached "$(interposer_state y)"
both_go_on
wait_redirected y 10

interpose x "$fs" delay "$fs" 0 40
dmsetup suspend "$P-x"
dmsetup remove_all
not dm_exists "$P-x"
both_go_on
wait_redirected y 10

dmsetup message "$P-y" 0 interpose unpin
dmsetup suspend --noflush --nolockfs "$P-y"
dmsetup remove_all
not dm_exists "$P-y"
both_go_on
dmsetup mknodes
sync_loads_stop
test_done
