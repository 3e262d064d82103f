#!/bin/bash
# timeout: 90
# Given a mounted ext4 that is interposed, under verified load
# When a table is swapped in that covers too little, and the resume is refused
# Then the I/O waits, and goes on without an error when a good table is resumed; the same when the interposer is
#   removed instead
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 128)
size=$(sectors "$dev")
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev"
fio_verify_start load "$at"
wait_redirected x
refused_resume() {
	dmsetup load "$P-x" <<<"0 $((size - 8)) interpose $dev linear $dev 0"
	expect_error "they must cover it exactly" EINVAL -- dmsetup resume "$P-x"
	equal "state after the refused resume" held "$(interposer_state x)"
}
refused_resume
dmsetup load "$P-x" <<<"0 $size interpose $dev linear $dev 0"
dmsetup resume "$P-x"
wait_redirected x
refused_resume
dmsetup remove "$P-x"
wait_io "$dev"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
