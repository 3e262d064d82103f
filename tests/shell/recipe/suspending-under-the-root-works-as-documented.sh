#!/bin/bash
# tier: full
# Given a mounted ext4 under load
# When the document's commands for a suspend under the root file system are run
# Then they print what it shows, and the load goes on without an error
# (With a file system on which dmsetup itself lies: lifecycle/.)
. tests/lib/test.sh
. tests/lib/recipe.sh
requires_target snapshot

memory_unmounted() {
	! mountpoint -q /run/dm || umount -R /run/dm
	[[ ! -d /run/dm ]] || rmdir /run/dm
}

dev=$(partition "$(scratch a)" 100)
spare=$(partition "$(scratch b)" 64)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --size=16M
recipe_for "$dev" "$at" "$spare"
cleanup memory_unmounted
recipe_run "Under the root file system or swap"
wait_io "$dev" 50
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
