#!/bin/bash
# tier: full
# timeout: 400
# Given an ext4, and then an xfs, mounted and under load
# When the document's commands for an incremental backup are run, and a file is written before and after its moment
# Then the file's blocks are in the list, and the snapshot has its content of that moment
. tests/lib/test.sh
. tests/lib/recipe.sh
requires_target era snapshot

write_first() {
	dd if=/dev/urandom of="$at/file" bs=1M count=1 conv=notrunc,fsync status=none
	content=$(sha256sum <"$at/file")
}

write_again() {
	dd if=/dev/urandom of="$at/file" bs=1M count=1 conv=notrunc,fsync status=none
}

compare() {
	read -r first last < <(file_sectors "$at/file")
	equal "blocks of the written file in the list" "$(seq $((first / 128)) $((last / 128)))" \
		"$(changed_blocks "$T_DIR/changed" $((first / 128)) $((last / 128)))"
	equal "the file in the snapshot" "$content" "$(file_sum_in "/dev/mapper/$P-snap" "$at/file")"
}

for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" 320)
	spare=$(partition "$(scratch b)" 64 128)
	at=$(mkfs_mounted "$type" "$dev")
	fallocate -l 1M "$at/file"
	fio_verify_start load "$at" --size=16M
	recipe_for "$dev" "$at" "$spare" "${spare%1}2"
	recipe_run "Incremental backup" 'era=1' write_first 'era_invalidate *' write_again "dmsetup remove *-snap" compare
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
done
test_done
