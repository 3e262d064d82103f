#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4, and then a mounted xfs
# When the document's commands for errors are run
# Then reads fail as it shows; while one page of one file is bad, a load on another file has no error
. tests/lib/test.sh
. tests/lib/recipe.sh
requires_target flakey

start_load() {
	fio_verify_start load "$at" --size=16M
}

stop_load() {
	wait_redirected x 100
	fio_verify_stop load
}

for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" 320)
	at=$(mkfs_mounted "$type" "$dev")
	dd if=/dev/urandom of="$at/file" bs=64k count=1 conv=fsync status=none
	recipe_for "$dev" "$at" /dev/vdb1
	recipe_run "Errors and delays for a test" 'start=*' start_load '*skip=1*' stop_load
	umount "$at"
	fsck_clean "$dev"
done
test_done
