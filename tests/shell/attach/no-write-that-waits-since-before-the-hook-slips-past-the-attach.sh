#!/bin/bash
# timeout: 180
# Given a request-based multipath that has lost its path, with a write that is stuck in it, and a change of its queue that
#   waits for that with the queue frozen, and eight more writes that have fallen asleep on their way into it, before
#   anything is interposed
# When it is interposed with a table for another disk, and the path is back
# Then each of the eight was over at the device when create returned, or is on the other disk
. tests/lib/test.sh
. tests/lib/kill.sh
. tests/lib/mpath.sh
requires_target multipath

# written DEV: how many of the blocks 1 to 8 are written there
written() {
	local i n=0
	for i in 1 2 3 4 5 6 7 8; do
		! cmp -s -n 4096 -i "$((i * 4096)):0" "$1" "$T_DIR/new" || n=$((n + 1))
	done
	echo "$n"
}

waits() {
	stands_in "$pid" blk_interposer_init || stands_in "$pid" blk_mq_freeze_queue_wait_timeout
}

head -c 4096 /dev/urandom >"$T_DIR/new"
other=$(scratch b)
mpath_made "$(null_blk_create a memory_backed=0 irqmode=2 completion_nsec=2000000000)"
path_is_lost "$T_DIR/new"
echo $(($(<"$(sysfs_dir "$dev")/queue/nr_requests") - 1)) >"$(sysfs_dir "$dev")/queue/nr_requests" &
changer=$!
wait_until "the change waits with the queue frozen" 30 stands_in "$changer" blk_mq_freeze_queue_wait
writers=()
for i in 1 2 3 4 5 6 7 8; do
	dd if="$T_DIR/new" of="$dev" bs=4k count=1 seek="$i" oflag=direct conv=notrunc status=none &
	writers+=("$!")
done
wait_until "all eight sleep at the queue" 30 all_sleep_in __bio_queue_enter

begin dmsetup create "$P-x" --table "0 $size interpose $dev linear $other 0"
wait_until "create waits for the queue" 30 waits
path_is_back
wait "$pid"
over=$(($(io_stat "$dev" write_sectors) / 8 - 1))
wait "$stuck" "$changer" "${writers[@]}"
blockdev --flushbufs "$other"
equal "writes that were over, or went to the other disk" 8 $((over + $(written "$other")))
dmsetup remove "$P-x"
test_done
