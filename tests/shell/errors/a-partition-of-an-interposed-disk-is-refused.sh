#!/bin/bash
# timeout: 60
# Given a partitioned disk that is interposed as a whole
# When one of its partitions is to be interposed
# Then that is refused with EBUSY and says by what, and the disk's interposer stays
. tests/lib/test.sh
. tests/lib/refusals.sh

disk=$(scratch a)
dev=$(partition "$disk" 64)
interpose x "$disk"
refusals_begin
first=$(devno "/dev/mapper/$P-x")
refused "${dev#/dev/} is already interposed (${disk#/dev/}, by $first)" EBUSY "0 $(sectors "$dev") interpose $dev linear $dev 0"
undisturbed "$disk"
equal "state" attached "$(interposer_state x)"
test_done
