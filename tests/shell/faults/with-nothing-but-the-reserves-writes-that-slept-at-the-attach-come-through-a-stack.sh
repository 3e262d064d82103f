#!/bin/bash
# timeout: 240
# Given a request-based multipath that has lost its path, to which an attach waits with the queue frozen, with an inner target that
#   splits over two mapped devices; a write of sixteen pieces sleeps on its way into the queue for each of eight writers
# When no mempool gets memory any more, and each device has a reserve for one bio only, and the path is back
# Then each write comes through the stack: none waits for what another one holds that is queued behind it
. tests/lib/test.sh
. tests/lib/kill.sh
requires_target multipath striped
requires_module fail-step

step=/sys/module/fail_step/parameters/step
reserve=/sys/module/dm_mod/parameters/reserved_bio_based_ios

path_is_back() {
	! dm_exists "$P-mpath" || dmsetup message "$P-mpath" 0 "reinstate_path $(devno "$path")"
}

memory_is_back() {
	echo >"$step"
}

asleep() {
	local writer
	for writer in "${writers[@]}"; do
		stands_in "$writer" blk_mq_submit_bio && ! is_gone "$writer" || return 1
	done
}

through() {
	local writer
	for writer in "${writers[@]}"; do
		is_gone "$writer" || return 1
	done
}

size=32768
cleanup rmmod fail-step
cleanup eval "echo $(<"$reserve") >$reserve"
echo 1 >"$reserve"
modprobe dm-round-robin
path=$(scratch a)
dev=$(dm_create mpath "0 $size multipath 1 queue_if_no_path 0 1 1 round-robin 0 1 0 $path")
legs=("$(linear_create leg1 "$(scratch b)" 0 $((size / 2)))" "$(linear_create leg2 "$(disk b)" $((size / 2)) $((size / 2)))")
cleanup dm_remove_if_there "$P-x"
cleanup path_is_back
cleanup memory_is_back
random_fill "$T_DIR/data" 1
dmsetup message "$P-mpath" 0 "fail_path $(devno "$path")"
dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=notrunc status=none &
stuck=$!
wait_until "the write is stuck" 30 stands_in "$stuck" blkdev_write_iter
begin dmsetup create "$P-x" --table "0 $size interpose $dev striped 2 8 ${legs[0]} 0 ${legs[1]} 0"
wait_until "the attach waits with the queue frozen" 30 stands_in "$pid" blk_mq_freeze_queue_wait_timeout

writers=()
for i in {0..7}; do
	dd if="$T_DIR/data" of="$dev" bs=64k count=1 skip="$i" seek="$i" iflag=fullblock oflag=direct conv=notrunc status=none &
	writers+=("$!")
done
wait_until "all eight sleep at the queue" 30 asleep
echo "mempool_alloc_slab * 1 0 every" >"$step"
path_is_back
wait_until "all writes are through" 60 through
(($(<"$step") >= 8 * 16)) || fail "only $(<"$step") times the memory was asked for: this test is broken"
memory_is_back
wait "$stuck" "$pid" "${writers[@]}"
equal "redirected" 8 "$(interposer_redirected x)"
dd if="$dev" of="$T_DIR/read" bs=64k count=8 iflag=direct status=none
cmp -n $((8 * 65536)) "$T_DIR/data" "$T_DIR/read"
dmsetup remove "$P-x"
test_done
