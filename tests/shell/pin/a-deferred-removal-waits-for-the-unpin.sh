#!/bin/bash
# timeout: 90
# Given a pinned interposer under verified load
# When it is removed with --deferred
# Then it stays until it is unpinned, then goes by itself, and no I/O fails
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 64)
interpose x "$dev" 1 pin linear "$dev" 0
fio_verify_start load "$dev"
dmsetup remove --deferred "$P-x"
wait_redirected x
equal "state" attached "$(interposer_state x)"
dmsetup message "$P-x" 0 interpose unpin
is_gone() { ! dm_exists "$P-x"; }
wait_until "the interposer is gone" 20 is_gone
wait_io "$dev"
fio_verify_stop load
rm -f "/dev/mapper/$P-x" # without udev nobody does, when the kernel removes a device by itself
test_done
