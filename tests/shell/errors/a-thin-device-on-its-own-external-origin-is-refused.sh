#!/bin/bash
# timeout: 120
# Given an interposed disk, a pool of thin devices on a partition of it, and another pool on a second disk
# When a thin device of either is to have the bypass disk as its external origin
# Then that of the first pool is refused with ELOOP, as the document says, and the message names the pool; that of the
#   second is accepted and has the origin's data
. tests/lib/test.sh
. tests/lib/refusals.sh
requires_target thin-pool snapshot-origin

disk=$(scratch a) other=$(scratch b)
part=$(partition "$disk" 64)
size=$(sectors "$disk")
linear_create meta "$other" 0 16384 >/dev/null
linear_create meta2 "$other" 16384 16384 >/dev/null
linear_create data2 "$other" 32768 65536 >/dev/null

# make_pool NAME META DATA: a pool with one thin device
make_pool() {
	dd if=/dev/zero of="$2" bs=4k count=1 oflag=direct conv=notrunc status=none
	dm_create "$1" "0 65536 thin-pool $2 $3 128 0"
	dmsetup message "$P-$1" 0 create_thin 0
}

random_fill "$disk" 4
interpose x "$disk" snapshot-origin
beneath=$(interposer_beneath x)
near=$(make_pool near "/dev/mapper/$P-meta" "$part")
far=$(make_pool far "/dev/mapper/$P-meta2" "/dev/mapper/$P-data2")

refusals_begin
refused "dm-$(stat -Lc %Lr "$near") cannot be used: its I/O goes to the interposed ${disk##*/}" ELOOP \
	"0 $size thin $near 0 $beneath"
thin=$(dm_create thin "0 $size thin $far 0 $beneath")
equal "the thin device" "$(device_sum "$disk" 4)" "$(device_sum "$thin" 4)"
test_done
