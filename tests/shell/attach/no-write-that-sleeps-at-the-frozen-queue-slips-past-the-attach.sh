#!/bin/bash
# timeout: 120
# Given a request-based multipath that has lost its path, with a write that is stuck in it, so that an attach to it waits
#   with the queue frozen
# When eight more writes fall asleep on their way into that queue, after all that is looked at before, and the path is back
# Then the stuck write was the device's own, and each of the eight goes through the interposer
. tests/lib/test.sh
. tests/lib/kill.sh
. tests/lib/mpath.sh
requires_target multipath

mpath_made "$(scratch a)"
path_is_lost
begin dmsetup create "$P-x" --table "0 $size interpose $dev linear $dev 0"
wait_until "the attach waits with the queue frozen" 30 stands_in "$pid" blk_mq_freeze_queue_wait_timeout

writers=()
for i in 1 2 3 4 5 6 7 8; do
	dd if=/dev/zero of="$dev" bs=4k count=1 seek="$i" oflag=direct conv=notrunc status=none &
	writers+=("$!")
done
wait_until "all eight sleep at the queue" 30 all_sleep_in blk_mq_submit_bio
path_is_back
wait "$stuck" "$pid" "${writers[@]}"
equal "redirected" 8 "$(interposer_redirected x)"
dmsetup remove "$P-x"
test_done
