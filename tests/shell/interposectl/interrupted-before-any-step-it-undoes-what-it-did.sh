#!/bin/bash
# tier: full
# timeout: 600
# Given two mounted ext4, one under load
# When interposectl gets a SIGINT before each of its steps in turn, as it makes a snapshot of both
# Then it ends with exit status 3 and nothing is left, or, at the last step, with 0 and the snapshot is there
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

interposectl_cleans
dev=$(partition "$(scratch a)" 48 48)
at=$(mkfs_mounted ext4 "$dev")
two_at=$(mkfs_mounted ext4 "${dev%1}2")
fio_verify_start load "$at" --size=4M
for ((n = 1; ; n++)); do
	status=0
	INTERRUPT_AT=$n "$INTERPOSECTL-killed" -q snapshot --name "$P-snap" --size 4M --ram "$at" "$two_at" 2>"$T_DIR/said" ||
		status=$?
	note "interrupted before step $n: status $status"
	((status != 0)) || break
	equal "status" 3 "$status"
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "loop devices" "" "$(losetup -nO NAME)"
	equal "records" "" "$(ls /run/interposectl)"
	dd if=/dev/zero of="$two_at/written" bs=4k count=1 conv=fsync status=none
done
((n > 20)) || fail "only $n steps: the test is broken"
interposectl_status 0 snapshot --remove "$P-snap"
fio_verify_stop load
umount "$at" "$two_at"
fsck_clean "$dev"
test_done
