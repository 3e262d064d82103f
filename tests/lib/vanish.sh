# shellcheck shell=bash
# Disks that are taken away from under whoever uses them, and what must then be true. Source it after test.sh.

# scsi_disk: the node of the disk that scsi_debug makes. No process is started.
scsi_disk() {
	local dir=(/sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*)
	[[ -b /dev/${dir[0]##*/} ]] || return 1
	echo "/dev/${dir[0]##*/}"
}

# scsi_disk_create [MODULE-OPTION…]: a SCSI disk of 128 MiB in memory.
# Not beside NVMe disks: sd sends commands under limits_lock, NVMe takes that lock with its queue frozen, and in Linux 6.12
# lockdep tells neither the locks nor the queues of the two apart. Its report, when the SCSI disk goes, is about neither
# an interposer nor a deadlock, but it is the last that lockdep makes in that guest.
scsi_disk_create() {
	! compgen -G '/sys/block/nvme*' >/dev/null || fail "a SCSI disk beside NVMe disks: say \"# disks: virtio-scsi\""
	cleanup modprobe -qr scsi_debug
	modprobe scsi_debug dev_size_mb=128 "$@"
	wait_until "the SCSI disk has its node" 30 scsi_disk
	scsi_disk
}

# scsi_disk_delete DEV: what happens when its cable is pulled. Returns when the kernel is done with it.
scsi_disk_delete() {
	echo 1 >"/sys/block/${1#/dev/}/device/delete"
}

# power DEV 0|1: of a disk made by null_blk_create
power() {
	echo "$2" >"/sys/kernel/config/nullb/${1#/dev/}/power"
}

# vanish_errors NAME: the disk NAME, its partitions and what is made of them are going to fail
vanish_errors() {
	expects_dmesg "(I/O error|lost (async|sync) page write).*\b$1" "(EXT4-fs|XFS|BTRFS|JBD2|journal).*\b$1"
}

# fio_fails NAME: the load ends by itself, with an error
fio_fails() {
	wait_until "fio $1 has noticed" 100 fio_gone "$1"
	[[ $(fio_result "$1" error) != 0 ]] || fail "fio $1 noticed nothing, and its device is gone"
	note "fio $1 ended with error $(fio_result "$1" error)"
}

# gone DEV: node, directory in sysfs and all
gone() {
	[[ ! -e $1 && ! -e /sys/class/block/${1#/dev/} ]]
}
