#!/bin/bash
# timeout: 240
# Given a request-based multipath that has lost its path, to which an attach waits with the queue frozen, with an inner target that
#   splits over two mapped devices; a write of sixteen pieces sleeps on its way into the queue for each of eight writers
# When no mempool gets memory any more, and each device has a reserve for one bio only, and the path is back
# Then each write comes through the stack: none waits for what another one holds that is queued behind it
. tests/lib/test.sh
. tests/lib/kill.sh
. tests/lib/mpath.sh
requires_target multipath striped
requires_module fail-step

step=/sys/module/fail_step/parameters/step
reserve=/sys/module/dm_mod/parameters/reserved_bio_based_ios

memory_is_back() {
	echo >"$step"
}

through() {
	local writer
	for writer in "${writers[@]}"; do
		is_gone "$writer" || return 1
	done
}

cleanup rmmod fail-step
cleanup eval "echo $(<"$reserve") >$reserve"
echo 1 >"$reserve"
half=16384
legs=("$(linear_create leg1 "$(scratch b)" 0 "$half")" "$(linear_create leg2 "$(disk b)" "$half" "$half")")
mpath_made "$(scratch a)"
cleanup memory_is_back
random_fill "$T_DIR/data" 1
path_is_lost
begin dmsetup create "$P-x" --table "0 $size interpose $dev striped 2 8 ${legs[0]} 0 ${legs[1]} 0"
wait_until "the attach waits with the queue frozen" 30 stands_in "$pid" blk_mq_freeze_queue_wait_timeout

writers=()
for i in {0..7}; do
	dd if="$T_DIR/data" of="$dev" bs=64k count=1 skip="$i" seek="$i" iflag=fullblock oflag=direct conv=notrunc status=none &
	writers+=("$!")
done
wait_until "all eight sleep at the queue" 30 all_sleep_in blk_mq_submit_bio
# Since 7.0 or so, bios are first looked for outside of the mempool. And a bio for somebody who must not wait, as the
# multipath's, does not come from a reserve at all.
case $(uname -r) in
6.*) echo "mempool_alloc_slab * 1 0 every" >"$step" ;;
*) echo "kmem_cache_alloc_noprof mempool_alloc,bio_alloc_bioset 1 0 patient" >"$step" ;;
esac
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
