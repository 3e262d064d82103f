#!/bin/bash
# tier: full
# timeout: 600
# Given an ext4, and then an xfs, mounted and under load
# When the document's commands for a full backup and two increments are run, a file is written before each of their
#   moments and after it, one only before the first increment, and one not at all
# Then what is restored from the full backup alone, with one and with both increments, is byte by byte the snapshot of
#   its moment, and a clean file system with the files of that moment; an increment has the blocks of what was written
#   since the last backup, and not those of the other files
. tests/lib/test.sh
. tests/lib/recipe.sh
requires_target era snapshot

# write NAME…: anew, in place
write() {
	local name
	for name; do
		dd if=/dev/urandom of="$at/$name" bs=1M count=1 conv=notrunc,fsync status=none
	done
}

moment() {
	wanted=$(cd "$at" && sha256sum untouched once often)
	recipe_run "The moment of a backup"
	write often
}

snapshot_sum() {
	sum=$(device_sum "/dev/mapper/$P-snap")
}

image_is_right() {
	equal "the restored device" "$sum" "$(sha256sum <"$T_DIR/backup/restored" | cut -d' ' -f1)"
}

files_are_right() {
	equal "the restored files" "$wanted" "$(cd "$T_DIR/media" && sha256sum untouched once often)"
}

restore() {
	recipe_run "Restoring" 'mount *' image_is_right 'umount *' files_are_right
	fsck_clean "$T_DIR/backup/restored"
}

# increment N NAME…: has all blocks of these files, and no other of the three's
increment() {
	local number=$1 name first last listed
	shift
	for name in untouched once often; do
		read -r first last < <(blocks_of "$at/$name")
		listed=''
		[[ " $* " != *" $name "* ]] || listed=$(seq "$first" "$last")
		equal "blocks of $name in increment $number" "$listed" "$(changed_blocks "$T_DIR/changed" "$first" "$last")"
	done
	listed=$(changed_blocks "$T_DIR/changed" 0 $((mib * 16)) | wc -l)
	equal "size of increment $number" $((listed * 65536)) "$(stat -c %s "$T_DIR/backup/data.$number")"
	note "increment $number: $listed of $((mib * 16)) blocks"
}

mib=64
for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" "$mib")
	spare=$(partition "$(scratch b)" 16 128)
	at=$(mkfs_mounted "$type" "$dev")
	for name in untouched once often; do
		fallocate -l 1M "$at/$name"
	done
	fio_verify_start load "$at" --size=8M
	recipe_for "$dev" "$at" "$spare" "${spare%1}2"
	[[ $type == ext4 ]] || recipe_nouuid
	recipe_run "Incremental backup"
	write untouched once often
	moment
	recipe_run "A full backup" 'dmsetup remove *' snapshot_sum
	restore
	write once
	moment
	recipe_run "An increment" 'dmsetup remove *' snapshot_sum
	increment 1 once often
	restore
	moment
	recipe_run "An increment" 'dmsetup remove *' snapshot_sum
	increment 2 often
	restore
	recipe_run "The end of the series"
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
done
test_done
