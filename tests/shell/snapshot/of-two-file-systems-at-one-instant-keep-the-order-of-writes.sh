#!/bin/bash
# tier: full
# timeout: 300
# Given two mounted ext4 on different disks, and a writer that syncs each number on the first before it writes it on the
#   second
# When both interposers are suspended, then a snapshot of each is made, then both are resumed, several times
# Then no number is in the second snapshot that is not in the first one, and the first is ahead by one at most
. tests/lib/test.sh
. tests/lib/numbers.sh
requires_target snapshot-origin snapshot

one=$(partition "$(scratch a)" 64) two=$(partition "$(scratch b)" 64)
one_at=$(mkfs_mounted ext4 "$one") two_at=$(mkfs_mounted ext4 "$two")
cow_one=$(partition "$(scratch c)" 128) cow_two=$(partition "$(scratch d)" 128)
interpose x "$one" snapshot-origin
interpose y "$two" snapshot-origin
numbers_start "$one_at" "$two_at"
size=$(sectors "$one")
for _ in 1 2 3 4; do
	numbers_get_on
	dmsetup suspend "$P-x"
	dmsetup suspend "$P-y"
	first=$(dm_create first "0 $size snapshot $(interposer_beneath x) $cow_one N 8")
	second=$(dm_create second "0 $size snapshot $(interposer_beneath y) $cow_two N 8")
	dmsetup resume "$P-y"
	dmsetup resume "$P-x"
	numbers_belong_together "$first" "$second"
	dmsetup remove "$first" "$second"
done
numbers_stop
dmsetup remove "$P-x" "$P-y"
umount "$one_at" "$two_at"
fsck_clean "$one"
fsck_clean "$two"
test_done
