#!/bin/bash
# timeout: 120
# Given a request-based multipath that has lost its path, with a write that is stuck in it, so that an attach to it waits
#   with the queue frozen
# When eight more writes fall asleep on their way into that queue, after all that is looked at before, and the path is back
# Then the stuck write was the device's own, and each of the eight goes through the interposer
. tests/lib/test.sh
. tests/lib/kill.sh
requires_target multipath

# no_path: the multipath has none, and a write to it is stuck
no_path() {
	dmsetup message "$P-mpath" 0 "fail_path $(devno "$path")"
	dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=notrunc status=none &
	stuck=$!
	wait_until "the write is stuck" 30 stands_in "$stuck" blkdev_write_iter
}

path_is_back() {
	! dm_exists "$P-mpath" || dmsetup message "$P-mpath" 0 "reinstate_path $(devno "$path")"
}

asleep() {
	local writer
	for writer in "${writers[@]}"; do
		stands_in "$writer" blk_mq_submit_bio && ! is_gone "$writer" || return 1
	done
}

size=32768
modprobe dm-round-robin
path=$(scratch a)
dev=$(dm_create mpath "0 $size multipath 1 queue_if_no_path 0 1 1 round-robin 0 1 0 $path")
cleanup dm_remove_if_there "$P-x"
cleanup path_is_back
no_path
begin dmsetup create "$P-x" --table "0 $size interpose $dev linear $dev 0"
wait_until "the attach waits with the queue frozen" 30 stands_in "$pid" blk_mq_freeze_queue_wait_timeout

writers=()
for i in 1 2 3 4 5 6 7 8; do
	dd if=/dev/zero of="$dev" bs=4k count=1 seek="$i" oflag=direct conv=notrunc status=none &
	writers+=("$!")
done
wait_until "all eight sleep at the queue" 30 asleep
path_is_back
wait "$stuck" "$pid" "${writers[@]}"
equal "redirected" 8 "$(interposer_redirected x)"
dmsetup remove "$P-x"
test_done
