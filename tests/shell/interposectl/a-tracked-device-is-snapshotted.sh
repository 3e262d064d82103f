#!/bin/bash
# tier: full
# timeout: 400
# Given an ext4 and then an XFS that is tracked, mounted and under load, and a point of it
# When a file is written, a snapshot is taken, the file is written again, the snapshot is removed, and the same once more
# Then the snapshot has the file of its moment, and is a clean file system; what is printed as its point lists the second
#   write of the file, and since the first point everything is listed; the device can be detached, and nothing stays
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era snapshot
requires era_invalidate era_restore

write() {
	dd if=/dev/urandom of="$at/file" bs=64k count=4 conv=notrunc,fsync status=none
}

# lists POINT: all blocks of the file have changed since then
lists() {
	local first last
	read -r first last < <(file_sectors "$at/file")
	interposectl changed --since "$1" --format ranges "$P-x" >"$T_DIR/list"
	awk -v a="$((first * 512))" -v b="$((last * 512))" '$1 <= a && $1 + $2 > b { found = 1 } END { exit !found }' \
		"$T_DIR/list" || fail "sectors $first to $last are not in: $(<"$T_DIR/list")"
}

. tests/lib/recipe.sh
for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" 300)
	spare=$(partition "$(scratch b)" 64)
	at=$(mkfs_mounted "$type" "$dev")
	fallocate -l 256K "$at/file"
	cleanup dm_remove_if_there "$P-x-origin"
	cleanup dm_remove_if_there "$P-x"
	cleanup unpin_if_there x
	interposectl_cleans
	fio_verify_start load "$at" --size=16M
	interposectl_status 0 track on --tab "$T_DIR/tab" --name "$P-x" --meta "$spare" "$dev"
	point=$(interposectl changed --mark "$P-x")
	for _ in 1 2; do
		write
		wanted=$(sha256sum <"$at/file")
		interposectl_status 0 snapshot --ram --size 64M --name "$P-snap" "$dev"
		next=$(sed -n 's/.*--since \([^ ]*\) .*/\1/p' <<<"$said")
		write
		lists "$next"
		lists "$point"
		mkdir -p "$T_DIR/media"
		mount -o "ro$([[ $type == ext4 ]] || echo ,nouuid)" "/dev/mapper/$P-snap" "$T_DIR/media"
		equal "the file in the snapshot" "$wanted" "$(sha256sum <"$T_DIR/media/file")"
		umount "$T_DIR/media"
		fio_verify_check load
		interposectl_status 0 snapshot --remove "$P-snap"
		point=$next
	done
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
	interposectl_status 0 track off --tab "$T_DIR/tab" "$dev"
	equal "mapped devices that are left" "" "$(dmsetup ls | grep "^$P-x" || true)"
	rm "$T_DIR/tab"
done
test_done
