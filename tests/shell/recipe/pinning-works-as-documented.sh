#!/bin/bash
# Given a mounted ext4
# When the document's commands for pinning are run
# Then they print what it shows
. tests/lib/test.sh
. tests/lib/recipe.sh

dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
recipe_for "$dev" "$at" "$(part b 1)"
recipe_run "Pinning"
umount "$at"
fsck_clean "$dev"
test_done
