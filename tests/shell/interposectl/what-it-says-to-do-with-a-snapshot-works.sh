#!/bin/bash
# tier: full
# timeout: 900
# Given an ext4, one with its journal on another device, an XFS with its log on another device, a btrfs, swap space, a
#   disk with partitions, LUKS, a member of an array, and a physical volume
# When interposectl makes a snapshot of each, and what it prints is done
# Then the file of that moment is there; of what cannot be mounted it does not say so
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot crypt
requires cryptsetup mdadm lvm

# taken DEVICE…: a snapshot of them; what it says is in $said, and the line to mount it in $command
taken() {
	interposectl_status 0 snapshot --name "$P-snap" --ram --size 8M "$@"
	command=$(grep '^mount ' <<<"$said") || true
}

# looked_at COMMAND: it mounts the snapshot, where the file is as it was
looked_at() {
	note "$1"
	eval "${1/DIRECTORY/$look}"
	equal "the file" old "$(<"$look/file")"
	umount "$look"
}

# by_mount AT DEVICE…: as it says
by_mount() {
	echo old >"$1/file"
	sync -f "$1"
	taken "${@:2}"
	[[ $command ]] || fail "it does not say how to mount it: $said"
	echo new >"$1/file"
	looked_at "$command"
	interposectl_status 0 snapshot --remove "$P-snap"
}

# put DEVICE: a file system with an old file on it
put() {
	mkfs.ext4 -qF "$1"
	mount "$1" "$look"
	echo old >"$look/file"
	umount "$look"
}

loops_detached() {
	losetup -D
}

groups_gone() {
	vgchange -qq -an "$P-clone" || true
	vgremove -qq --force "$P-vg" || true
} >>"$T_DIR/groups.log" 2>&1

interposectl_cleans
look=$T_DIR/look
mkdir "$look"
cleanup unmount_if_there "$look"
disk=$(scratch a)
dev=$(partition "$disk" 320 64 130)
two=${dev%1}2 three=${dev%1}3
log=$(partition "$(scratch b)" 72)

at=$(mkfs_mounted ext4 "$two")
by_mount "$at" "$at"
umount "$at"
mke2fs -qF -O journal_dev -b 1024 "$log"
mke2fs -qF -t ext4 -b 1024 -J device="$log" "$two"
mount "$two" "$at"
interposectl_status 0 check "$at"
says "note" "journal is on another device"
by_mount "$at" "$at"
umount "$at"
fsck_clean "$two"

wipefs -qa "$log"
mkfs.xfs -qf -l "logdev=$log,size=64m" "$dev"
mount -o "logdev=$log" "$dev" "$at"
interposectl_status 0 check "$at"
says "note" "log is on another device ($log"
taken "$at"
[[ ! $command ]] || fail "without the log it cannot be mounted: $command"
says "take snapshots of both devices in one command"
interposectl_status 0 snapshot --remove "$P-snap"
by_mount "$at" "$at" "$log"
umount "$at"

at=$(mkfs_mounted btrfs "$three")
by_mount "$at" "$at"
umount "$at"

mkswap -q "$two"
taken "$two"
[[ ! $command && $said == *"swap space"* ]] || fail "$said"
interposectl_status 0 snapshot --remove "$P-snap"

wipefs -qa "$two"
put "$two"
cleanup loops_detached
taken "$disk"
device=$(eval "$(grep -o 'losetup [^;]* /dev/mapper/[^ ]*' <<<"$said")")
looked_at "mount -o ro ${device}p2 DIRECTORY"
losetup -d "$device"
interposectl_status 0 snapshot --remove "$P-snap"

echo secret | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$two"
echo secret | cryptsetup open "$two" "$P-crypt"
cleanup dm_remove_if_there "$P-crypt"
put "/dev/mapper/$P-crypt"
interposectl_status 0 check "$two"
says "note" "is encrypted"
cryptsetup close "$P-crypt"
taken "$two"
open=$(grep -o 'cryptsetup open [^ ]* NAME' <<<"$said")
cleanup dm_remove_if_there "$P-opened"
eval "${open/NAME/"$P-opened"}" <<<secret
looked_at "mount -o ro /dev/mapper/$P-opened DIRECTORY"
cryptsetup close "$P-opened"
interposectl_status 0 snapshot --remove "$P-snap"
wipefs -qa "$two"

array=$(md_create 1 "$two" "$log")
put "$array"
interposectl_status 0 check "$two"
says "note" "is a member of a RAID array ($array)" "name the array"
taken "$two"
[[ ! $command && $said == *"the snapshot of the array"* ]] || fail "$said"
interposectl_status 0 snapshot --remove "$P-snap"
interposectl_status 0 snapshot --name "$P-snap" --ram --size 8M "$array"
looked_at "$(grep '^mount ' <<<"$said")"
interposectl_status 0 snapshot --remove "$P-snap"
mdadm --stop --quiet "$array"
wipefs -qa "$two" "$log"

cleanup groups_gone
vgcreate -qq --yes "$P-vg" "$two"
lvcreate -qq --yes --wipesignatures n --zero n --name lv --size 32M "$P-vg"
put "/dev/$P-vg/lv"
taken "$two"
clone=$(grep -o 'vgimportclone --basevgname NAME' <<<"$said")
${clone/NAME/"$P-clone"} "/dev/mapper/$P-snap" >"$T_DIR/clone.log" 2>&1 || fail "$(<"$T_DIR/clone.log")"
vgchange -qq -ay "$P-clone"
looked_at "mount -o ro /dev/$P-clone/lv DIRECTORY"
groups_gone
interposectl_status 0 snapshot --remove "$P-snap"
test_done
