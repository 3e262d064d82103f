#!/bin/bash
# tier: full
# timeout: 240
# Given a mapped device such as a logical volume, with an xfs under load, interposed with snapshot-origin
# When the volume gets other tables under load, as when it is moved or resized, and at last a larger one
# Then its I/O waits and none fails; the interposer gets a table of the new length, and the file system grows under load
. tests/lib/test.sh
requires_target interpose snapshot

disk=$(scratch a) other=$(scratch b)
size=$((320 * 2048)) larger=$((400 * 2048))
dev=$(dm_create volume "0 $size linear $disk 4096")
at=$(mkfs_mounted xfs "$dev")
fio_verify_start load "$at" --size=16M --fdatasync=32
interpose x "$dev" snapshot-origin
wait_redirected x

half=$((size / 2))
for table in "0 $half linear $disk 4096"$'\n'"$half $((size - half)) linear $disk $((4096 + half))" \
	"0 $size linear $disk 4096"; do
	dm_reload volume "$table"
	wait_redirected x
	fio_verify_check load
done

dmsetup load "$P-volume" <<<"0 $size linear $disk 4096"$'\n'"$size $((larger - size)) linear $other 0"
dmsetup suspend "$P-volume"
dmsetup resume "$P-volume"
equal "size" "$larger" "$(sectors "$dev")"
wait_redirected x
dm_reload x "0 $larger interpose $dev snapshot-origin"
xfs_growfs "$at" >"$T_DIR/grow.log" 2>&1 || { cat "$T_DIR/grow.log" >&2; fail "xfs_growfs failed"; }
random_fill "$at/large" 60
wait_redirected x
fio_verify_stop load
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
