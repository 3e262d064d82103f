#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4 under load, interposed with log-writes, which logs writes in the order in which flushes and FUA
#   make them last
# When files are synced while the interposer is suspended, with and without flush, and each is marked in the log when
#   its sync has returned after the resume
# Then the log replayed up to each mark has that file and all before it, once the journal is replayed, and up to any
#   point near a resume it has a file system without an error
. tests/lib/test.sh
. tests/lib/log_writes.sh
requires_target log-writes

# sync_across HOW: one more file is synced while x is suspended
sync_across() {
	local file syncer
	files=$((files + 1))
	file=$at/file-$files
	dmsetup suspend "$@" "$P-x"
	{
		content "$files" >"$file"
		sync "$file"
	} &
	syncer=$!
	(($# == 0)) || wait_until "writes are held" 30 something_held
	dmsetup resume "$P-x"
	wait "$syncer"
	dmsetup message "$P-x" 0 mark "file-$files"
}

something_held() {
	(($(interposer_held x) > 0))
}

content() {
	printf 'this is file %d\n%.0s' "$1" {1..300}
}

# replayed_to ENTRY: $copy is the file system as after a power cut then, its journal replayed and mounted on $see
replayed_to() {
	log_replay "$log" "$replay" "$replayed" "$1"
	replayed=$1
	dd if="$replay" of="$copy" bs=1M status=none
	mount "$copy" "$see"
}

dev=$(partition "$(scratch a)" 32)
log=$(scratch b)
replay=$(partition "$(scratch c)" 32 32)
copy=${replay%1}2
see=$T_DIR/see files=0 replayed=0
mkdir "$see"
cleanup unmount_if_there "$see"
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev" log-writes "$dev" "$log"
dmsetup suspend "$P-x"
dd if="$(interposer_beneath x)" of="$replay" bs=1M iflag=direct status=none # what the log begins with
dmsetup resume "$P-x"
fio_verify_start load "$at" --ioengine=psync --iodepth=1 --fsync=4 --size=2M --rate_iops=100
for _ in 1 2 3; do
	wait_redirected x 50
	sync_across --noflush --nolockfs
	wait_redirected x 50
	sync_across
done
wait_redirected x 50
fio_verify_stop load
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$dev"

for ((file = 1; file <= files; file++)); do
	mark=$(log_entry "$log" "file-$file")
	for entry in $((mark - 7)) "$mark" $((mark + 5)); do
		replayed_to "$entry"
		for ((i = 1; entry >= mark && i <= file; i++)); do
			equal "file $i after a power cut at entry $entry" "$(content "$i")" "$(<"$see/file-$i")"
		done
		umount "$see"
		fsck_clean "$copy"
	done
done
test_done
