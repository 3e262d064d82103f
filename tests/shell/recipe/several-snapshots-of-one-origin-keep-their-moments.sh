#!/bin/bash
# tier: full
# timeout: 400
# Given an ext4, and then an xfs, mounted and under load
# When the document's commands for several snapshots are run, and a file is written before each of them and after both
# Then each snapshot has the file of its moment, the second one also when the first has been removed
. tests/lib/test.sh
. tests/lib/recipe.sh
requires_target snapshot

write() {
	dd if=/dev/urandom of="$at/file" bs=1M count=1 conv=notrunc,fsync status=none
	content+=("$(sha256sum <"$at/file")")
}

compare_both() {
	equal "the file in the first snapshot" "${content[0]}" "$(file_sum_in "/dev/mapper/$P-morning" "$at/file")"
	compare
}

compare() {
	equal "the file in the second snapshot" "${content[1]}" "$(file_sum_in "/dev/mapper/$P-evening" "$at/file")"
}

for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" 64)
	spare=$(partition "$(scratch b)" 128 128)
	at=$(mkfs_mounted "$type" "$dev")
	fallocate -l 1M "$at/file"
	content=()
	fio_verify_start load "$at" --size=16M
	recipe_for "$dev" "$at" "$spare" "${spare%1}2"
	recipe_also morning evening
	recipe_run "Several snapshots of one origin" 'beneath=*' write "dd if=/dev/zero of=${spare%1}2 *" write \
		'dmsetup status' write 'dmsetup remove *-morning' compare_both 'dmsetup remove *-evening' compare
	equal "contents" 3 "$(printf '%s\n' "${content[@]}" | sort -u | wc -l)"
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
done
test_done
