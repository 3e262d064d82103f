#!/bin/bash
# timeout: 100
# disks: virtio-scsi (see scsi_disk_create)
# Given a SCSI disk, whose direct I/O may use memory at any multiple of four bytes, interposed; bios are mapped where they are
# When the inner target sends them to a dm-crypt device, which fails what is not in whole sectors
# Then such I/O gives what was written, with the module's parameter "direct" and without
. tests/lib/test.sh
. tests/lib/vanish.sh
requires_target interpose crypt

dev=$(partition "$(scsi_disk_create delay=0)" 48)
size=$(sectors "$dev")
crypt=$(dm_create crypt "0 $size crypt aes-xts-plain64 $(printf '%064d' 1) 0 $(scratch b) 0")
unaligned=$(program unaligned)
equal "dma_alignment of the SCSI disk" 3 "$(<"$(sysfs_dir "$dev")/../queue/dma_alignment")"
equal "dma_alignment of the dm-crypt device" 511 "$(<"$(sysfs_dir "$crypt")/queue/dma_alignment")"

direct_on
for direct in Y N; do
	echo "$direct" >/sys/module/dm_interpose/parameters/direct
	dm_create x "0 $size interpose $dev linear $crypt 0" >/dev/null
	"$unaligned" "$dev" 4 4 4 || fail "with direct=$direct"
	dmsetup remove "$P-x"
done
test_done
