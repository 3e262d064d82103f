#!/bin/bash
# Given a mounted ext4 under load
# When the document's commands for suspend, reload and wipe_table are run
# Then they print what it shows, and the load goes on without an error
. tests/lib/test.sh
. tests/lib/recipe.sh
requires_target delay

dev=$(partition "$(scratch a)" 100)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at"
recipe_for "$dev" "$at" "$(part b 1)"
recipe_run "Suspending and reloading"
wait_io "$dev" 50
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
