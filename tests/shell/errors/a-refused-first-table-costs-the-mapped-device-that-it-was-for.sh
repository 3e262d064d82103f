#!/bin/bash
# timeout: 120
# Given an interposed disk, and a mapped device that was created without a table
# When its first table is a snapshot with its store on the interposed disk
# Then that is refused with ELOOP; removed and created again, as the document says, the mapped device takes a good table,
#   which is a snapshot that does not change
. tests/lib/test.sh
. tests/lib/refusals.sh
requires_target snapshot snapshot-origin

disk=$(scratch a)
part=$(partition "$disk" 64)
size=$(sectors "$disk")
elsewhere=$(linear_create elsewhere "$(scratch b)" 0 131072)
for store in "$part" "$elsewhere"; do
	dd if=/dev/zero of="$store" bs=4k count=1 oflag=direct conv=notrunc status=none
done

interpose x "$disk" snapshot-origin
beneath=$(interposer_beneath x)
refusals_begin
for again in 1 2; do
	dmsetup create --notable "$P-refused"
	expect_error "${part##*/} cannot be used: its I/O goes to the interposed ${disk##*/}" ELOOP -- \
		dmsetup load "$P-refused" <<<"0 $size snapshot $beneath $part N 8"
	equal "attempt $again: table that waits" "" "$(dmsetup table --inactive "$P-refused")"
	dmsetup remove "$P-refused"
	nothing_came_of_it
done

dmsetup create --notable "$P-refused"
dmsetup load "$P-refused" <<<"0 $size snapshot $beneath $elsewhere N 8"
dmsetup resume "$P-refused"
dm_reload x "0 $size interpose $disk snapshot-origin"
sum=$(device_sum "/dev/mapper/$P-refused" 4)
random_fill "$disk" 4
equal "the snapshot" "$sum" "$(device_sum "/dev/mapper/$P-refused" 4)"
test_done
