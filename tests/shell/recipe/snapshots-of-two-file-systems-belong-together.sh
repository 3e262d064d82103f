#!/bin/bash
# tier: full
# timeout: 400
# Given two ext4, and then two xfs, mounted from partitions of one disk, and a writer that syncs each number on the
#   first before it writes it on the second
# When the document's commands for snapshots of two file systems at one instant are run
# Then the second snapshot has no number that the first has not, and the first is ahead by one at most
. tests/lib/test.sh
. tests/lib/recipe.sh
. tests/lib/numbers.sh
requires_target snapshot

start() {
	numbers_start "$at" "$two_at"
}

compare() {
	numbers_get_on
	numbers_belong_together "/dev/mapper/$P-snap" "/dev/mapper/$P-snap_y" "${twin[$type]}"
}

declare -A twin=([ext4]=defaults [xfs]=nouuid) # mount options beside the one it is a snapshot of
for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" 64 64)
	two=${dev%1}2
	spare=$(partition "$(scratch b)" 128 128)
	at=$(mkfs_mounted "$type" "$dev") two_at=$(mkfs_mounted "$type" "$two")
	recipe_for "$dev" "$at" "$spare" "${spare%1}2"
	recipe_also y snap_y
	recipe_names+=(-e "s,/dev/sdc1,$two,g")
	recipe_run "Snapshots of two file systems at one instant" 'beneath=*' start 'dmsetup suspend *-x' numbers_get_on \
		'dmsetup remove *-snap' compare
	numbers_stop
	umount "$at" "$two_at"
	fsck_clean "$dev"
	fsck_clean "$two"
done
test_done
