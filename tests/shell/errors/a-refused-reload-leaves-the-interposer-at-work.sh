#!/bin/bash
# timeout: 90
# Given a mounted ext4 that is interposed, under verified load
# When tables are loaded into the interposer that are refused
# Then it goes on with its old table: no I/O fails and none passes it by
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(partition "$(scratch a)" 128)
other=$(scratch b)
size=$(sectors "$dev")
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev"
table=$(dmsetup table "$P-x")
fio_verify_start load "$at"
refusals_begin
expect_error "no target type frobnicate" EINVAL -- \
	dmsetup load "$P-x" <<<"0 $size interpose $dev frobnicate"
expect_error "refuses its arguments" EINVAL -- dmsetup load "$P-x" <<<"0 $size interpose $dev linear $dev"
expect_error "cannot interpose ${other#/dev/} as well" EBUSY -- \
	dmsetup load "$P-x" <<<"0 $size interpose $other linear $other 0"
expect_error "but ${dev#/dev/} has $size" EINVAL -- \
	dmsetup load "$P-x" <<<"0 $((size + 8)) interpose $dev linear $other 0"
equal "table" "$table" "$(dmsetup table "$P-x")"
equal "state" attached "$(interposer_state x)"
undisturbed
wait_redirected x
fio_verify_stop load
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
