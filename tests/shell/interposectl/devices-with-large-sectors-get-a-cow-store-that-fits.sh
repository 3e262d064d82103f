#!/bin/bash
# tier: full
# timeout: 400
# disks: virtio-scsi (scsi_debug and NVMe disks in one guest are more than lockdep bears, see scsi_disk_create)
# Given a disk with sectors of 4096 bytes, and a loop device with such ones, of sizes of which a fifth is no whole number
#   of them
# When interposectl makes snapshots of them with the default size, in memory, in a file on such a disk, on one of its
#   partitions and on a device with sectors of 512 bytes, and with stores whose size does not fit
# Then each snapshot keeps what it was made of; a store that cannot fit is refused, with the reason, before anything is
#   attached
. tests/lib/test.sh
. tests/lib/vanish.sh
. tests/lib/interposectl.sh
requires_target snapshot

# keeps DEVICE SPACE…: a snapshot does
keeps() {
	local before
	before=$(device_sum "$1" 3)
	interposectl_status 0 snapshot --name "$P-snap" "${@:2}" "$1"
	random_fill "$1" 3
	equal "the snapshot" "$before" "$(device_sum "/dev/mapper/$P-snap" 3)"
	[[ $before != "$(device_sum "$1" 3)" ]] || fail "nothing was written: the test is broken"
	interposectl_status 0 snapshot --remove "$P-snap"
}

disk=$(scsi_disk_create sector_size=4096)
interposectl_cleans
dev=$(partition "$disk" 41 80)
equal "its sectors" 4096 "$(blockdev --getss "$dev")"
other=${dev%1}2
keeps "$dev" --ram
loop=$(loop_create 40972K -b 4096)
keeps "$loop" --ram
keeps "$loop" --ram --size 4195k
at=$(mkfs_mounted ext4 "$other")
keeps "$dev" --file "$at/cow"
keeps "$loop" --file "$at/cow"
keeps "$(partition "$(scratch b)" 64)" --file "$at/cow"
umount "$at"
wipefs -qa "$other"
odd=$(linear_create odd "$(scratch c)" 0 65535)
interposectl_status 1 snapshot --name "$P-snap" --cow "$odd" "$dev"
says "sectors of 4096 bytes" "$odd is not a multiple"
interposectl_status 1 snapshot --name "$P-snap" --cow "$other" "$odd"
says "$other has sectors of 4096 bytes"
interposectl_status 0 list -n
equal "what is interposed" "" "$said"
even=$(linear_create even "$(scratch d)" 0 65536)
keeps "$dev" --cow "$even"
keeps "$even" --cow "$other"
test_done
