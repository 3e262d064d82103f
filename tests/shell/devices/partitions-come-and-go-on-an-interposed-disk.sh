#!/bin/bash
# tier: full
# timeout: 180
# Given a whole disk that is interposed
# When it is partitioned, its table read again, and partitions are added and deleted beside a mounted one
# Then all of this goes through the interposer as it would without; I/O of a new partition goes through; it makes no
#   difference whether the interposer is suspended
. tests/lib/test.sh
requires_target interpose

disk=$(scratch a)
interpose x "$disk"
dev=$(partition "$disk" 64 32) # writes and reads the table through the interposer
blockdev --rereadpt "$disk"
wait_until "$dev is back" 10 test -b "$dev"
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --size=16M --fdatasync=32
wait_redirected x
expect_error "BLKRRPART" EBUSY -- blockdev --rereadpt "$disk"
expect_error "failed to remove partition" EBUSY -- delpart "$disk" 1
second=$(part "$disk" 2)
start=$(<"/sys/class/block/${second#/dev/}/start")
for suspend in dmsetup true; do
	"$suspend" suspend "$P-x"
	delpart "$disk" 2
	addpart "$disk" 2 "$start" 32768
	wait_until "$second is back" 10 test -b "$second"
	dmsetup resume "$P-x"
done
# what is written to the new partition lies on the disk where the partition does
dd if=/dev/urandom of="$T_DIR/pattern" bs=64k count=1 status=none
dd if="$T_DIR/pattern" of="$second" bs=64k oflag=direct status=none
dd if="$disk" iflag=direct,skip_bytes bs=64k count=1 skip=$((start * 512)) status=none | cmp - "$T_DIR/pattern"
dd if="$(interposer_beneath x)" iflag=direct,skip_bytes bs=64k count=1 skip=$((start * 512)) status=none |
	cmp - "$T_DIR/pattern"
wait_redirected x
fio_verify_stop load
umount "$at"
delpart "$disk" 1
blockdev --rereadpt "$disk"
dmsetup remove "$P-x"
blockdev --rereadpt "$disk"
fsck_clean "$dev"
test_done
