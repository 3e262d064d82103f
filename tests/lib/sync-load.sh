# shellcheck shell=bash
# A file system and a raw partition under loads that flush all the time: what is hardest to stop, to move and to let
# go on. Source it after test.sh. $fs is the file system, $raw raw; the interposer x is for the first, y for
# the second.

# sync_loads_start: sets $fs, $raw and $at. The loads leave the processors some time: there are only two, and emulated.
sync_loads_start() {
	fs=$(partition "$(scratch a)" 128 128)
	raw=${fs%1}2
	at=$(mkfs_mounted ext4 "$fs")
	# journal commits, with two processes that join each other's
	fio_verify_start commits "$at" --ioengine=psync --iodepth=1 --fsync=1 --numjobs=2 --size=8M \
		--rate_iops=50
	# writes with FUA
	fio_verify_start fua "$raw" --ioengine=psync --iodepth=1 --sync=dsync --size=32M \
		--rate_iops=50
	# flushes beside writes in flight
	fio_verify_start flushes "$raw" --iodepth=16 --fdatasync=8 --offset=64M --size=32M
	wait_io "$fs" 20
	wait_io "$raw" 20
}

# sync_loads_stop: every write is there, and the file system is in order
sync_loads_stop() {
	fio_verify_stop commits
	fio_verify_stop fua
	fio_verify_stop flushes
	umount "$at"
	fsck_clean "$fs"
}

# both DMSETUP-COMMAND [OPTION…]: for x and for y
both() {
	dmsetup "$@" "$P-x"
	dmsetup "$@" "$P-y"
}

# both_create INNER: with DEV for the device. A delay has something in flight at any moment.
both_create() {
	local name dev
	for name in x y; do
		dev=$fs
		[[ $name == x ]] || dev=$raw
		cleanup dm_remove_if_there "$P-$name"
		dmsetup create "$P-$name" --table "0 $(sectors "$dev") interpose $dev ${1/DEV/$dev}"
	done
}

# both_go_through: until more I/O has gone through each of the two interposers
both_go_through() {
	local dir values seen=0
	for dir in /sys/block/dm-*; do
		case $(<"$dir/dm/name") in
		"$P-x" | "$P-y")
			read -ra values <"$dir/stat"
			wait_until "I/O goes through ${dir##*/}" 60 total_reaches "$dir" $((values[0] + values[4] + 10))
			seen=$((seen + 1))
			;;
		esac
	done
	equal "interposers with I/O" 2 "$seen"
}

# both_flush: until I/O has gone through each of them, and a few flushes to the disk
both_flush() {
	local flushes disk
	disk=$(disk_of "$fs")
	flushes=$(io_stat "$disk" flushes)
	both_go_through
	wait_until "$disk is flushed" 60 flushed "/sys/block/${disk#/dev/}" $((flushes + 5))
}

flushed() {
	local values
	read -ra values <"$1/stat"
	((values[15] >= $2))
}

# writes_so_far DEV: how many writes have reached it
writes_so_far() {
	local values
	read -ra values <"/sys/class/block/${1##*/}/stat"
	echo "${values[4]}"
}

# both_stand_still: nothing reaches the devices
both_stand_still() {
	local fs_writes raw_writes
	fs_writes=$(writes_so_far "$fs")
	raw_writes=$(writes_so_far "$raw")
	pause 1
	equal "writes to the file system's partition" "$fs_writes" "$(writes_so_far "$fs")"
	equal "writes to the raw partition" "$raw_writes" "$(writes_so_far "$raw")"
}

# both_go_on: I/O does
both_go_on() {
	wait_io "$fs" 10
	wait_io "$raw" 10
	fio_verify_check commits
	fio_verify_check fua
	fio_verify_check flushes
}
