#!/bin/bash
# timeout: 120
# Given a mounted ext4 with files, interposed with snapshot-origin
# When a snapshot of the disk beneath the hook is taken between suspend and resume, and every file is rewritten
# Then the snapshot stays byte-identical and differs from the device; it is a clean file system with the old files
. tests/lib/test.sh
requires_target snapshot

dev=$(partition "$(scratch a)" 24)
cow=$(scratch b)
at=$(mkfs_mounted ext4 "$dev")
random_fill "$at/one" 2
random_fill "$at/two" 2
content=$(sha256sum <"$at/one")
interpose x "$dev" snapshot-origin
dmsetup suspend "$P-x"
snap=$(dm_create snap "0 $(sectors "$dev") snapshot $(interposer_beneath x) $cow P 32")
dmsetup resume "$P-x"
sum=$(device_sum "$snap")

random_fill "$at/one" 2
rm "$at/two"
random_fill "$at/three" 4
sync -f "$at/three"
equal "checksum of the snapshot" "$sum" "$(device_sum "$snap")"
[[ $sum != "$(device_sum "$dev")" ]] || fail "the device has not changed: nothing has been tested"

fsck_clean "$snap"
mkdir "$T_DIR/snap"
cleanup unmount_if_there "$T_DIR/snap"
mount -t ext4 -o ro,noload "$snap" "$T_DIR/snap"
equal "file in the snapshot" "$content" "$(sha256sum <"$T_DIR/snap/one")"
[[ -e $T_DIR/snap/two && ! -e $T_DIR/snap/three ]] || fail "the snapshot has other files than the origin had"
umount "$T_DIR/snap"
dmsetup remove "$P-snap"
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
