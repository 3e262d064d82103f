#!/bin/bash
# tier: full
# timeout: 600
# Given an ext4, an XFS, a btrfs and an f2fs, each tracked, and a point of it
# When a file is written, the file system unmounted, the device detached and attached again; then detached, and mounted
#   and unmounted without the interposer, an ext4 and an XFS with no file written; then detached, and one block written to
#   the whole disk
# Then after the first of these the changes since the point are listed, those from before the detach and from after it;
#   after each of the others they are not known, which the attach and "track status" say, and since a new point they are
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires era_invalidate era_restore

again() {
	interposectl -q unpin "$P-x"
	interposectl -q detach "$P-x"
	"$@"
	interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
}

write_file() {
	mount "$dev" "$at"
	dd if=/dev/urandom of="$at/$1" bs=64k count=1 conv=fsync status=none
	umount "$at"
}

# A btrfs and an f2fs write nothing then
mount_it() {
	mount "$dev" "$at"
	[[ $type == @(ext4|xfs) ]] || : >"$at/new"
	umount "$at"
}

write_past_it() {
	dd if=/dev/zero of="$disk" bs=4k count=1 seek="$(($(<"$(sysfs_dir "$dev")/start") / 8 + 40000))" oflag=direct \
		conv=notrunc status=none
}

# how_much POINT: bytes that have changed since then
how_much() {
	interposectl changed --since "$1" --format ranges "$P-x" | awk '{ n += $2 } END { print n + 0 }'
}

gap() {
	says "full backup needed: $1"
	interposectl_status 4 changed --since "$point" "$P-x"
	says "full backup needed: changes since then are not all recorded: $1"
	interposectl_status 0 track status "$P-x"
	says "full backup needed for what was before: $1"
	point=$(interposectl changed --mark "$P-x")
	interposectl_status 0 changed --since "$point" "$P-x"
	says "0 KiB in 0 ranges"
}

for type in ext4 xfs btrfs f2fs; do
	disk=$(scratch a)
	dev=$(partition "$disk" 400)
	spare=$(partition "$(scratch b)" 64)
	at=$(mkfs_mounted "$type" "$dev")
	umount "$at"
	cleanup dm_remove_if_there "$P-x"
	cleanup unpin_if_there x
	interposectl_status 0 track on --tab "$T_DIR/tab" --name "$P-x" --meta "$spare" "$dev"
	point=$(interposectl changed --mark "$P-x")
	write_file one
	before=$(how_much "$point")
	((before >= 65536)) || fail "$before bytes have changed"
	again true
	[[ $said != *"full backup"* ]] || fail "$type: a detach without a write is a gap"
	write_file two
	(($(how_much "$point") >= before)) || fail "what was written before the detach is not in the list"
	again mount_it
	gap "it was written to while it was not attached"
	again write_past_it
	gap "it was written to while it was not attached"
	interposectl_status 0 track off --tab "$T_DIR/tab" "$dev"
	equal "the file for the boot" "" "$(<"$T_DIR/tab")"
	rm "$T_DIR/tab"
done
test_done
