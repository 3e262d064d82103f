#!/bin/bash
# timeout: 90
# Given a mounted ext4, whose device the inner target could not claim
# When it is interposed with the device named by path, by number, by a symbolic link, and each time differently in
#   the inner arguments
# Then each time the inner target sits on the disk beneath the hook, and the table line is the same
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
size=$(sectors "$dev") number=$(devno "$dev")
mkdir -p "$T_DIR/by-label"
ln -s "$dev" "$T_DIR/by-label/a-name"
ln -s "by-label/a-name" "$T_DIR/link"
cleanup dm_remove_if_there "$P-x"
while IFS='|' read -r outer inner; do
	dmsetup create "$P-x" <<<"0 $size interpose $outer linear $inner 0"
	equal "table with $outer $inner" "0 $size interpose $number linear $number 0" "$(dmsetup table "$P-x")"
	equal "what lies below, with $outer $inner" "1 dependencies"$'\t'": ($(interposer_field x 3))" \
		"$(dmsetup deps -o blkdevname "$P-x")"
	dmsetup remove "$P-x"
done <<-END
	$dev|$dev
	$dev|$number
	$number|$T_DIR/link
	$T_DIR/link|$dev
	$T_DIR/by-label/a-name|$number
END
umount "$at"
fsck_clean "$dev"
test_done
