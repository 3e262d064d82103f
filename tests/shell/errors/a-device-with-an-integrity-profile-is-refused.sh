#!/bin/bash
# timeout: 60
# disks: virtio-scsi (scsi_debug and NVMe disks in one guest are more than lockdep bears, see scsi_disk_create)
# Given a disk that stores protection information
# When it is to be interposed
# Then that is refused, the kernel log says why, and nothing has changed
# (No device in the virtual machine has inline encryption: that refusal is tested with KUnit.)
. tests/lib/test.sh
. tests/lib/refusals.sh
. tests/lib/vanish.sh

dev=$(scsi_disk_create dix=1 dif=1)
refusals_begin
refused "${dev#/dev/} has an integrity profile, which is not supported" EOPNOTSUPP \
	"0 $(sectors "$dev") interpose $dev linear $dev 0"
undisturbed "$dev"
test_done
