#!/bin/bash
# timeout: 60
# Given a disk
# When an interpose line has an unknown feature, more features than there are, or fewer than it says
# Then it is refused and the kernel log says which, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a)
refusals_begin
line="0 $(sectors "$dev") interpose $dev"
refused "unknown feature argument frobnicate; known: pin" EINVAL "$line 1 frobnicate linear $dev 0"
refused "Invalid number of feature arguments" EINVAL "$line 2 pin pin linear $dev 0"
refused "unknown feature argument linear" EINVAL "$line 1 linear $dev 0"
refused "no target type pin" EINVAL "$line 0 pin linear $dev 0"
undisturbed "$dev"
test_done
