# shellcheck shell=bash
# Those who use an interposed device in other ways than an ext4 or a raw load does. Source it after test.sh and
# cycles.sh.

# cycles_under_a_mounted FS: inner targets of each kind come and go under a verified load that syncs
cycles_under_a_mounted() {
	local fs=$1 disk dev at
	requires_target interpose snapshot delay era
	references_note
	disk=$(scratch a)
	scratch b >/dev/null
	dev=$(partition "$disk" 320)
	at=$(mkfs_mounted "$fs" "$dev")
	fio_verify_start "$fs" "$at" --size=24M --fdatasync=32
	cycles 1 "$dev" era # as long as its disk is empty
	cycles 2 "$dev" linear
	cycles 2 "$dev" snapshot-origin
	cycles 1 "$dev" delay
	fio_verify_stop "$fs"
	umount "$at"
	fsck_clean "$dev"
	references_back "$disk"
}

# swap_on DEV
swap_on() {
	mkswap "$1" >"$T_DIR/mkswap.log" 2>&1
	cleanup swap_off_if_on "$1"
	swapon "$1"
}

swap_off_if_on() {
	! grep -q "^$1 " /proc/swaps || swapoff "$1"
}

# group_keeps SIZE: what is beyond that of the group's memory is swapped out; "max" for all. At memory.max a process
# would be killed while it cannot be written out.
group_keeps() {
	echo "$1" >"$group/memory.high"
}

# swap_load_start NAME GROUP MIB: verified data in memory, of which more is used than the group may keep. A block is
# read back when up to half of all others have been written after it. The group must be able to keep fio itself, which
# is 20 MiB with its libraries.
swap_load_start() {
	local at=$T_DIR/memory-$1 half=$(($3 * 8))
	mkdir "$at"
	cleanup unmount_if_there "$at"
	mount -t tmpfs -o "size=$(($3 + 8))M,huge=never" tmpfs "$at"
	echo "$BASHPID" >"$2/cgroup.procs"
	fio_verify_start "$1" "$at" --size="${3}M" --ioengine=psync --direct=0 --bs=64k --fallocate=none \
		--rate_iops=0 --verify_backlog=$half --verify_backlog_batch=$half
	echo "$BASHPID" >/sys/fs/cgroup/cgroup.procs
}

# swapped DISK N: N more pages have been read from the disk, and N written
swapped() {
	(($(io_stat "$1" read_sectors) / 8 >= in + $2 && $(io_stat "$1" write_sectors) / 8 >= out + $2))
}

# wait_swapped DISK N: until N more pages have been swapped in, and N out, on this disk
wait_swapped() {
	local in out
	in=$(($(io_stat "$1" read_sectors) / 8)) out=$(($(io_stat "$1" write_sectors) / 8))
	wait_until "pages are swapped in and out" 60 swapped "$@"
}
