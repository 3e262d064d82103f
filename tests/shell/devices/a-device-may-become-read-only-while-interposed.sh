#!/bin/bash
# tier: full
# timeout: 180
# Given an interposed partition with a mounted ext4
# When the partition is made read-only, and writable again
# Then the interposer stays as it is; reads go on; new openers for writing are refused; a writable table is refused
#   and says why; and the other way round, what became writable is written through a read-only interposer
. tests/lib/test.sh
requires_target interpose

dev=$(partition "$(scratch a)" 64)
table="0 $(sectors "$dev") interpose $dev linear $dev 0"
at=$(mkfs_mounted ext4 "$dev")
random_fill "$at/file" 4
sync -f "$at/file"
sum=$(sha256sum <"$at/file")
interpose x "$dev"
mount -o remount,ro "$at"
cleanup blockdev --setrw "$dev"
blockdev --setro "$dev"
redirected=$(interposer_redirected x)
equal "file" "$sum" "$(dd if="$at/file" bs=1M iflag=direct status=none | sha256sum)"
has_redirected x $((redirected + 1))
expect_error "write-protected" -- mount -o remount,rw "$at"
not dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct
dmsetup suspend "$P-x"
dmsetup resume "$P-x"
equal "state" attached "$(interposer_state x)"
expect_error "${dev#/dev/} is read-only; load the table with --readonly" EROFS -- \
	dmsetup load "$P-x" --table "$table"
dmsetup remove "$P-x"

dm_create x "$table" --readonly >"$T_DIR/upper"
equal "file" "$sum" "$(dd if="$at/file" bs=1M iflag=direct status=none | sha256sum)"
blockdev --setrw "$dev"
mount -o remount,rw "$at"
redirected=$(interposer_redirected x)
random_fill "$at/other" 2
sync -f "$at/other"
has_redirected x $((redirected + 2))
dmsetup load "$P-x" --table "$table"
dmsetup suspend "$P-x"
dmsetup resume "$P-x"
random_fill "$at/other" 2
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
