#!/bin/bash
# tier: full
# timeout: 300
# Given an ext4 and an xfs that are written to, on a disk that fails from one moment on, so that neither can be frozen
# When interposers on it are suspended, resumed, reloaded, wiped, removed and created then, and the disk is repaired
# Then each command succeeds, none hangs, nothing is left attached, and the file system recovers at its next mount
. tests/lib/test.sh
requires_target interpose error delay

expects_dmesg 'I/O error' 'lost (async|sync) page write' 'EXT4-fs.*(error|failed|read-only|Remounting)' 'Aborting journal' \
	'JBD2:.*(rror|abort)' 'XFS.*(shut|error|rror)'

# writing DIRECTORY: as long as it works
writing() {
	trap - ERR
	while dd if=/dev/zero of="$1/file" bs=64k count=16 conv=fsync 2>"$T_DIR/dd.log"; do
		echo "written" >>"$T_DIR/written"
	done
	: >"$T_DIR/failed"
}

written() {
	local lines
	mapfile -t lines <"$T_DIR/written"
	((${#lines[@]} >= $1))
}

# disk_is TARGET: at once, with what is under way
disk_is() {
	dmsetup load "$P-disk" <<<"0 $size $1"
	dmsetup suspend --noflush --nolockfs "$P-disk"
	dmsetup resume "$P-disk"
}

# changes_hands: the interposer goes in all ways, and comes again
changes_hands() {
	dmsetup suspend "$P-x"
	dmsetup resume "$P-x"
	dm_reload x "0 $size interpose $dev delay $dev 0 5"
	dmsetup remove "$P-x"
	create
	dmsetup suspend --noflush --nolockfs "$P-x"
	dmsetup remove "$P-x"
	create
	dmsetup wipe_table "$P-x"
	dmsetup remove "$P-x"
	create
}

create() {
	dmsetup create "$P-x" --table "0 $size interpose $dev linear $dev 0"
	equal "state" attached "$(interposer_state x)"
}

below=$(partition "$(scratch a)" 320)
size=$(sectors "$below")
dev=$(linear_create disk "$below")
for fs in ext4 xfs; do
	cleanup dm_remove_if_there "$P-x"
	at=$(mkfs_mounted "$fs" "$dev")
	create
	rm -f "$T_DIR/failed"
	: >"$T_DIR/written"
	writing "$at" &
	writer=$!
	wait_until "a file is written" 60 written 1
	disk_is error
	wait_until "the disk's failure is noticed" 60 test -e "$T_DIR/failed"
	wait "$writer"
	changes_hands
	disk_is "linear $below 0"
	changes_hands
	dmsetup remove "$P-x"
	umount "$at"
	mount -t "$fs" "$dev" "$at" # replays the log
	umount "$at"
	[[ $fs != ext4 ]] || e2fsck -fy "$dev" >"$T_DIR/e2fsck.log" || (($? == 1)) # it has noted the errors
	fsck_clean "$dev"
done
test_done
