#!/bin/bash
# timeout: 90
# Given a mounted ext4 under load, interposed with the feature "pin"
# When it is to be removed: by name, with all others, by the scripts that run at shutdown
# Then none of them detaches it; unpinned by a message, it can be removed
. tests/lib/test.sh
. tests/lib/shutdown.sh

dev=$(partition "$(scratch a)" 128)
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev" 1 pin linear "$dev" 0
fio_verify_start load "$at"
equal "table" "0 $(sectors "$dev") interpose $(devno "$dev") 1 pin linear $(devno "$dev") 0" "$(dmsetup table "$P-x")"
equal "status" pinned "$(interposer_pinned x)"
shutdown_scripts x
wait_redirected x
dmsetup message "$P-x" 0 interpose unpin
equal "status" - "$(interposer_pinned x)"
dmsetup remove "$P-x"
wait_io "$dev"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
