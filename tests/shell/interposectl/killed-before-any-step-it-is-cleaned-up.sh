#!/bin/bash
# tier: full
# timeout: 600
# Given a mounted ext4 under load
# When interposectl is killed before each of its steps in turn, as it makes a snapshot, and as it removes one
# Then the file system takes writes, the next command says what has been left, and "recover" removes all of it
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

is_ready() {
	[[ -e /run/interposectl/$P-snap && $(<"/run/interposectl/$P-snap") == *$'\nready' ]]
}

nothing_is_left() {
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "loop devices" "" "$(losetup -nO NAME)"
	equal "files" lost+found "$(ls "$T_DIR/space" && ls /run/interposectl)"
}

mkdir "$T_DIR/space"
cleanup unmount_if_there "$T_DIR/space"
interposectl_cleans
spare=$(partition "$(scratch b)" 64)
mkfs.ext4 -qF "$spare"
mount "$spare" "$T_DIR/space"
dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --size=4M
make=(snapshot --name "$P-snap" --size 16M --file "$T_DIR/space/cow" "$at")
for ((n = 1; ; n++)); do
	killed_at "$n" "${make[@]}" || break
	if is_ready; then
		interposectl_status 0 snapshot --remove "$P-snap"
	elif [[ -e /run/interposectl/$P-snap ]]; then
		interposectl_status 0 list
		says "was not completed" "interposectl recover"
	fi
	interposectl_status 0 recover
	nothing_is_left
done
((n > 12)) || fail "only $n steps: the test is broken"
for ((n = 1; ; n++)); do
	killed_at "$n" snapshot --remove "$P-snap" || break
	interposectl_status 0 recover
	nothing_is_left
	interposectl -q "${make[@]}"
done
((n > 4)) || fail "only $n steps: the test is broken"
nothing_is_left
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
