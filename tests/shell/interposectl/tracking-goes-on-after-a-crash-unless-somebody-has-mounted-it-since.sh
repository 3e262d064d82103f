#!/bin/bash
# tier: full
# timeout: 900
# Given an ext4 and an XFS, mounted and tracked, written to since they were last looked at, and a copy of the disk and of
#   the metadata of that moment, which is what a power cut leaves
# When the copy is attached again: at once, and after somebody has mounted it without the interposer, who has written to it
#   or not, and has unmounted it or lost power, too; and when the first of these is written to, and crashes again
# Then the first and the last go on, with all that was written; after each of the others a full backup is needed
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires era_invalidate era_restore

copy() {
	dd if="$1" of="$2" bs=1M count="$3" iflag=direct oflag=direct conv=notrunc status=none
}

# write FILE: of 1 MiB
write() {
	head -c 1048576 /dev/urandom >"$at/$1"
	sync -f "$at"
}

# It is unmounted as well, but that is what the copy does not know
power_is_cut() {
	copy "$dev" "$kept" "$mib"
	copy "$meta" "$kept_meta" 16
	umount "$at"
	interposectl_status 0 unpin "$P-x"
	interposectl_status 0 detach "$P-x"
}

power_is_back() {
	copy "$kept" "$dev" "$mib"
	copy "$kept_meta" "$meta" 16
}

# elsewhere HOW [FILE]: it is mounted, and unmounted
elsewhere() {
	mount -o "$1" "$dev" "$at"
	[[ ! $2 ]] || write "$2"
	umount "$at"
}

# cut_elsewhere [FILE]: it is mounted, and loses power
cut_elsewhere() {
	mount "$dev" "$at"
	[[ ! $1 ]] || write "$1"
	copy "$dev" "$other" "$mib"
	umount "$at"
	copy "$other" "$dev" "$mib"
}

# goes_on MIB
goes_on() {
	local bytes
	interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
	[[ $said != *"full backup"* ]] || fail "$type: nobody has mounted it"
	bytes=$(interposectl changed --since "$point" --format ranges "$P-x" | awk '{ n += $2 } END { print n + 0 }')
	((bytes >= $1 << 20)) || fail "$type: only $bytes bytes have changed"
}

mib=64
dev=$(partition "$(scratch a)" $mib)
meta=$(partition "$(scratch b)" 16)
kept=$(partition "$(scratch c)" $mib 16)
kept_meta=${kept%1}2
other=$(scratch d)
at=$T_DIR/at
mkdir "$at"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
cleanup unmount_if_there "$at"
for type in ext4 xfs; do
	if [[ $type == xfs ]]; then mkfs.xfs -qf --unsupported "$dev"; else mkfs.ext4 -qF "$dev"; fi
	interposectl_status 0 track on --wipe --tab "$T_DIR/tab" --name "$P-x" --meta "$meta" "$dev"
	mount "$dev" "$at"
	point=$(interposectl changed --mark "$P-x")
	write one
	interposectl_status 0 track refresh
	write two
	power_is_cut
	for how in "elsewhere rw" "elsewhere rw three" "elsewhere ro" cut_elsewhere "cut_elsewhere three"; do
		note "$type: $how"
		power_is_back
		read -ra words <<<"$how"
		"${words[@]}" ""
		interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
		says "full backup needed: its $type "
		interposectl_status 4 changed --since "$point" "$P-x"
		interposectl_status 0 unpin "$P-x"
		interposectl_status 0 detach "$P-x"
	done
	power_is_back
	goes_on 2
	mount "$dev" "$at"
	write three
	interposectl_status 0 track refresh
	write four
	power_is_cut
	power_is_back
	goes_on 4
	mount "$dev" "$at"
	equal "files" "four one three two" "$(cd "$at" && echo [!l]*)"
	umount "$at"
	interposectl_status 0 track off --tab "$T_DIR/tab" "$P-x"
done
test_done
