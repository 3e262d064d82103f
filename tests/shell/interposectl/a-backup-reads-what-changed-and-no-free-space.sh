#!/bin/bash
# tier: full
# timeout: 1200
# Given an ext4 and an XFS, mounted and tracked, whose free space is full of what has been deleted
# When they are backed up without their free space, written to, and backed up again, with it and without it
# Then free space was not read; counted at the device, an increment has read at most 1.2 times what changed; each backup has
#   all files, also those whose blocks were free before, and its file system needs no repair. Of an XFS that nobody has
#   mounted all is read, and it is said why
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era snapshot
requires era_invalidate era_restore qemu-img qemu-nbd jq

# sectors_read DEVICE: of 512 bytes
sectors_read() {
	local stat
	read -ra stat <"/sys/dev/block/$(devno "$1")/stat"
	echo "${stat[2]}"
}

backup() {
	interposectl_status 0 backup --ram --size 64M --to "$store" --hooks "$T_DIR/none" --name "$@" "$at"
}

told() { jq -r ".sources[0].$2" "$store/$1.json"; }

# has_files NAME: as the files are now, in a file system that is clean
has_files() {
	interposectl_status 0 restore --no-verify --to "$T_DIR/restored" --yes "$store@$1"
	if [[ $type == ext4 ]]; then
		e2fsck -fn "$T_DIR/restored" >"$T_DIR/fsck.log" 2>&1 || fail "$(<"$T_DIR/fsck.log")"
	fi
	mkdir -p "$T_DIR/see"
	cleanup unmount_if_there "$T_DIR/see"
	mount -o loop,"$2" "$T_DIR/restored" "$T_DIR/see"
	(cd "$T_DIR/see" && sha256sum --quiet -c "$T_DIR/sums") || fail "$1 has other files"
	umount "$T_DIR/see"
	[[ $type == ext4 ]] || xfs_repair -n "$T_DIR/restored" >"$T_DIR/fsck.log" 2>&1 || fail "$(<"$T_DIR/fsck.log")"
	rm "$T_DIR/restored"
}

interposectl_cleans
mib=$((1 << 20))
for type in ext4 xfs; do
	size=96
	[[ $type == ext4 ]] || size=320
	dev=$(partition "$(scratch a)" $size)
	meta=$(partition "$(scratch b)" 64)
	at=$(mkfs_mounted $type "$dev") store=$T_DIR/$type.store x=$P-$type
	for what in "$x-origin" "$x"; do cleanup dm_remove_if_there "$what"; done
	cleanup unpin_if_there "$type"
	interposectl_status 0 track on --wipe --tab "$T_DIR/tab" --name "$x" --meta "$meta" "$dev"
	head -c $((56 * mib)) /dev/urandom >"$at/junk"
	head -c $((4 * mib)) /dev/urandom >"$at/kept"
	sync -f "$at"
	rm "$at/junk"
	(cd "$at" && sha256sum -- [!l]*) >"$T_DIR/sums"
	backup a --skip-free
	says "KiB of free space were not read"
	(($(told a skipped) > 50 * mib && $(told a bytes) + $(told a skipped) == size * mib)) ||
		fail "of $size MiB $(told a bytes) bytes were read, and $(told a skipped) were not"
	head -c $((24 * mib)) /dev/urandom >"$at/more"
	sync -f "$at"
	(cd "$at" && sha256sum -- [!l]*) >"$T_DIR/sums"
	before=$(sectors_read "$dev")
	backup b
	read_bytes=$((($(sectors_read "$dev") - before) * 512))
	note "$type: $(told b bytes) bytes have changed, and $read_bytes were read"
	(($(told b bytes) >= 24 * mib && $(told b bytes) < 24 * mib * 12 / 10)) || fail "more has changed than was written"
	((read_bytes * 10 <= $(told b bytes) * 12)) || fail "$read_bytes bytes were read of $(told b bytes)"
	rm "$at/more"
	head -c $((8 * mib)) /dev/urandom >"$at/third"
	head -c $((20 * mib)) /dev/urandom >"$at/junk"
	sync -f "$at"
	rm "$at/junk"
	(cd "$at" && sha256sum -- [!l]*) >"$T_DIR/sums"
	backup c --skip-free
	(($(told c skipped) > 12 * mib && $(told c bytes) < 14 * mib)) || fail "$(told c skipped) bytes were not read, but $(told c bytes)"
	[[ $(told c parent) == b ]] || fail "it is no increment"
	umount "$at"
	fsck_clean "$dev"
	interposectl_status 0 backup --ram --size 64M --to "$store" --hooks "$T_DIR/none" --name d --skip-free --full "$dev"
	if [[ $type == xfs ]]; then says "was not mounted for writing at the moment"; else says "free space were not read"; fi
	for name in c d; do
		if [[ $type == xfs ]]; then has_files $name nouuid; else has_files $name ro; fi
	done
	interposectl_status 0 track off --tab "$T_DIR/tab" "$dev"
done
test_done
