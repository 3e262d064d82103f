#!/bin/bash
# tier: full
# timeout: 400
# Given a device with a chain of devices above it: a file system, a loop device, a file system on that, another loop
#   device; a mapped device, an array; and a device that is interposed by a mirror with its second leg there
# When interposectl is to make a snapshot of it with the COW store at the top of the chain
# Then each is refused, with the reason, and nothing is left behind
. tests/lib/test.sh
. tests/lib/devices.sh
. tests/lib/interposectl.sh
requires_target snapshot mirror

refused() {
	interposectl_status 1 snapshot --name "$P-snap" "${@:2}"
	says "$1"
	not dm_exists "$P-snap"
	equal "records" "" "$(ls /run/interposectl)"
}

on="would lie on an origin of the snapshot"
interposectl_cleans
disk=$(scratch a)
dev=$(partition "$disk" 200 100)
at=$(mkfs_mounted ext4 "$dev")
truncate -s 64M "$at/lower"
cleanup loop_detach "$at/lower"
lower=$(losetup -f --show "$at/lower")
mkfs.ext4 -qF "$lower"
mkdir "$T_DIR/upper"
cleanup unmount_if_there "$T_DIR/upper"
mount "$lower" "$T_DIR/upper"
truncate -s 16M "$T_DIR/upper/file"
cleanup loop_detach "$T_DIR/upper/file"
upper=$(losetup -f --show "$T_DIR/upper/file")
mapped=$(linear_create mapped "$upper")
refused "$on" --cow "$mapped" "$dev"
refused "$on" --cow "$upper" "$disk"
refused "$on" --file "$T_DIR/upper/cow" "$at"
dmsetup remove "${mapped##*/}"
losetup -d "$upper"
umount "$T_DIR/upper"
losetup -d "$lower"

two=${dev%1}2
spare=$(partition "$(scratch b)" 90 90)
interposectl -q attach --name "$P-x" "$spare" mirror core 1 1024 2 "$spare" 0 "$two" 0
cleanup dm_remove_if_there "$P-x"
refused "$on" --cow "$spare" "$two"
refused "$on" --cow "$spare" "$disk"
interposectl -q detach "$P-x"
md=$(md_create 1 "${spare%1}2" "$two" --assume-clean)
refused "$on" --cow "$md" "$two"
refused "$on" --cow "$md" "$disk"
test_done
