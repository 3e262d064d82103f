#!/bin/bash
# tier: full
# timeout: 200
# Given an f2fs on two disks, mounted, which has the number of the first one
# When interposectl is to make a snapshot with the COW store in a file there, or on a loop device that lies there, of the
#   first disk, of the second one, or of a third
# Then the first two are refused, in one line, and nothing is left behind; the third has its snapshot, also where the f2fs
#   lies on one disk alone; and whoever names the mount point is told of both disks
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
requires mkfs.f2fs

loop_gone() {
	! losetup "$1" >/dev/null 2>&1 || losetup -d "$1"
}

# taken OPTION…: a snapshot of the third disk, which keeps its contents
taken() {
	local sum
	random_fill "$third" 2
	sum=$(device_sum "$third" 2)
	interposectl_status 0 snapshot --name "$P-snap" "$@" "$third"
	random_fill "$third" 2
	equal "contents of the snapshot" "$sum" "$(device_sum "/dev/mapper/$P-snap" 2)"
	interposectl_status 0 snapshot --remove "$P-snap"
}

interposectl_cleans
first=$(partition "$(scratch a)" 120)
second=$(partition "$(scratch b)" 120 64)
third=${second%1}2
at=$T_DIR/at
mkdir "$at"
cleanup unmount_if_there "$at"
mkfs.f2fs -q -f -c "$second" "$first" >"$T_DIR/mkfs.log"
mount -t f2fs "$first" "$at"
truncate -s 16M "$at/file"
loop=$(losetup -f --show "$at/file")
cleanup loop_gone "$loop"
for origin in "$first" "$second"; do
	snapshot_refused "would lie on an origin of the snapshot" --size 16M --file "$at/cow" "$origin"
	snapshot_refused "would lie on an origin of the snapshot" --cow "$loop" "$origin"
done
interposectl_status 1 snapshot --name "$P-snap" --ram --size 8M "$at"
says "is on several devices ($first $second)"
interposectl_status 1 attach --name "$P-x" "$second" linear "$third" 0
says "$second"
taken --size 16M --file "$at/cow"
taken --cow "$loop"
losetup -d "$loop"
umount "$at"

wipefs -qa "$first" "$second"
at=$(mkfs_mounted f2fs "$first")
snapshot_refused "would lie on an origin of the snapshot" --size 16M --file "$at/cow" "$first"
taken --size 16M --file "$at/cow"
umount "$at"
fsck_clean "$first"
test_done
