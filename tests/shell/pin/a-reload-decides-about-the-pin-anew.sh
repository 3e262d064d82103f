#!/bin/bash
# timeout: 60
# Given an interposer without the feature "pin"
# When a table with it is resumed, then one without
# Then it is pinned from the one resume to the other; a table that only waits changes nothing
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 64)
size=$(sectors "$dev")
interpose x "$dev"
dmsetup load "$P-x" <<<"0 $size interpose $dev 1 pin linear $dev 0"
equal "status before the resume" - "$(interposer_pinned x)"
equal "table that waits" "0 $size interpose $(devno "$dev") 1 pin linear $(devno "$dev") 0" \
	"$(dmsetup table --inactive "$P-x")"
dmsetup resume "$P-x"
equal "status" pinned "$(interposer_pinned x)"
dmsetup load "$P-x" <<<"0 $size interpose $dev linear $dev 0"
equal "status before the resume" pinned "$(interposer_pinned x)"
expect_error "Device or resource busy" EBUSY -- dmsetup remove "$P-x"
dmsetup resume "$P-x"
equal "status" - "$(interposer_pinned x)"
dmsetup remove "$P-x"
test_done
