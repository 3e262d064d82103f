#!/bin/bash
# tier: full
# timeout: 120
# Given a mounted ext4 under load, its interposer with era above a snapshot-origin, and a snapshot that is in use by
#   nobody but has a name that sorts behind
# When dmsetup remove_all is called
# Then all of it goes, the interposer first, and no write of the file system fails or is lost
. tests/lib/test.sh
requires_target era snapshot

dm_names() {
	local name
	for name in /sys/block/dm-*/dm/name; do
		[[ ! -r $name ]] || echo "$(<"$name")"
	done
}

dev=$(partition "$(scratch a)" 128)
size=$(sectors "$dev")
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --fdatasync=8 --size=16M
interpose x "$dev"
beneath=$(interposer_beneath x)
base=$(dm_create base "0 $size snapshot-origin $beneath")
dm_reload x "0 $size interpose $dev era $(scratch b) $base 128"
dmsetup suspend "$P-x"
dmsetup suspend "$P-base"
dm_create z-snap "0 $size snapshot $beneath $(scratch c) N 8" >/dev/null
dmsetup resume "$P-base"
dmsetup resume "$P-x"
wait_redirected x 300
used=$(io_stat "$(disk c)" writes)
((used > 0)) || fail "nothing was copied out for the snapshot: there is no stack at work"

dmsetup remove_all
equal "mapped devices that are left" "" "$(dm_names)"
wait_until "$beneath is gone" 10 test ! -e "$beneath"
wait_io "$dev"
dmsetup mknodes
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
