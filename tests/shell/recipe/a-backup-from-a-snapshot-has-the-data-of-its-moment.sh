#!/bin/bash
# tier: full
# timeout: 180
# Given a mounted ext4 under load
# When the document's commands for a backup are run, and a file is overwritten after the snapshot was made
# Then the snapshot does not change while it exists, the backup has the file's old content and the disk the new one
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

dev=$(partition "$(scratch a)" 48)
spare=$(partition "$(scratch b)" 64)
at=$(mkfs_mounted ext4 "$dev")
echo old >"$at/file"
fio_verify_start load "$at" --size=8M
recipe_for "$dev" "$at" "$spare"
recipe_run "Backup of a mounted file system" 'mount *' overwrite 'umount *' compare
fio_verify_stop load
equal "the file in the backup" old "$(tar -xOf "$T_DIR/backup.tar" ./file)"
umount "$at"
fsck_clean "$dev"
mount -t ext4 "$dev" "$at" # not what the page cache had
equal "the file on the disk" new "$(<"$at/file")"
umount "$at"
test_done
