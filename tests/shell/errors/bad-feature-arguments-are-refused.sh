#!/bin/bash
# timeout: 60
# Given a disk
# When an interpose line has an unknown feature, one twice, more features than there are, or fewer than it says
# Then it is refused and the kernel log says which, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a)
refusals_begin
line="0 $(sectors "$dev") interpose $dev"
refused "feature argument frobnicate; known: pin, no_atomic" EINVAL "$line 1 frobnicate linear $dev 0"
refused "repeated feature argument pin" EINVAL "$line 2 pin pin linear $dev 0"
refused "repeated feature argument no_atomic" EINVAL "$line 2 no_atomic no_atomic linear $dev 0"
refused "Invalid number of feature arguments" EINVAL "$line 3 pin no_atomic pin linear $dev 0"
refused "feature argument linear" EINVAL "$line 1 linear $dev 0"
refused "no target type pin" EINVAL "$line 0 pin linear $dev 0"
undisturbed "$dev"
test_done
