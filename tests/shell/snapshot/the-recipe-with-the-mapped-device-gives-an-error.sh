#!/bin/bash
# timeout: 60
# Given a mounted ext4, interposed with snapshot-origin
# When a snapshot is made of the interposer's mapped device, as the mailing lists tell, instead of the disk beneath
# Then the first read of the snapshot fails; it never shows data, and the file system goes on
. tests/lib/test.sh
requires_target snapshot
expects_dmesg 'Buffer I/O error on dev dm-'

dev=$(partition "$(scratch a)" 64)
cow=$(scratch b)
at=$(mkfs_mounted ext4 "$dev")
origin=$(interpose x "$dev" snapshot-origin)
cleanup dm_remove_if_there "$P-snap"
dmsetup create "$P-snap" <<<"0 $(sectors "$dev") snapshot $origin $cow P 8"
expect_error "Input/output error" EIO -- dd if="/dev/mapper/$P-snap" of="$T_DIR/read" bs=4k count=1 iflag=direct
expect_error "Input/output error" EIO -- dd if="/dev/mapper/$P-snap" of="$T_DIR/read" bs=4k skip=64 count=1
[[ ! -s $T_DIR/read ]] || fail "the snapshot gave data"
dmsetup remove "$P-snap"
random_fill "$at/file" 1
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
