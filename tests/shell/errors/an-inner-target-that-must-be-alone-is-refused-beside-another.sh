#!/bin/bash
# timeout: 60
# Given a disk
# When it is to be interposed with thin-pool, which must be alone in a table and writeable, for a part of it or read-only
# Then that is refused, the kernel log says why, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh
requires_target thin-pool

dev=$(scratch a)
size=$(sectors "$dev")
refusals_begin
refused "target type thin-pool must be alone in a table; use one line for the whole device" EINVAL \
	"0 8192 interpose $dev thin-pool $(disk b) $dev 128 0
8192 $((size - 8192)) interpose $dev linear $dev 8192"
refused "target type thin-pool needs a table that is not read-only" EINVAL \
	"0 $size interpose $dev thin-pool $(disk b) $dev 128 0" --readonly
undisturbed "$dev"
test_done
