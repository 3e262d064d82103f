#!/bin/bash
# timeout: 90
# Given a mounted ext4 under verified load
# When an interposer of an inner type is created that the kernel does not have
# Then it is refused with the type's name, the load does not notice, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(partition "$(scratch a)" 128)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at"
refusals_begin
refused "no target type frobnicate" EINVAL "0 $(sectors "$dev") interpose $dev frobnicate $dev 0"
undisturbed
wait_io "$dev"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
