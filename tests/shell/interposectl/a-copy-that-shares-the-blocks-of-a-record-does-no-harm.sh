#!/bin/bash
# tier: full
# timeout: 400
# Given an XFS under a verified load, tracked with a file of its own
# When that file is copied, as cp does it, so that the copy shares its blocks; when the device is detached and attached
#   again; and when the copy is written to, and removed
# Then tracking goes on without a gap, and the file system is clean, and each file as it was written
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target era
requires era_restore era_invalidate filefrag

goes_on() {
	interposectl_status 0 track refresh --tab "$T_DIR/tab"
	equal "what it complains of" "" "$said"
	equal "where it lies" "$(file_pieces "$file")" "$(dmsetup table "$P-x-era" | awk '{ print $1, $2, $5 }')"
	interposectl_status 0 -q changed --since "$point" "$P-x"
}

dev=$(partition "$(scratch a)" 160)
cleanup dm_remove_if_there "$P-x-era"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
interposectl_cleans
at=$(mkfs_mounted xfs "$dev")
file=$at/era
fio_verify_start load "$at" --size=4M
interposectl_status 0 track on --tab "$T_DIR/tab" --name "$P-x" --file "$file" "$at"
point=$(interposectl changed --mark "$P-x")
cp -a "$file" "$at/copy"
[[ $(filefrag -v "$file") == *shared* ]] || fail "they share nothing: this test is broken"
goes_on
fio_verify_stop load
umount "$at"
interposectl -q unpin "$P-x"
interposectl_status 0 detach "$P-x"
interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
[[ $said != *"full backup"* ]] || fail "this is no gap"
mount "$dev" "$at"
dd if=/dev/urandom of="$at/copy" bs=64k count=16 conv=notrunc,fsync status=none
goes_on
rm "$at/copy"
sync -f "$at"
goes_on
cp -a "$file" "$at/copy"
interposectl_status 0 track off --tab "$T_DIR/tab" "$at"
says "$file, where it was recorded, is removed"
umount "$at"
fsck_clean "$dev"
test_done
