#!/bin/bash
# tier: full
# timeout: 700
# Given a device, and files that cannot record its changes: on itself, through a loop device, a mapped device, a btrfs, or
#   what is tracked there; in memory, on an overlay, below its own mount point, on what is mounted with the network, on a
#   full file system; and files that are there and hold something else
# When it is to be tracked with each of these
# Then it is refused in one line with what to do instead, and neither a file, a loop device, a mapped device, a record nor
#   a line for the boot is left
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires era_restore mkfs.btrfs

# refused 'text' FILE DEVICE [OPTION…]
refused() {
	local before directory=${2%/*}
	before=$(ls -A "${directory:-/}" 2>/dev/null || true)
	interposectl_status 1 -q track on --tab "$T_DIR/tab" --name "$P-x" --file "${@:2}"
	says "$1"
	equal "lines" 1 "$(wc -l <<<"$said")"
	equal "mapped devices" "$maps" "$(dmsetup ls)"
	equal "loop devices" "$loops" "$(losetup -nO NAME)"
	equal "records" "" "$(ls /run/interposectl)"
	equal "files" "$before" "$(ls -A "${directory:-/}" 2>/dev/null || true)"
	equal "lines for the boot" "$lines" "$(cat "$T_DIR/tab" 2>/dev/null || true)"
}

now() {
	maps=$(dmsetup ls)
	loops=$(losetup -nO NAME)
	lines=$(cat "$T_DIR/tab" 2>/dev/null || true)
}

# mounted_at DIRECTORY ARGUMENT…: of mount
mounted_at() {
	mkdir -p "$1"
	cleanup unmount_if_there "$1"
	mount "${@:2}" "$1"
}

one="one disk for both needs a file on an ext4 or XFS that lies on that disk alone: name a file on another disk with --file, or use --meta or --vg"
dev=$(partition "$(scratch a)" 200 150)
two=$(part a 2)
other=$(partition "$(scratch b)" 200 8 300)
at=$(mkfs_mounted ext4 "$dev")
space=$(mkfs_mounted ext4 "$other")
now
refused "give the full path" era "$dev"
refused "cannot be the name of the file" "$space/a'b" "$dev"
refused "cannot make $space/none/era" "$space/none/era" "$dev"
refused "$one" "$at/era" "$(disk a)"

mounted_at "$T_DIR/memory" -t tmpfs none
refused "$T_DIR/memory/era lies in memory, and does not outlive a reboot" "$T_DIR/memory/era" "$dev"
mkdir "$space/upper" "$space/work" "$space/lower"
mounted_at "$T_DIR/over" -t overlay none -o "lowerdir=$space/lower,upperdir=$space/upper,workdir=$space/work"
refused "unknown disk" "$T_DIR/over/era" "$dev"

truncate -s 100M "$at/image"
mkfs.ext4 -qF "$at/image"
mounted_at "$T_DIR/image" -o loop "$at/image"
now
refused "$one" "$T_DIR/image/era" "$dev"
umount "$T_DIR/image"
low=$(linear_create low "$two")
mkfs.ext4 -qF "$low"
mounted_at "$T_DIR/low" "$low"
now
refused "$one" "$T_DIR/low/era" "$two"
umount "$T_DIR/low"
dmsetup remove "$P-low"
mkfs.btrfs -qf -d raid1 -m raid1 "$two" "$(part b 3)"
mounted_at "$T_DIR/btrfs" -o "device=$(part b 3)" "$two"
now
refused "$one" "$T_DIR/btrfs/era" "$(part b 3)"
umount "$T_DIR/btrfs"

mounted_at "$at/below" "$other"
refused "$one" "$at/below/era" "$dev"
umount "$at/below"
[[ -e /etc/fstab ]] || : >/etc/fstab
echo "$other $space ext4 _netdev 0 0" >"$T_DIR/fstab"
mount --bind "$T_DIR/fstab" /etc/fstab
cleanup unmount_if_there /etc/fstab
refused "which is mounted when the network is there, and that is too late" "$space/era" "$dev"
umount /etc/fstab
mkfs.ext4 -qF "$(part b 2)"
mounted_at "$T_DIR/full" "$(part b 2)"
fallocate -l 3M "$T_DIR/full/file"
refused "No space left on device" "$T_DIR/full/era" "$dev"

echo mine >"$space/mine"
refused "$space/mine exists, and holds no record of changes" "$space/mine" "$dev"
refused "so it is not overwritten" "$space/mine" "$dev" --wipe
equal "the file" mine "$(<"$space/mine")"
ln -s "$space/none" "$space/link"
refused "cannot open $space/link" "$space/link" "$dev"
chmod 666 "$space/mine"
refused "is not a file that only root can write to" "$space/mine" "$dev"

cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
cleanup dm_remove_if_there "$P-y"
cleanup unpin_if_there y
interposectl_status 0 track on --tab "$T_DIR/tab" --name "$P-y" --file "$at/era" "$other"
now
refused "$one" "$space/era" "$dev"
interposectl_status 0 track off --tab "$T_DIR/tab" "$other"
interposectl_status 2 track on --tab "$T_DIR/tab" --file "$space/era" --vg vg "$dev"
interposectl_status 2 track on --tab "$T_DIR/tab" --keep-file --file "$space/era" "$dev"
test_done
