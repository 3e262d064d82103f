#!/bin/bash
# timeout: 60
# Given a disk
# When it is to be interposed with multipath, which works on requests
# Then that is refused, the kernel log says why, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh
requires_target multipath

dev=$(scratch a)
refusals_begin
refused "target type multipath is request-based" EINVAL \
	"0 $(sectors "$dev") interpose $dev multipath 0 0 1 1 round-robin 0 1 1 $dev 1000"
undisturbed "$dev"
test_done
