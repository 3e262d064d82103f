#!/bin/bash
# timeout: 60
# Given a read-only disk
# When it is to be interposed with a table that may write
# Then that is refused with EROFS and says what to do; with a read-only table it works, and shows the disk's data
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a)
random_fill "$dev" 1
sum=$(device_sum "$dev" 1)
refusals_begin
cleanup blockdev --setrw "$dev"
blockdev --setro "$dev"
table="0 $(sectors "$dev") interpose $dev linear $dev 0"
refused "${dev#/dev/} is read-only; load the table with --readonly" EROFS "$table"
dm_create x "$table" --readonly
equal "state" attached "$(interposer_state x)"
equal "data" "$sum" "$(device_sum "$dev" 1)"
dmsetup remove "$P-x"
blockdev --setrw "$dev"
undisturbed "$dev"
test_done
