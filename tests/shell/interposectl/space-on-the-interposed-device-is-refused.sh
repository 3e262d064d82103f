#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4
# When interposectl is to make a snapshot with the space in a file on it of which the whole disk has a snapshot, on a loop
#   device above a file there, on another partition of the disk of which the snapshot is, on a device with a file system,
#   on one that is in use, or on one that has a snapshot with its space on the first
# Then it refuses, says why, and leaves nothing behind
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

refused() {
	local text=$1
	shift
	interposectl_status 1 snapshot --name "$P-snap" "$@"
	says "$text"
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "records" "" "$(ls /run/interposectl)"
}

interposectl_cleans
disk=$(scratch a)
dev=$(partition "$disk" 100 64)
spare=$(scratch b)
at=$(mkfs_mounted ext4 "$dev")
truncate -s 32M "$at/file"
cleanup loop_detach "$at/file"
loop=$(losetup -f --show "$at/file")
refused "would lie on an origin of the snapshot" --file "$at/cow" "$disk"
[[ ! -e $at/cow ]] || fail "the file is left"
refused "would lie on an origin of the snapshot" --cow "$loop" "$dev"
refused "would lie on an origin of the snapshot" --cow "${dev%1}2" "$disk"
refused "does not lie on a block device" --file "$T_DIR/cow" "$dev"
refused "is not a size" --size many --ram "$dev"
refused "share data" --ram "$dev" "$at"
refused "share data" --ram "$dev" "$disk"
mkfs.ext4 -qF "$spare" 64M
refused "holds data (ext4)" --cow "$spare" "$dev"
mkdir "$T_DIR/at"
cleanup unmount_if_there "$T_DIR/at"
mount "$spare" "$T_DIR/at"
refused "is in use" --cow "$spare" --wipe "$dev"
umount "$T_DIR/at"
interposectl_status 0 snapshot --name "$P-snap" --cow "$spare" --wipe "$dev"
interposectl_status 1 snapshot --name "$P-other" --cow "$spare" --wipe "$dev"
interposectl_status 0 snapshot --remove "$P-snap"
mkfs.ext4 -qF "$spare" 64M
mount "$spare" "$T_DIR/at"
interposectl_status 0 snapshot --name "$P-other" --size 8M --file "$T_DIR/at/cow" "$at"
interposectl_status 1 snapshot --name "$P-snap" --size 8M --file "$at/cow" "$spare"
says "would lie on an origin of the snapshot"
interposectl_status 0 snapshot --remove "$P-other"
interposectl_status 0 list -n
equal "what is interposed" "" "$said"
umount "$T_DIR/at"
test_done
