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

# memory_group MIB: a control group with so much memory; prints its directory
memory_group() {
	local group=/sys/fs/cgroup/$P
	cleanup remove_memory_group "$group"
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir "$group"
	echo "${1}M" >"$group/memory.max"
	echo "$group"
}

# A process that has just been killed keeps its group for a moment
remove_memory_group() {
	[[ ! -d $1 ]] || wait_until "$1 is gone" 30 rmdir "$1"
	echo -memory >/sys/fs/cgroup/cgroup.subtree_control
}

# swap_load_start NAME GROUP MIB: verified data in memory, of which more is used than the group may have. A block is
# read back when two thirds of all others have been written after it.
swap_load_start() {
	local at=$T_DIR/memory-$1
	mkdir "$at"
	cleanup unmount_if_there "$at"
	mount -t tmpfs -o "size=$(($3 + 8))M,huge=never" tmpfs "$at"
	echo "$BASHPID" >"$2/cgroup.procs"
	fio_verify_start "$1" "$at" --size="${3}M" --ioengine=psync --direct=0 --bs=64k --fallocate=none \
		--rate_iops=0 --verify_backlog=$(($3 * 32 / 3))
	echo "$BASHPID" >/sys/fs/cgroup/cgroup.procs
}

# vm_count NAME: a counter of /proc/vmstat
vm_count() {
	local name value
	while read -r name value; do
		[[ $name != "$1" ]] || echo "$value"
	done </proc/vmstat
}
