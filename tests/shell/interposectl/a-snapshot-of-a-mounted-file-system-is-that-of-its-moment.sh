#!/bin/bash
# tier: full
# timeout: 400
# Given an ext4, and then an xfs, mounted and under load
# When interposectl makes a snapshot of it, by its mount point, with the space in memory, in a file or on a partition
# Then the snapshot has what was there, and does not change while the load goes on; it is mounted as interposectl says,
#   and when it is removed nothing is left of it, nor of its space and its interposer
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

# one_of SPACE…: a snapshot with that space
one_of() {
	local sum command size=(--size 32M)
	note "space: $*"
	echo old >"$at/file"
	[[ $1 != --cow ]] || size=() # a store has the size that it has
	interposectl_status 0 snapshot --name "$P-snap" "${size[@]}" "$@" "$at"
	command=$(grep '^mount ' <<<"$said")
	echo new >"$at/file"
	sync -f "$at"
	sum=$(device_sum "/dev/mapper/$P-snap" 16)
	wait_io "$dev" 100
	equal "checksum of the snapshot" "$sum" "$(device_sum "/dev/mapper/$P-snap" 16)"
	interposectl_status 0 snapshot --list
	says "$P-snap" "${dev##*/}" valid
	eval "${command/DIRECTORY/"$T_DIR/look"}"
	equal "the file in the snapshot" old "$(<"$T_DIR/look/file")"
	interposectl_status 1 snapshot --remove "$P-snap"
	says "umount /dev/mapper/$P-snap"
	umount "$T_DIR/look"
	interposectl_status 0 snapshot --remove "$P-snap"
	equal "what is left" "" "$(dmsetup ls | grep -v '^No devices found' || true)$(losetup -nO NAME)"
	equal "the file" new "$(<"$at/file")"
}

mkdir "$T_DIR/look" "$T_DIR/space"
cleanup unmount_if_there "$T_DIR/space"
interposectl_cleans
cleanup unmount_if_there "$T_DIR/look"
spare=$(partition "$(scratch b)" 64 64)
mkfs.ext4 -qF "$spare"
mount "$spare" "$T_DIR/space"
for type in ext4 xfs; do
	mib=48
	[[ $type == ext4 ]] || mib=320 # mkfs.xfs wants so much
	dev=$(partition "$(scratch a)" "$mib")
	at=$(mkfs_mounted "$type" "$dev")
	fio_verify_start load "$at" --size=8M
	if [[ $type == ext4 ]]; then
		one_of --ram
		one_of --file "$T_DIR/space/cow"
		[[ ! -e $T_DIR/space/cow ]] || fail "the file is left"
	else
		one_of --cow "${spare%1}2"
	fi
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
done
test_done
