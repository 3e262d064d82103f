#!/bin/bash
# tier: full
# timeout: 900
# disks: virtio-scsi (scsi_debug and NVMe disks in one guest are more than lockdep bears, see scsi_disk_create)
# Given a SCSI disk, whose direct I/O may use memory at any multiple of four bytes
# When it is interposed with each inner target in turn, most of which want segments of whole sectors
# Then direct I/O with such memory, in all the ways that there are, gives what was written, and harms nothing
. tests/lib/test.sh
. tests/lib/vanish.sh
. tests/lib/inner.sh

dev=$(partition "$(scsi_disk_create delay=0)" 48)
unaligned=$(program unaligned)
equal "dma_alignment of the SCSI disk" 3 "$(<"$(sysfs_dir "$dev")/../queue/dma_alignment")"
"$unaligned" "$dev" 4

# through NAME: with that inner target
through() {
	note "$1"
	inner_arguments "$1" "$dev"
	dm_create x "0 $(sectors "$dev") interpose $dev $inner" >/dev/null
	equal "state" attached "$(interposer_state x)"
	"$unaligned" "$dev" 4 4 2 || fail "through $1"
	dmsetup remove "$P-x"
	inner_done
}

for name in "${INNER_ALL[@]}"; do
	through "$name"
done
"$unaligned" "$dev" 4
test_done
