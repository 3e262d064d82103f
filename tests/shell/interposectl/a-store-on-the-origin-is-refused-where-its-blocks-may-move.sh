#!/bin/bash
# timeout: 300
# Given a mounted btrfs, ext3, ext4 with data=journal, an encrypted directory, and an XFS with a directory for its realtime
#   device
# When a snapshot is to be taken with its COW store in a file there; and on an ext4 when somebody opens, replaces or writes
#   to the file in the middle of it
# Then it is refused in one line that says why, and nothing is left behind
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
requires mkfs.btrfs mkfs.xfs xfs_io

# meddled N COMMAND 'text': run before the Nth step for which there is a file; then it is refused. 1: it is not yet immutable
meddled() {
	local status=0 before
	before=$(ls -A "$at")
	cat >"$T_DIR/meddle" <<-'END'
		[ -e "$AT/cow" ] && [ ! -e "$T_DIR/once" ] || exit 0
		[ "$N" = 1 ] || [ -e "$T_DIR/first" ] || exec touch "$T_DIR/first"
		touch "$T_DIR/once"
		eval "$DO"
	END
	export T_DIR AT=$at
	N=$1 DO=$2 RUN="sh $T_DIR/meddle" "$INTERPOSECTL-killed" snapshot --name "$P-snap" --size 8M --file "$at/cow" "$at" \
		>"$T_DIR/said" 2>&1 || status=$?
	said=$(<"$T_DIR/said")
	note "$said"
	rm -f "$T_DIR/once" "$T_DIR/first"
	equal "status" 1 "$status"
	says "$3"
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "records" "" "$(ls /run/interposectl)"
	[[ ! -s $at/cow && ! -e $at/mine ]] || fail "a file is left"
	rm -f "$at/cow"
	equal "files" "$before" "$(ls -A "$at")"
}

writer_ends() {
	[[ ! -s $T_DIR/writer ]] || kill "$(<"$T_DIR/writer")" 2>/dev/null || true
	rm -f "$T_DIR/writer"
}

interposectl_cleans
disk=$(scratch a)
dev=$(partition "$disk" 300)
on="would lie on an origin of the snapshot"

at=$(mkfs_mounted btrfs "$dev")
interposectl_status 1 snapshot --name "$P-snap" --file "$at/cow" "$dev"
says "$on"
umount "$at"
wipefs -qa "$dev"

mkfs.ext3 -qF "$dev"
mount "$dev" "$at"
snapshot_refused "cannot be allocated without being written" --size 8M --file "$at/cow" "$at"
umount "$at"
wipefs -qa "$dev"

mkfs.ext4 -qF -O encrypt "$dev"
mount -o data=journal "$dev" "$at"
snapshot_refused "takes no direct I/O" --size 8M --file "$at/cow" "$at"
umount "$at"
mount "$dev" "$at"
mkdir "$at/secret"
xfs_io -c "set_encpolicy 0123456789abcdef" "$at/secret"
snapshot_refused "$at/secret is encrypted" --size 8M --file "$at/secret/cow" "$at"

cleanup writer_ends
# shellcheck disable=SC2016
meddled 1 'sleep 1000 <>"$AT/cow" & echo $! >"$T_DIR/writer"' "is open for writing in another process"
writer_ends
# shellcheck disable=SC2016
meddled 1 'dd if=/dev/zero of="$AT/cow" bs=8k count=1 conv=notrunc,fsync oflag=direct status=none' \
	"is not where its file system says"
# shellcheck disable=SC2016
meddled 2 ': >"$AT/mine"; chattr -i "$AT/cow"; mv "$AT/cow" "$T_DIR/moved"; mv "$AT/mine" "$AT/cow"' "or is another file"
umount "$at"
fsck_clean "$dev"
wipefs -qa "$dev"

at=$(mkfs_mounted xfs "$dev")
mkdir "$at/real"
xfs_io -c "chattr +t" "$at/real"
snapshot_refused "$at/real is on the realtime device of an XFS" --size 8M --file "$at/real/cow" "$at"
umount "$at"
test_done
