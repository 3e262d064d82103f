# shellcheck shell=bash
# Which disk of the guest is which. The kernel names disks as it finds them, and finds SCSI and NVMe disks side by
# side: only the serial number that tools/vm/run has given a disk tells. Sourced in the guest.

# serial_in FILE: one of tools/vm/run's in $serial. A SCSI disk has it behind a head with zeroes in it.
serial_in() {
	local words
	mapfile -d '' -t words <"$1"
	[[ ${words[-1]-} =~ (^|[^a-z])(scratch[1-4])[[:space:]]*$ ]] && serial=${BASH_REMATCH[2]}
} 2>/dev/null

# disk_node N: the path of the Nth disk; fails if it is not there
disk_node() {
	local dir serial file
	for dir in /sys/block/vd* /sys/block/sd* /sys/block/nvme*; do
		[[ -b /dev/${dir##*/} ]] || continue
		for file in "$dir"/serial "$dir"/device/serial "$dir"/device/vpd_pg80; do
			serial=''
			[[ -r $file ]] && serial_in "$file" && break
		done
		[[ $serial != "scratch$1" ]] || {
			echo "/dev/${dir##*/}"
			return
		}
	done
	return 1
}

# all_disks: true when the four are there
all_disks() {
	local n
	for n in 1 2 3 4; do
		disk_node "$n" >/dev/null || return 1
	done
}
