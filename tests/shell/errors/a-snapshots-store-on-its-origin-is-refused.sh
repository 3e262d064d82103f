#!/bin/bash
# timeout: 120
# Given a disk that is interposed with snapshot-origin
# When a snapshot's store is to be a partition of it, a mapped device on it, or one on that; or on a second disk whose
#   interposer's snapshot has its store on the first one
# Then the snapshot is refused with ELOOP, and the message names both; stores elsewhere, for a snapshot of a snapshot
#   too, and beside an interposed partition, are accepted, and all go on
. tests/lib/test.sh
. tests/lib/refusals.sh
requires_target snapshot snapshot-origin

disk=$(scratch a) other=$(scratch b)
part=$(partition "$disk" 64 64)
size=$(sectors "$disk")
# zeroes DEV: no store of old
zeroes() {
	dd if=/dev/zero of="$1" bs=4k count=1 oflag=direct conv=notrunc status=none
}
zeroes "$part"
zeroes "${part%1}2"
volume=$(linear_create volume "${part%1}2")
upper=$(linear_create upper "$volume")
elsewhere=$(linear_create elsewhere "$other" 0 131072)
more=$(linear_create more "$other" 131072 131072)

interpose x "$disk" snapshot-origin
beneath=$(interposer_beneath x)
refusals_begin
for store in "$part" "$volume" "$upper"; do
	name=${store##*/}
	[[ $store != /dev/mapper/* ]] || name=dm-$(stat -Lc %Lr "$store")
	refused "$name cannot be used: its I/O goes to the interposed ${disk##*/}" ELOOP \
		"0 $size snapshot $beneath $store N 8"
done

# good stores, and I/O that is copied there
snap=$(dm_create snap "0 $size snapshot $beneath $elsewhere N 8")
dm_reload x "0 $size interpose $disk snapshot-origin"
second=$(dm_create second "0 $size snapshot $snap $more N 8")
sum=$(device_sum "$snap" 4)
random_fill "$disk" 4
equal "the snapshot" "$sum" "$(device_sum "$snap" 4)"
equal "the snapshot of the snapshot" "$sum" "$(device_sum "$second" 4)"
dmsetup remove "$second"

# crosswise
dmsetup remove "$more"
interpose y "$other" snapshot-origin
VISIBLE=$(visible)
refused "${part##*/} cannot be used" ELOOP "0 $(sectors "$other") snapshot $(interposer_beneath y) $part N 8"
dmsetup remove "$P-y"
dmsetup remove "$snap"
dmsetup remove "$P-x"

# its neighbour is no part of it
zeroes "${part%1}1"
dmsetup remove "$upper"
interpose x "$volume" snapshot-origin
snap=$(dm_create snap "0 $(sectors "$volume") snapshot $(interposer_beneath x) $part N 8")
dm_reload x "0 $(sectors "$volume") interpose $volume snapshot-origin"
sum=$(device_sum "$snap" 4)
random_fill "$volume" 4
equal "the snapshot on a neighbour" "$sum" "$(device_sum "$snap" 4)"
test_done
