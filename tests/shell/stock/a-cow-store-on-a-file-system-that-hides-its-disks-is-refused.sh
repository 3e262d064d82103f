#!/bin/bash
# tier: full
# kernel: stock-6.12
# disks: virtio-blk (one guest for all that run on this kernel)
# timeout: 300
# Given file systems that do not show all of their disks, mounted: a bcachefs on two, a JFS and a ReiserFS with the log on a
#   second one, a GFS2, an OCFS2; and for comparison an ext4
# When interposectl is to make a snapshot with the COW store in a file there, or on a loop device that lies there: of the
#   first disk, of the second one, and of one that has nothing to do with them
# Then each is refused in one line, with the type and what to do about it, and nothing is left behind; on the ext4 it works
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
requires python3 mkfs.jfs mkfs.reiserfs mkfs.gfs2 mkfs.ocfs2

loop_gone() {
	! losetup "$1" >/dev/null 2>&1 || losetup -d "$1"
}

# mounted TYPE: at $at, on $dev, and on $second if it can be on several or have its log elsewhere
mounted() {
	local options=() on=$dev
	wipefs -qa "$dev" "$second"
	case $1 in
	bcachefs)
		tests/lib/mkfs-bcachefs "$dev" "$second"
		on+=:$second
		;;
	jfs) mkfs.jfs -q -J journal_dev "$second" && mkfs.jfs -q -J "device=$second" "$dev" ;;
	reiserfs)
		mkfs.reiserfs -q -ff -j "$second" "$dev"
		options=(-o "jdev=$second")
		;;
	gfs2) mkfs.gfs2 -q -O -p lock_nolock -j 1 -J 8 "$dev" ;;
	ocfs2) mkfs.ocfs2 -q -x -M local -N 1 -J size=4M "$dev" ;;
	ext4) mkfs.ext4 -qF "$dev" ;;
	esac >"$T_DIR/mkfs.log" 2>&1 </dev/null || fail "no $1 on $dev: $(<"$T_DIR/mkfs.log")"
	mount -t "$1" "${options[@]}" "$on" "$at"
}

# refused TYPE ARGUMENT…
refused() {
	snapshot_refused "lies on a file system ($1) whose disks are not known" "${@:2}"
}

interposectl_cleans
dev=$(partition "$(scratch a)" 160 100)
second=${dev%1}2
other=$(partition "$(scratch b)" 64)
at=$T_DIR/at
mkdir "$at"
cleanup unmount_if_there "$at"
for type in bcachefs jfs reiserfs gfs2 ocfs2; do
	mounted "$type"
	for origin in "$dev" "$second" "$other"; do
		refused "$type" --size 16M --file "$at/cow" "$origin"
	done
	truncate -s 16M "$at/file"
	loop=$(losetup -f --show "$at/file")
	cleanup loop_gone "$loop"
	refused "$type" --cow "$loop" "$other"
	losetup -d "$loop"
	umount "$at"
done
mounted ext4
interposectl_status 0 snapshot --name "$P-snap" --size 16M --file "$at/cow" "$other"
interposectl_status 0 snapshot --remove "$P-snap"
test_done
