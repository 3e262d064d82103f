#!/bin/bash
# timeout: 60
# Given a partition
# When half of a table interposes it and the other half is another target, before, behind or around
# Then the table is refused, the kernel log says why, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(partition "$(scratch a)" 64)
half=$(($(sectors "$dev") / 2))
third=$((half / 2))
refusals_begin
reason="a table with interpose lines must have no other lines"
refused "$reason" EINVAL "0 $half linear $(disk b) 0"$'\n'"$half $half interpose $dev linear $dev $half"
refused "$reason" EINVAL "0 $half interpose $dev linear $dev 0"$'\n'"$half $half linear $(disk b) 0"
refused "$reason" EINVAL "0 $third linear $(disk b) 0"$'\n'"$third $half interpose $dev linear $dev 0
$((third + half)) $third linear $(disk b) 0"
undisturbed "$dev" "$(disk b)"
test_done
