#!/bin/bash
# tier: full
# timeout: 500
# Given loop devices whose file lies on a device and is deleted, hidden by a mount, on an overlay, in a subvolume of a
#   btrfs of two devices, on a file system that another namespace has mounted, in a tmpfs that is swapped to the device, or
#   on a file system whose journal or log is there
# When interposectl is to make a snapshot of that device with the loop device as its COW store
# Then each is refused, with the reason, and nothing is left behind; a deleted file elsewhere and a tmpfs that is not
#   swapped to the device are taken
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
requires mkfs.btrfs mkfs.xfs

# loop_of FILE: made there, 16 MiB
loop_of() {
	[[ -e $1 ]] || truncate -s 16M "$1"
	local loop
	loop=$(losetup -f --show "$1")
	cleanup loop_gone "$loop"
	echo "$loop"
}

loop_gone() {
	! losetup "$1" >/dev/null 2>&1 || losetup -d "$1"
}

swap_gone() {
	! grep -q "^$1 " /proc/swaps || swapoff "$1"
}

refused() {
	interposectl_status 1 snapshot --name "$P-snap" "${@:2}"
	says "$1"
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "records" "" "$(ls /run/interposectl)"
}

taken() {
	interposectl_status 0 snapshot --name "$P-snap" "$@"
	interposectl_status 0 snapshot --remove "$P-snap"
}

on="would lie on an origin of the snapshot"
interposectl_cleans
dev=$(partition "$(scratch a)" 64 64 340)
two=${dev%1}2
at=$(mkfs_mounted ext4 "$dev")
deleted=$(loop_of "$at/deleted")
rm "$at/deleted"
refused "$on" --cow "$deleted" "$dev"
taken --cow "$deleted" "$two"
mkdir "$at/hidden" "$at/upper" "$at/work" "$at/lower" "$T_DIR/over"
hidden=$(loop_of "$at/hidden/file")
mount -t tmpfs none "$at/hidden"
cleanup unmount_if_there "$at/hidden"
refused "$on" --cow "$hidden" "$at"
mount -t overlay none -o "lowerdir=$at/lower,upperdir=$at/upper,workdir=$at/work" "$T_DIR/over"
cleanup unmount_if_there "$T_DIR/over"
over=$(loop_of "$T_DIR/over/file")
refused "unknown disk" --cow "$over" "$dev"
refused "unknown disk" --file "$T_DIR/over/cow" "$dev"
losetup -d "$over"
rm "$T_DIR/over/file"

mkfs.ext4 -qF "$two"
mkdir "$T_DIR/private"
# shellcheck disable=SC2016
elsewhere=$(unshare -m sh -ec 'mount "$1" "$2"; truncate -s 16M "$2/file"; losetup -f --show "$2/file"' - \
	"$two" "$T_DIR/private")
cleanup loop_gone "$elsewhere"
refused "$on" --cow "$elsewhere" "$two"
losetup -d "$elsewhere"

wipefs -qa "$two"
mkswap "$two" >/dev/null
mkdir "$T_DIR/memory"
mount -t tmpfs none "$T_DIR/memory"
cleanup unmount_if_there "$T_DIR/memory"
memory=$(loop_of "$T_DIR/memory/file")
taken --cow "$memory" "$two"
swapon "$two"
cleanup swap_gone "$two"
refused "$on" --cow "$memory" "$two"
swapoff "$two"

big=$(partition "$(scratch b)" 340 100 100)
mkfs.btrfs -qf -d raid1 -m raid1 "$big" "${dev%1}3"
mkdir "$T_DIR/btrfs"
cleanup unmount_if_there "$T_DIR/btrfs"
mount -o "device=${dev%1}3" "$big" "$T_DIR/btrfs"
btrfs -q subvolume create "$T_DIR/btrfs/sub"
file=$(loop_of "$T_DIR/btrfs/sub/file")
for one in "$big" "${dev%1}3"; do
	refused "$on" --cow "$file" "$one"
	refused "$on" --file "$T_DIR/btrfs/cow" "$one"
done
rm "$T_DIR/btrfs/sub/file"
refused "unknown disk" --cow "$file" "$big"
losetup -d "$file"
umount "$T_DIR/btrfs"

journal=${big%1}2
mke2fs -qF -O journal_dev "$journal"
mkfs.ext4 -qF -J "device=$journal" "${big%1}3"
mount "${big%1}3" "$T_DIR/btrfs"
refused "$on" --file "$T_DIR/btrfs/cow" "$journal"
umount "$T_DIR/btrfs"
mkfs.xfs -qf -l "logdev=$journal,size=64m" "$big"
mount -o "logdev=$journal" "$big" "$T_DIR/btrfs"
refused "$on" --file "$T_DIR/btrfs/cow" "$journal"
test_done
