#!/bin/bash
# Given a mounted ext4 under load
# When the document's commands for attaching and detaching are run
# Then they print what it shows, and the load notices nothing
. tests/lib/test.sh
. tests/lib/recipe.sh

dev=$(partition "$(scratch a)" 100)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at"
recipe_for "$dev" "$at" "$(part b 1)"
recipe_run "Attaching and detaching"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
