#!/bin/bash
# timeout: 60
# Given a mapped device
# When a table is loaded into it that interposes itself, by path or by number
# Then the load is refused, the kernel log says why, and the device goes on with its old table
. tests/lib/test.sh
. tests/lib/refusals.sh

linear_create x "$(scratch b)"
dev=/dev/mapper/$P-x
refusals_begin
for name in "$dev" "$(devno "$dev")"; do
	expect_error "is the mapped device itself" EINVAL -- \
		dmsetup load "$P-x" <<<"0 $(sectors "$dev") interpose $name linear $(disk c) 0"
done
equal "table that waits for a resume" "" "$(dmsetup table --inactive "$P-x")"
undisturbed "$dev"
test_done
