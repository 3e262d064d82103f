#!/bin/bash
# tier: full
# timeout: 600
# Given an ext4, an XFS, a btrfs and an f2fs on a disk whose I/O the kernel does not count, as in another boot
# When each is tracked, detached and attached again with nothing written between, then with a file written, and, for an
#   ext4 and an XFS, with a mount alone
# Then the first of these is no gap, and ends a look at the records that was left behind; the others are found out by what
#   the file system itself has written
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires era_restore era_invalidate

# again SAID COMMAND…: between the detach and the attach
again() {
	interposectl -q unpin "$P-x"
	interposectl -q detach "$P-x"
	"${@:2}"
	interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
	if [[ $1 ]]; then
		says "full backup needed: $1"
	else
		[[ $said != *"full backup"* ]] || fail "$type: nothing was written"
	fi
}

mounted_and() {
	mount "$dev" "$at"
	"$@"
	umount "$at"
}

write() {
	echo new >"$at/file"
}

for type in ext4 xfs btrfs f2fs; do
	disk=$(scratch a)
	echo 0 >"$(sysfs_dir "$disk")/queue/iostats"
	cleanup eval "echo 1 >$(sysfs_dir "$disk")/queue/iostats"
	dev=$(partition "$disk" 400)
	at=$(mkfs_mounted "$type" "$dev")
	umount "$at"
	cleanup dm_remove_if_there "$P-x"
	cleanup unpin_if_there x
	interposectl_status 0 track on --tab "$T_DIR/tab" --name "$P-x" --meta "$(partition "$(scratch b)" 64)" "$dev"
	dmsetup message "$P-x" 0 take_metadata_snap # by who has crashed
	again "" true
	interposectl_status 0 changed "$P-x"
	mounted_and write
	again "" true
	case $type in
	ext4) why="its ext4 may have been mounted while it was not attached (mount count 2, and 3 now)" ;;
	*) why="its $type was changed while it was not attached" ;;
	esac
	again "$why" mounted_and write
	again "" true
	[[ $type != @(ext4|xfs) ]] || again "its $type " mounted_and true
	interposectl_status 0 track off --tab "$T_DIR/tab" "$dev"
done
test_done
