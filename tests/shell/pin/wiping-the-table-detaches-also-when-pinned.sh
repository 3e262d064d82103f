#!/bin/bash
# timeout: 90
# Given a pinned interposer of a mounted ext4 under verified load
# When its table is wiped, which somebody has to mean
# Then it is detached and no longer pinned, the I/O goes on without an error, and the device can be removed
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 128)
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev" 1 pin linear "$dev" 0
fio_verify_start load "$at"
wait_redirected x
dmsetup wipe_table "$P-x"
equal "holders of the device" "$(sysfs_dir "$dev")/holders/*" "$(echo "$(sysfs_dir "$dev")"/holders/*)"
wait_io "$dev"
dmsetup remove "$P-x"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
