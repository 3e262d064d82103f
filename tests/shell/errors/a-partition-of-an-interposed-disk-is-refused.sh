#!/bin/bash
# timeout: 60
# Given a partitioned disk that is interposed as a whole
# When one of its partitions is to be interposed
# Then that is refused with EBUSY and says by what, and the disk's interposer stays
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(partition "$(scratch a)" 64)
interpose x /dev/vda
refusals_begin
first=$(devno "/dev/mapper/$P-x")
refused "vda1 is already interposed (vda, by $first)" EBUSY "0 $(sectors "$dev") interpose $dev linear $dev 0"
undisturbed /dev/vda
equal "state" attached "$(interposer_state x)"
test_done
