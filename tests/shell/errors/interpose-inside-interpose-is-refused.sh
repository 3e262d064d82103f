#!/bin/bash
# timeout: 60
# Given a disk
# When the inner type of an interpose line is interpose
# Then that is refused, the kernel log says why, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a)
refusals_begin
refused "target type interpose cannot be an inner target" EINVAL \
	"0 $(sectors "$dev") interpose $dev interpose $dev linear $dev 0"
refused "target type interpose cannot be an inner target" EINVAL \
	"0 $(sectors "$dev") interpose $dev interpose $(disk b) linear $(disk b) 0"
undisturbed "$dev"
test_done
