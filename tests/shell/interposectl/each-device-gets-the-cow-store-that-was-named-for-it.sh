#!/bin/bash
# timeout: 240
# Given two devices, one lying on the other, and a COW store for each, of different size
# When interposectl makes snapshots of both, the devices named in either order
# Then the first --cow is the COW store of the first device and the second of the second, the upper one is suspended
#   first whatever the order, and without --name the snapshots are named after the first device
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

# cow_of SNAPSHOT: major:minor
cow_of() {
	dmsetup table "$1" | cut -d' ' -f5
}

interposectl_cleans
lower=$(partition "$(scratch a)" 64)
upper=$(linear_create upper "$lower" 8 65536)
spare=$(partition "$(scratch b)" 32 48)
two=${spare%1}2
for order in "$upper $lower" "$lower $upper"; do
	read -r first second <<<"$order"
	dd if=/dev/zero of="$spare" bs=4096 count=1 conv=fsync status=none
	dd if=/dev/zero of="$two" bs=4096 count=1 conv=fsync status=none
	interposectl_status 0 -v snapshot --cow "$spare" --cow "$two" "$first" "$second"
	suspended=$(grep -m 1 -o '^dmsetup suspend .*' <<<"$said")
	equal "who is suspended first" "dmsetup suspend interpose-$P-upper" "$suspended"
	[[ $said =~ "snapshot --remove "([^[:space:]]+) ]] || fail "it does not say how to remove it: $said"
	name=${BASH_REMATCH[1]}
	equal "the store of the first" "$(devno "$spare")" "$(cow_of "$name-${first##*/}")"
	equal "the store of the second" "$(devno "$two")" "$(cow_of "$name-${second##*/}")"
	equal "its name" "${first##*/}-snap" "$name"
	interposectl_status 0 snapshot --remove "$name"
done
interposectl_status 1 snapshot --cow "$spare" "$upper" "$lower"
says "2 devices and 1 COW stores"
test_done
