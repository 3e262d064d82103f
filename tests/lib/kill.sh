# shellcheck shell=bash
# Commands that are killed where they stand, on an interposer that can be stopped there. Source it after test.sh.
#
# The file system lies on the mapped device "low". What is beneath that is stopped by suspending it: then what it is
# sent waits, as on a disk that does not answer. "other" shows one file's part of the same disk; through an interposer
# that leads there, that file alone can be stopped, and all the rest of the file system goes on: if it is mounted with
# barrier=0, as a flush goes to each line of a table, and with noinit_itable: soon after the mount, that initialization
# sends a flush all the same, with a handle of the journal, for which every fsync then waits, as one beside "sync" does.

# low_mounted [MOUNT-OPTIONS]: an ext4 of 128 MiB under load on "low"; sets $disk, $low and $at
low_mounted() {
	disk=$(partition "$(scratch a)" 128)
	low=$(linear_create low "$disk")
	at=$(mkfs_mounted ext4 "$low" "noinit_itable${1:+,$1}")
	fio_verify_start load "$at" --ioengine=psync --iodepth=1 --fsync=1 --size=4M --rate_iops=50
	wait_io "$low" 20
}

# stop NAME: what it is sent waits, and nothing is frozen for that. At the end it is let go before all else.
stop() {
	cleanup go_on "$1"
	dmsetup suspend --noflush --nolockfs "$P-$1"
}

go_on() {
	! dm_exists "$P-$1" || dmsetup resume "$P-$1"
}

# other_made: a file on the file system, and "other" for where it lies; sets $file, $first, $length (in sectors) and
# $through_other, a table of x
other_made() {
	local last
	file=$at/file
	dd if=/dev/urandom of="$file" bs=1M count=1 conv=fsync status=none
	read -r first last < <(file_sectors "$file")
	length=$((last + 1 - first))
	linear_create other "$disk" "$first" "$length" >/dev/null
	through_other="0 $first interpose $low linear $low 0
$first $length interpose $low linear /dev/mapper/$P-other 0
$((last + 1)) $(($(sectors "$low") - last - 1)) interpose $low linear $low $((last + 1))"
}

# low_through_other: what is sent to "low" for that file waits with "other"
low_through_other() {
	dm_reload low "0 $first linear $disk 0
$first $length linear /dev/mapper/$P-other 0
$((first + length)) $(($(sectors "$disk") - first - length)) linear $disk $((first + length))"
}

# read_stuck: a read of the file is on its way, and waits in "other"; sets $reader
read_stuck() {
	stop other
	dd if="$file" of=/dev/null bs=4k count=1 iflag=direct status=none &
	reader=$!
	wait_until "a read waits in other" 30 stands_in "$reader" iomap_dio_rw
}

read_goes_on() {
	go_on other
	wait "$reader"
}

# stands_in PID FUNCTION: the process sleeps in that function of the kernel, or of one whose name ends so
stands_in() {
	[[ $(<"/proc/$1/stack") =~ [_\ ]$2\+ ]]
}

# begin COMMAND…: in the background; sets $pid
begin() {
	"$@" >"$T_DIR/begun.log" 2>&1 &
	pid=$!
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

# killed: the command of "begin" is killed; returns at once, though it may wait where no signal is heard
killed() {
	kill -KILL "$pid"
}

# killed_ends: it is gone, and of the signal
killed_ends() {
	local status=0
	wait_until "the killed command has ended" 60 is_gone "$pid"
	wait "$pid" || status=$?
	equal "status of the killed command" 137 "$status"
}

# written: the file system takes a write and syncs it; it is not frozen
written() {
	in_time 60 dd if=/dev/zero of="$at/written" bs=4k count=1 conv=fsync status=none ||
		fail "the file system does not take a write"
	in_time 60 fsfreeze -f "$at" || fail "the file system is still frozen"
	fsfreeze -u "$at"
	fio_verify_check load
	wait_io "$low" 10
}

# low_unmounted: the end of it: every block is there, and the file system is in order
low_unmounted() {
	fio_verify_stop load
	umount "$at"
	fsck_clean "$low"
}
