#!/bin/bash
# tier: full
# timeout: 300
# Given an ext4 that is tracked with a file of its own, and unmounted
# When somebody writes to its device in the middle of a detach, after era has gone
# Then the next attach finds that out
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires era_restore

dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
cleanup dm_remove_if_there "$P-x-era"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
interposectl_cleans
interposectl_status 0 track on --tab "$T_DIR/tab" --name "$P-x" --file "$at/era" "$at"
umount "$at"
last=$(($(sectors "$dev") / 8 - 1))
caught=0
for ((round = 1; caught < 3 && round <= 20; round++)); do
	interposectl -q unpin "$P-x"
	store=$(kernel_node "/dev/mapper/$P-x-era") x=$(kernel_node "/dev/mapper/$P-x")
	holder=/sys/block/${store##*/}/holders/${x##*/}
	[[ -e $holder ]] || fail "$holder is not there: this test is broken"
	"$INTERPOSECTL" -q detach "$P-x" &
	detach=$!
	while [[ -e $holder ]] && kill -0 "$detach" 2>/dev/null; do :; done
	if kill -STOP "$detach" 2>/dev/null; then
		caught=$((caught + 1))
	else
		note "round $round: it was too fast"
	fi
	# the same again, which is a write all the same
	dd if="$dev" of="$dev" bs=4k skip="$last" seek="$last" count=1 iflag=direct oflag=direct conv=notrunc status=none
	kill -CONT "$detach" 2>/dev/null || true
	wait "$detach"
	interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
	says "full backup needed: it was written to while it was not attached"
done
((caught == 3)) || fail "only $caught of them were in the middle of a detach: this test is broken"
fsck_clean "$dev"
test_done
