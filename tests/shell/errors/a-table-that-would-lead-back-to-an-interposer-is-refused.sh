#!/bin/bash
# timeout: 120
# Given an interposed disk, with metadata of its inner target, or the store of a snapshot, on a volume on another disk
# When that volume gets a table on the interposed disk, or on its partition, or on another volume that is there
# Then that is refused with ELOOP, the message names both, and the old table stays; another one on the second disk is
#   accepted
# When the snapshot outlives the interposer, the volume gets the same table, which leads nowhere now, and the disk is
#   to be interposed again
# Then that is refused
. tests/lib/test.sh
. tests/lib/refusals.sh
requires_target era snapshot snapshot-origin

disk=$(scratch a) other=$(scratch b)
part=$(partition "$disk" 256)
size=$(sectors "$disk")
volume=$(linear_create volume "$other" 0 131072)

# table_of DEV: what the volume would be there
table_of() {
	echo "0 131072 linear $1 0"
}

# none_back WHAT DEV…: the volume cannot be moved to these devices on the interposed disk
none_back() {
	local dev name
	for dev in "${@:2}"; do
		name=${dev##*/}
		[[ $dev != /dev/mapper/* ]] || name=dm-$(stat -Lc %Lr "$dev")
		expect_error "$name cannot be used: its I/O goes to the interposed ${disk##*/}" ELOOP -- \
			dmsetup load "$P-volume" <<<"$(table_of "$dev")"
		equal "$1: table that waits" "" "$(dmsetup table --inactive "$P-volume")"
	done
	dm_reload volume "$(table_of "$other")"
	random_fill "$disk" 4
}

modprobe dm-interpose
interpose x "$disk" era "$volume" "$disk" 128
none_back "metadata of era" "$disk"
dmsetup remove "$P-x"

dd if=/dev/zero of="$volume" bs=4k count=1 oflag=direct status=none
interpose x "$disk" snapshot-origin
snap=$(dm_create snap "0 $size snapshot $(interposer_beneath x) $volume N 8")
dm_reload x "0 $size interpose $disk snapshot-origin"
below=$(linear_create below "$part" 0 131072)
none_back "a snapshot's store" "$part" "$below"

dmsetup remove "$P-x"
dm_reload volume "$(table_of "$below")"
refusals_begin
refused "a device of the inner target snapshot-origin is on ${disk##*/}" ELOOP \
	"0 $size interpose $disk snapshot-origin"
dmsetup remove "$snap"
interpose x "$disk" snapshot-origin
equal "state" attached "$(interposer_state x)"
dmsetup remove "$P-x"
dmsetup remove "$volume" # which lies on the other one
test_done
