#!/bin/bash
# tier: full
# timeout: 120
# Given a mounted xfs under verified load, interposed with snapshot-origin
# When a snapshot of the disk beneath the hook is taken between suspend and resume
# Then it has the file as it was while the load rewrites the origin, also without recovering the log; with that (a frozen
#   xfs leaves a last record in it) it is consistent
. tests/lib/test.sh
requires_target snapshot

dev=$(partition "$(scratch a)" 320)
cow=$(scratch b)
at=$(mkfs_mounted xfs "$dev")
random_fill "$at/old" 2
content=$(sha256sum <"$at/old")
fio_verify_start load "$at" --size=8M
interpose x "$dev" snapshot-origin
wait_redirected x
dmsetup suspend "$P-x"
snap=$(dm_create snap "0 $(sectors "$dev") snapshot $(interposer_beneath x) $cow P 32")
dmsetup resume "$P-x"
random_fill "$at/old" 2
wait_redirected x
fio_verify_stop load

mkdir "$T_DIR/snap"
cleanup unmount_if_there "$T_DIR/snap"
mount -t xfs -o ro,norecovery,nouuid "$snap" "$T_DIR/snap"
equal "file in the snapshot" "$content" "$(sha256sum <"$T_DIR/snap/old")"
umount "$T_DIR/snap"
mount -t xfs -o nouuid "$snap" "$T_DIR/snap"
equal "file in the snapshot, recovered" "$content" "$(sha256sum <"$T_DIR/snap/old")"
umount "$T_DIR/snap"
fsck_clean "$snap"
dmsetup remove "$P-snap"
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
