#!/bin/bash
# tier: full
# timeout: 120
# kernel: debug-builtin
# Given a kernel with the target built in, and a mounted ext4 under verified load
# When snapshot-origin is attached, reloaded to linear and detached
# Then all goes as with the module, and no I/O fails
. tests/lib/test.sh
requires_target snapshot-origin

[[ ! -e /sys/module/dm_interpose/refcnt ]] || fail "it is a module here"
dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --size=8M
interpose x "$dev" snapshot-origin
wait_redirected x
dm_reload x "0 $(sectors "$dev") interpose $dev linear $dev 0"
wait_redirected x
equal "state" attached "$(interposer_state x)"
dmsetup remove "$P-x"
wait_io "$dev"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
