#!/bin/bash
# timeout: 60
# Given a partition
# When interpose lines reach beyond its end: one that is too long, and a second one that starts too late
# Then the load is refused, both lengths stand in the kernel log, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(partition "$(scratch a)" 64)
size=$(sectors "$dev")
refusals_begin
refused "the line ends at sector $((size + 8)), but ${dev#/dev/} has $size sectors" EINVAL \
	"0 $((size + 8)) interpose $dev linear $(disk b) 0"
refused "the line ends at sector $((size + 2048)), but ${dev#/dev/} has $size sectors" EINVAL \
	"0 $size interpose $dev linear $dev 0"$'\n'"$size 2048 interpose $dev linear $dev 0"
undisturbed "$dev"
test_done
