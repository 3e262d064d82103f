#!/bin/bash
# timeout: 60
# Given a disk that stores protection information
# When it is to be interposed
# Then that is refused, the kernel log says why, and nothing has changed
# (No device in the virtual machine has inline encryption: that refusal is tested with KUnit.)
. tests/lib/test.sh
. tests/lib/refusals.sh

disk_is_there() {
	for dev in /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*; do
		dev=/dev/${dev##*/}
	done
	[[ -b $dev ]]
}

cleanup modprobe -r scsi_debug
modprobe scsi_debug dix=1 dif=1 dev_size_mb=16
wait_until "the disk is there" 20 disk_is_there
disk_is_there
refusals_begin
refused "${dev#/dev/} has an integrity profile, which is not supported" EOPNOTSUPP \
	"0 $(sectors "$dev") interpose $dev linear $dev 0"
undisturbed "$dev"
test_done
