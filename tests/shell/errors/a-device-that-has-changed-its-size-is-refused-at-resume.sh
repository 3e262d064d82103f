#!/bin/bash
# timeout: 60
# Given a loop device, and a table that has been loaded for its size
# When it grows, or shrinks, before the table is resumed
# Then the resume is refused, both lengths stand in the kernel log, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(loop_create 64M)
files=("$T_DIR"/loop.*)
size=131072
refusals_begin
for mib in 96 32; do
	dm_create x "" --notable
	dmsetup load "$P-x" <<<"0 $size interpose $dev linear $(disk b) 0"
	truncate -s "${mib}M" "${files[0]}"
	losetup -c "$dev"
	expect_error "the interpose lines have $size sectors, but ${dev#/dev/} has $((mib * 2048))" EINVAL -- \
		dmsetup resume "$P-x"
	dmsetup remove "$P-x"
	truncate -s 64M "${files[0]}"
	losetup -c "$dev"
done
undisturbed "$dev"
test_done
