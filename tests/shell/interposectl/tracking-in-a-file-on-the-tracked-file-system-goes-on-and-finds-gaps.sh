#!/bin/bash
# tier: full
# timeout: 1200
# Given an ext4, and then an XFS, mounted and under a verified load, on the only disk there is
# When it is tracked with a file of its own, written to, snapshotted, detached and attached again; when power is cut, and a
#   copy of the disk of that moment is attached; when it is mounted and written to without the interposer; and when then the
#   file is removed, and its blocks are another file's
# Then the changes are listed until the gap, which is found; the last attach is refused with the reason, and writes nothing;
#   and the file system is clean, and each file as it was written, whatever was recorded beneath it
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target era snapshot
requires era_restore era_invalidate filefrag

write() {
	dd if=/dev/urandom of="$at/$1" bs=64k count=16 conv=fsync status=none
}

# at_least POINT BYTES: so much has changed since then
at_least() {
	interposectl changed --since "$1" --format ranges "$P-x" >"$T_DIR/ranges"
	awk -v least="$2" '{ n += $2 } END { if (n < least) { print n + 0; exit 1 } }' "$T_DIR/ranges" ||
		fail "$type: too little has changed"
}

apart() {
	interposectl -q unpin "$P-x"
	interposectl_status 0 detach "$P-x"
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "records" "" "$(ls /run/interposectl)"
}

# goes_on MIB: it is attached, and all since the point is known
goes_on() {
	interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
	[[ $said != *"full backup"* ]] || fail "$type: this is no gap"
	equal "mapped devices" "$P-x $P-x-era" "$(dmsetup ls | cut -f 1 | sort | xargs)"
	equal "loop devices" "" "$(losetup -nO NAME)"
	at_least "$point" $(($1 << 20))
}

# on_disk: what it holds
on_disk() {
	dd if="$dev" bs=1M iflag=direct status=none | sha256sum
}

# not_started TEXT…: and the disk is as it was
not_started() {
	local before
	before=$(on_disk)
	interposectl_status 1 start --tab "$T_DIR/tab" "$P-x"
	says "$@" "begin anew once it is mounted: interposectl track on --file NEW-FILE $dev"
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "loop devices" "" "$(losetup -nO NAME)"
	equal "records" "" "$(ls /run/interposectl)"
	equal "the disk" "$before" "$(on_disk)"
}

mib=160
kept=$(partition "$(scratch b)" $mib)
dev=$(partition "$(scratch a)" $mib)
cleanup dm_remove_if_there "$P-x-era"
cleanup dm_remove_if_there "$P-x-origin"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
interposectl_cleans
for type in ext4 xfs; do
	rm -f "$T_DIR/tab"
	at=$(mkfs_mounted "$type" "$dev")
	file=$at/'a b.era'
	fragmented "$at"
	fio_verify_start load "$at" --size=4M
	interposectl_status 0 track on --tab "$T_DIR/tab" --name "$P-x" --file "$file" "$at"
	point=$(interposectl changed --mark "$P-x")
	equal "the line" "$P-x nofail,pin,series=${point%:*} era OWN=/a\\x20b.era %d 128" "$(cut -d ' ' -f 1,3- "$T_DIR/tab")"
	equal "records" "" "$(ls /run/interposectl)"
	equal "where it lies" "$(file_pieces "$file")" "$(dmsetup table "$P-x-era" | awk '{ print $1, $2, $5 }')"
	not rm -f "$file"
	write one
	at_least "$point" $((1 << 20))
	interposectl_status 0 snapshot --ram --size 16M --name "$P-snap" "$at"
	wait_io "$dev" 200
	interposectl_status 0 snapshot --remove "$P-snap"
	fio_verify_check load
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"

	apart
	goes_on 1
	mount "$dev" "$at"
	write two # a mount that has written nothing yet cannot be told from another one, on an XFS
	interposectl_status 0 track refresh
	write three
	sync -f "$at"
	dd if="$dev" of="$kept" bs=1M count=$mib iflag=direct oflag=direct status=none
	umount "$at"
	apart
	dd if="$kept" of="$dev" bs=1M count=$mib iflag=direct oflag=direct status=none
	note "power was cut"
	goes_on 3
	mount "$dev" "$at"
	equal "files" "one three two" "$(cd "$at" && echo one* t*)"
	equal "where it lies" "$(file_pieces "$file")" "$(dmsetup table "$P-x-era" | awk '{ print $1, $2, $5 }')"
	umount "$at"
	fsck_clean "$dev"

	apart
	mount "$dev" "$at"
	write four
	umount "$at"
	interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
	says "full backup needed: "
	interposectl_status 4 changed --since "$point" "$P-x"
	point=$(interposectl changed --mark "$P-x")
	mount "$dev" "$at"
	write five
	umount "$at"
	at_least "$point" $((1 << 20))
	apart

	mount "$dev" "$at"
	chattr -i "$file"
	umount "$at"
	not_started "is not immutable any more"
	mount "$dev" "$at"
	rm "$file" "$at"/fill.*
	dd if=/dev/urandom of="$at/other" bs=1M conv=fsync status=none 2>/dev/null || true
	umount "$at"
	not_started "/a b.era on $dev, where it is recorded what changes, is not there any more"
	fsck_clean "$dev"

	mount "$dev" "$at"
	rm "$at/other"
	interposectl_status 0 track on --tab "$T_DIR/tab" --name "$P-x" --file "$at/era" "$at"
	interposectl_status 0 track off --tab "$T_DIR/tab" "$at"
	says "$at/era, where it was recorded, is removed"
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "lines" "" "$(<"$T_DIR/tab")"
	[[ ! -e $at/era ]] || fail "the file is left"
	umount "$at"
	fsck_clean "$dev"
done
test_done
