#!/bin/bash
# tier: full
# timeout: 300
# Given two mounted ext4 on different disks, and a writer that syncs each number on the first before it writes it on the
#   second
# When both interposers are suspended, then a snapshot of each is made, then both are resumed, several times
# Then no number is in the second snapshot that is not in the first one, and the first is ahead by one at most
. tests/lib/test.sh
requires_target snapshot-origin snapshot

writing() {
	local i
	trap - ERR
	for ((i = 1; ; i++)); do
		dd of="$one_at/number" conv=fsync,notrunc status=none <<<"$i" || return
		dd of="$two_at/number" conv=fsync,notrunc status=none <<<"$i" || return
	done
}

number_in() {
	local at=$T_DIR/look number
	mkdir -p "$at"
	mount -t ext4 "$1" "$at"
	number=$(<"$at/number")
	umount "$at"
	echo "$number"
}

get_on() {
	local now
	now=$(<"$two_at/number")
	((now > number_before + 2))
}

one=$(partition "$(scratch a)" 64) two=$(partition "$(scratch b)" 64)
one_at=$(mkfs_mounted ext4 "$one") two_at=$(mkfs_mounted ext4 "$two")
cow_one=$(partition "$(scratch c)" 128) cow_two=$(partition "$(scratch d)" 128)
echo 0 >"$one_at/number"
echo 0 >"$two_at/number"
interpose x "$one" snapshot-origin
interpose y "$two" snapshot-origin
writing 2>"$T_DIR/writer" &
writer=$!
cleanup eval "kill $writer 2>/dev/null || true"
size=$(sectors "$one")
for _ in 1 2 3 4; do
	number_before=$(<"$two_at/number")
	wait_until "the writer gets on" 60 get_on
	dmsetup suspend "$P-x"
	dmsetup suspend "$P-y"
	first=$(dm_create first "0 $size snapshot $(interposer_beneath x) $cow_one N 8")
	second=$(dm_create second "0 $size snapshot $(interposer_beneath y) $cow_two N 8")
	dmsetup resume "$P-y"
	dmsetup resume "$P-x"
	a=$(number_in "$first") b=$(number_in "$second")
	note "$a on the first, $b on the second"
	((b <= a && a <= b + 1)) || fail "$a is on the first, $b on the second: they do not belong together"
	dmsetup remove "$first" "$second"
done
kill "$writer"
wait "$writer" || true
dmsetup remove "$P-x" "$P-y"
umount "$one_at" "$two_at"
fsck_clean "$one"
fsck_clean "$two"
test_done
