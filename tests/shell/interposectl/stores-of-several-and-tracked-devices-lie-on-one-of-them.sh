#!/bin/bash
# tier: full
# timeout: 400
# Given an ext4 that is tracked and an XFS, both mounted and under load
# When a snapshot of both is taken with the COW stores in files on the ext4, a second one of it with its own, and much is
#   written
# Then each has the files of its moment, also when a snapshot goes before the other; the point of the moment lists what was
#   written later; when all are removed nothing is left but the tracking
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target era snapshot
requires era_invalidate era_restore

write() {
	dd if=/dev/urandom of="$1/file" bs=1M count=2 conv=notrunc,fsync status=none
	sha256sum <"$1/file"
}

# has SNAPSHOT SUM: that file
has() {
	mount -o "ro$([[ $1 != *"${two##*/}" ]] || echo ,nouuid)" "/dev/mapper/$P-$1" "$T_DIR/look"
	equal "the file in $1" "$2" "$(sha256sum <"$T_DIR/look/file")"
	umount "$T_DIR/look"
}

interposectl_cleans
dev=$(partition "$(scratch a)" 200)
two=$(partition "$(scratch b)" 300 32)
meta=${two%1}2
at=$(mkfs_mounted ext4 "$dev")
two_at=$(mkfs_mounted xfs "$two")
mkdir "$T_DIR/look"
cleanup unmount_if_there "$T_DIR/look"
cleanup dm_remove_if_there "$P-x-origin"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
interposectl_cleans
interposectl_status 0 track on --tab "$T_DIR/tab" --name "$P-x" --meta "$meta" "$dev"
fio_verify_start load "$at" --size=4M
fio_verify_start other "$two_at" --size=4M
first=$(write "$at")
other=$(write "$two_at")
interposectl_status 0 snapshot --name "$P-both" --size 24M --file "$at/cow" "$at" "$two_at"
point=$(sed -n 's/.*--since \([^ ]*\) .*/\1/p' <<<"$said")
second=$(write "$at")
write "$two_at" >"$T_DIR/sum"
interposectl_status 0 snapshot --name "$P-one" --size 24M --file "$at/one" "$at"
write "$at" >"$T_DIR/sum"
has "both-${dev##*/}" "$first"
has "both-${two##*/}" "$other"
has one "$second"
interposectl changed --since "$point" --format ranges "$P-x" >"$T_DIR/list"
(($(awk '{ n += $2 } END { print n + 0 }' "$T_DIR/list") >= 2 << 20)) || fail "too little has changed since: $(<"$T_DIR/list")"
interposectl_status 0 snapshot --remove "$P-both"
has one "$second"
interposectl_status 0 snapshot --remove "$P-one"
fio_verify_stop load
fio_verify_stop other
rm -f "$at"/load*
equal "files" $'file\nlost+found' "$(ls -A "$at")"
umount "$at" "$two_at"
fsck_clean "$dev"
fsck_clean "$two"
interposectl_status 0 track off --tab "$T_DIR/tab" "$dev"
no_store_is_left "$at/cow"
test_done
