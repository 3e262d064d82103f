#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4, and then a mounted xfs, and a verified load on the partition beside
# When the document's commands for errors are run, with another load on the file system: while all of its reads fail,
#   one that only writes; while one page of one file is bad, a verified one on another file
# Then reads fail as the document shows, no load has an error, and what was written while reads failed is there
. tests/lib/test.sh
. tests/lib/recipe.sh
requires_target flakey

# what is there already needs no metadata that would have to be read
start_writing() {
	dd if=/dev/zero of="$at/writes.0.0" bs=1M count=8 oflag=direct conv=fsync status=none
	dd if=/dev/zero of="$at/written" bs=1M count=1 oflag=direct conv=fsync status=none
	fio_verify_start writes "$at" --size=8M --do_verify=0
}

write() {
	dd if="$T_DIR/content" of="$at/written" bs=1M oflag=direct conv=notrunc status=none
	wait_redirected x 100
	fio_verify_check writes
}

start_load() {
	fio_stop writes
	equal "reads of the load that only writes" 0 "$(fio_result writes read.total_ios)"
	cmp "$T_DIR/content" <(dd if="$at/written" bs=1M iflag=direct status=none)
	fio_verify_start load "$at" --size=16M
}

stop_load() {
	wait_redirected x 100
	fio_verify_stop load
}

dd if=/dev/urandom of="$T_DIR/content" bs=1M count=1 status=none
for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" 64 64)
	at=$(mkfs_mounted "$type" "$dev")
	dd if=/dev/urandom of="$at/file" bs=64k count=1 conv=fsync status=none
	start_writing
	fio_verify_start beside "${dev%1}2"
	recipe_for "$dev" "$at" "$(part b 1)"
	recipe_run "Errors and delays for a test" 'dmsetup remove *' write 'start=*' start_load '*skip=1*' stop_load
	fio_verify_stop beside
	umount "$at"
	fsck_clean "$dev"
done
test_done
