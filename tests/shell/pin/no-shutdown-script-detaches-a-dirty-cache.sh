#!/bin/bash
# tier: full
# timeout: 240
# Given a mounted ext4 under verified load with a dirty cache, which is pinned
# When all that removes mapped devices at a shutdown is run, with the file system mounted and unmounted
# Then the cache stays attached, and the file system is right; so it is, all blocks taken for dirty, if the machine goes
#   down then and the same cache is attached again
. tests/lib/test.sh
. tests/lib/recipe.sh
. tests/lib/cached.sh
. tests/lib/shutdown.sh
requires_target cache

# without writing back when there is time for it
attach() {
	dmsetup create "$P-x" --table "0 $(sectors "$dev") interpose $dev 1 pin cache $spare ${spare%1}2 $dev 128 \
		1 writeback smq 2 migration_threshold 0"
}

copy_disk() {
	dd if="$1" of="$2" bs=1M count=80 iflag=direct oflag=direct status=none
}

cached_begin ext4
attach
cached_overwrite
shutdown_scripts x
beneath_is old
wait_redirected x
cached_early_ends
cached_files_are_right
fio_seen_at load "/dev/mapper/$P-x"
fio_verify_stop load
umount "$at"
shutdown_scripts x
beneath_is old
fsck_clean "$dev"

# what the machine has when it goes down now is what it has when it comes up
copy_disk "$(disk a)" "$(scratch c)"
copy_disk "$(disk b)" "$(scratch d)"
dmsetup message "$P-x" 0 interpose unpin
dmsetup remove "$P-x"
copy_disk "$(disk c)" "$(disk a)"
copy_disk "$(disk d)" "$(disk b)"
attach
equal "dirty blocks" "$(cached_count blocks)" "$(cached_count dirty)/512"
fsck_clean "$dev"
mount -t ext4 "$dev" "$at"
cached_files_are_right
umount "$at"
dmsetup message "$P-x" 0 interpose unpin
dmsetup remove "$P-x"
test_done
