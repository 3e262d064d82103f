#!/bin/bash
# timeout: 90
# Given a mounted ext4 under verified load
# When the arguments in an interpose line are not what the inner target wants
# Then the line is refused with the inner target's own errno and message, the load does not notice, and nothing has
#   changed
. tests/lib/test.sh
. tests/lib/refusals.sh
requires_target flakey era

dev=$(partition "$(scratch a)" 128)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at"
refusals_begin
line="0 $(sectors "$dev") interpose $dev"
refused "the inner target linear refuses its arguments: Invalid argument count" EINVAL "$line linear $dev"
refused "the inner target linear refuses its arguments: Invalid argument count" EINVAL "$line linear"
refused "refuses its arguments: Invalid device sector" EINVAL "$line linear $dev elsewhere"
refused "refuses its arguments: Device lookup failed" ENOENT "$line linear /dev/no-such-disk 0"
refused "refuses its arguments: Unrecognised flakey feature" EINVAL "$line flakey $dev 0 1 1 1 frobnicate"
# era's own: since 7.0 or so it says what the block layer has said
no_disk=EINVAL
[[ $(uname -r) != 7.* ]] || no_disk=ENOENT
refused "refuses its arguments: Error opening metadata device" "$no_disk" "$line era /dev/no-such-disk $dev 128"
undisturbed
wait_io "$dev"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
