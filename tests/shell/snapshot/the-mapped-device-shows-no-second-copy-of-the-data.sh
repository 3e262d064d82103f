#!/bin/bash
# timeout: 60
# Given a mounted ext4 that is interposed
# When the interposer's mapped device is read, written, scanned and mounted like a disk
# Then each fails with EIO and without a message of the block layer, nothing is found on it, and the file system is
#   untouched
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
upper=$(interpose x "$dev")
expect_error "Input/output error" EIO -- dd if="$upper" of="$T_DIR/read" bs=4k count=1
expect_error "Input/output error" EIO -- dd if="$upper" of="$T_DIR/read" bs=4k count=1 iflag=direct
[[ ! -s $T_DIR/read ]] || fail "$upper gave data"
expect_error "Input/output error" EIO -- dd if=/dev/zero of="$upper" bs=4k count=16 oflag=direct conv=notrunc
expect_error "Input/output error" EIO -- dd if=/dev/zero of="$upper" bs=4k count=16 conv=notrunc,fsync
not blkid -p "$upper" >"$T_DIR/found"
[[ ! -s $T_DIR/found ]] || fail "blkid finds $(<"$T_DIR/found")"
dmesg_since_start
[[ ! $log =~ (Buffer\ I/O|I/O\ error|lost\ async)[^$'\n']* ]] || fail "the kernel log says: ${BASH_REMATCH[0]}"
mkdir "$T_DIR/second"
not mount -t ext4 -o ro "$upper" "$T_DIR/second"
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
