#!/bin/bash
# timeout: 60
# Given two disks with different data
# When the first is interposed with an inner target on the second
# Then the first shows the second's data, and the disk beneath the hook still the first one's; what is written there
#   arrives on the first one and is seen when it is detached
. tests/lib/test.sh

dev=$(scratch a) other=$(scratch b)
random_fill "$dev" 4
random_fill "$other" 4
dev_sum=$(device_sum "$dev" 4) other_sum=$(device_sum "$other" 4)
[[ $dev_sum != "$other_sum" ]] || fail "the two disks have the same data"
interpose x "$dev" linear "$other" 0
beneath=$(interposer_beneath x)
equal "data seen on the interposed disk" "$other_sum" "$(device_sum "$dev" 4)"
equal "data beneath the hook" "$dev_sum" "$(device_sum "$beneath" 4)"
write_beneath x if=/dev/urandom bs=1M count=2
dev_sum=$(device_sum "$beneath" 4)
equal "data seen on the interposed disk" "$other_sum" "$(device_sum "$dev" 4)"
dmsetup remove "$P-x"
equal "data after the removal" "$dev_sum" "$(device_sum "$dev" 4)"
equal "data of the inner target's disk" "$other_sum" "$(device_sum "$other" 4)"
test_done
