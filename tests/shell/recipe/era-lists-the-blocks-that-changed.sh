#!/bin/bash
# tier: full
# timeout: 400
# Given an ext4, and then an xfs, mounted and under load, with two files
# When the document's commands for finding changed blocks are run, and one file is rewritten in the new era
# Then the list has all blocks of that file and none from inside the other
. tests/lib/test.sh
. tests/lib/recipe.sh
requires_target era

rewrite() {
	dd if=/dev/urandom of="$at/changed" bs=1M count=2 conv=notrunc,fsync status=none
}

compare() {
	read -r first last < <(file_sectors "$at/changed")
	equal "blocks of the rewritten file in the list" "$(seq $((first / 128)) $((last / 128)))" \
		"$(changed_blocks "$T_DIR/recipe.out" $((first / 128)) $((last / 128)))"
	read -r first last < <(file_sectors "$at/untouched")
	equal "blocks inside the untouched file in the list" "" "$(changed_blocks "$T_DIR/recipe.out" $((first / 128 + 1)) $((last / 128 - 1)))"
}

for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" 64)
	spare=$(partition "$(scratch b)" 64)
	at=$(mkfs_mounted "$type" "$dev")
	fallocate -l 2M "$at/changed"
	dd if=/dev/urandom of="$at/changed" bs=1M count=2 conv=notrunc,fsync status=none
	fallocate -l 2M "$at/untouched"
	dd if=/dev/urandom of="$at/untouched" bs=1M count=2 conv=notrunc,fsync status=none
	fio_verify_start load "$at" --size=16M
	recipe_for "$dev" "$at" "$spare"
	recipe_run "Which blocks have changed" '*take_metadata_snap' rewrite '*drop_metadata_snap' compare
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
done
test_done
