#!/bin/bash
# timeout: 60
# Given a table that has been loaded for a device
# When the device becomes read-only before the table is resumed
# Then the resume is refused with EROFS and the remedy, nothing has changed, and it is done once the device is writable
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(partition "$(scratch a)" 64)
refusals_begin
dm_create x "" --notable
dmsetup load "$P-x" <<<"0 $(sectors "$dev") interpose $dev linear $dev 0"
cleanup blockdev --setrw "$dev"
blockdev --setro "$dev"
expect_error "${dev#/dev/} is read-only; load the table with --readonly" EROFS -- dmsetup resume "$P-x"
blockdev --setrw "$dev"
dmsetup resume "$P-x"
equal "state" attached "$(interposer_state x)"
dmsetup remove "$P-x"
undisturbed "$dev"
test_done
