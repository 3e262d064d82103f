#!/bin/bash
# timeout: 60
# Given a disk
# When an interposer with the feature "pin" is refused, at its load and at its resume
# Then no pin is left, and nothing else
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(partition "$(scratch a)" 64)
size=$(sectors "$dev")
refusals_begin
refused "no target type frobnicate" EINVAL "0 $size interpose $dev 1 pin frobnicate"
refused "they must cover it exactly" EINVAL "0 $((size - 8)) interpose $dev 1 pin linear $dev 0"
undisturbed "$dev"
test_done
