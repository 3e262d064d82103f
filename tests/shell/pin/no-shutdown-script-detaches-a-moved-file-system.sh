#!/bin/bash
# timeout: 90
# Given a mounted ext4 under verified load whose data are on another disk than its own, by a pinned interposer
# When all that removes mapped devices at a shutdown is run, with the file system mounted and unmounted
# Then the interposer stays attached, and the file system is right
. tests/lib/test.sh
. tests/lib/shutdown.sh

dev=$(partition "$(scratch a)" 48)
other=$(partition "$(scratch b)" 48)
interpose x "$dev" 1 pin linear "$other" 0 >/dev/null
cleanup unpin_if_there x # a test that fails unmounts first, then this
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --size=8M
shutdown_scripts x
wait_redirected x
fio_seen_at load "/dev/mapper/$P-x"
fio_verify_stop load
umount "$at"
shutdown_scripts x
fsck_clean "$dev"
dmsetup message "$P-x" 0 interpose unpin
dmsetup remove "$P-x"
equal "what is found on its own disk" "" "$(blkid -po value -s TYPE "$dev" || true)"
fsck_clean "$other"
test_done
