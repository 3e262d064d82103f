#!/bin/bash
# tier: full
# timeout: 180
# Given a partition with an ext4 under load, interposed, and another partition beside it
# When partitions are deleted and added, and the partition table is read again
# Then the other partition comes and goes, the interposed one cannot be deleted, mounted or not, and its load goes on
. tests/lib/test.sh
requires_target interpose

dev=$(partition "$(scratch a)" 128 64)
other=${dev%1}2
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --size=16M --fdatasync=32
interpose x "$dev"
wait_redirected x

expect_error "failed to remove partition" EBUSY -- delpart "$(disk a)" 1
expect_error "BLKRRPART" EBUSY -- blockdev --rereadpt "$(disk a)"
start=$(<"/sys/class/block/${other#/dev/}/start")
for _ in 1 2 3; do
	delpart "$(disk a)" 2
	[[ ! -e /sys/class/block/${other#/dev/} ]] || fail "$other is still there"
	addpart "$(disk a)" 2 "$start" 65536
	wait_until "$other is back" 10 test -b "$other"
done
equal "size of the new one" 65536 "$(sectors "$other")"
interpose y "$other"
random_fill "$other" 1
expect_error "failed to remove partition" EBUSY -- delpart "$(disk a)" 2
dmsetup remove "$P-y"
wait_redirected x

fio_verify_stop load
umount "$at"
expect_error "failed to remove partition" EBUSY -- delpart "$(disk a)" 1
expect_error "BLKRRPART" EBUSY -- blockdev --rereadpt "$(disk a)"
dmsetup remove "$P-x"
blockdev --rereadpt "$(disk a)"
equal "size after the table was read again" $((64 * 2048)) "$(sectors "$other")"
fsck_clean "$dev"
delpart "$(disk a)" 1
blockdev --rereadpt "$(disk a)"
fsck_clean "$dev"
test_done
