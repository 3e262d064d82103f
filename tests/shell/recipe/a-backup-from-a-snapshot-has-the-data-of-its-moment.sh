#!/bin/bash
# tier: full
# timeout: 500
# Given an ext4, and then an xfs, mounted and under load
# When the document's commands for a backup are run, and a file is overwritten after the snapshot was made
# Then the snapshot does not change while it exists, except that an xfs replays its log when it is mounted; the backup
#   has the file's old content and the disk the new one
. tests/lib/test.sh
. tests/lib/recipe.sh
requires_target snapshot

overwrite() {
	sum=$(device_sum "/dev/mapper/$P-snap")
	echo new >"$at/file"
	sync -f "$at"
	wait_io "$dev" 100
}

compare() {
	equal "checksum of the snapshot" "$sum" "$(device_sum "/dev/mapper/$P-snap")"
}

for type in ext4 xfs; do
	begin=mount
	[[ $type == ext4 ]] || begin=tar # the mount writes to the snapshot
	dev=$(partition "$(scratch a)" 48)
	spare=$(partition "$(scratch b)" 64)
	at=$(mkfs_mounted "$type" "$dev")
	echo old >"$at/file"
	fio_verify_start load "$at" --size=8M
	recipe_for "$dev" "$at" "$spare"
	[[ $type == ext4 ]] || recipe_nouuid
	recipe_run "Backup of a mounted file system" "$begin *" overwrite 'umount *' compare
	fio_verify_stop load
	equal "the file in the backup" old "$(tar -xOf "$T_DIR/backup.tar" ./file)"
	umount "$at"
	fsck_clean "$dev"
	mount -t "$type" "$dev" "$at" # not what the page cache had
	equal "the file on the disk" new "$(<"$at/file")"
	umount "$at"
done
test_done
