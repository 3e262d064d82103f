#!/bin/bash
# tier: full
# timeout: 500
# Given an ext4, and then an xfs, mounted and under load
# When the document's commands for recording every write are run, and a file is written before the second mark and one
#   after it
# Then what is replayed has the first file and not the second one, and its file system is without an error
. tests/lib/test.sh
. tests/lib/recipe.sh
requires_target log-writes

# Not synced: the document's own command does that
write_before() {
	echo "$content" >"$at/before"
}

write_after() {
	echo "$content" >"$at/after"
	sync "$at/after"
}

compare() {
	equal "the file of before the mark" "$content" "$(<"$T_DIR/media/before")"
	[[ ! -e $T_DIR/media/after ]] || fail "what was written after the mark has been replayed"
}

content="content $RANDOM$RANDOM"
replay=$(program log-replay)
PATH=${replay%/*}:$PATH
for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" 32)
	spare=$(partition "$(scratch b)" 512 32)
	at=$(mkfs_mounted "$type" "$dev")
	fio_verify_start load "$at" --size=8M --fdatasync=16
	recipe_for "$dev" "$at" "$spare" "${spare%1}2"
	[[ $type == ext4 ]] || recipe_nouuid
	recipe_run "Recording every write and replaying to any point" 'dmsetup message * mark copied' write_before \
		'dmsetup status *' write_after 'umount */media' compare
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
	fsck_clean "${spare%1}2"
done
test_done
