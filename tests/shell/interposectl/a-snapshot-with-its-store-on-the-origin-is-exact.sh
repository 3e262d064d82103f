#!/bin/bash
# timeout: 400
# Given an ext4, and then an XFS, whose free space is in many pieces, mounted and under a verified load
# When a snapshot is taken with its COW store in a file there, much is written, and a defragmenter is set on that file
# Then the file is in the same pieces as before, and no write, truncation, punch, rename or removal of it is allowed; the
#   snapshot does not change but for where its own store lies, and has the files of its moment; when it is removed nothing
#   is left, and the file system is clean
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target snapshot
requires e4defrag xfs_fsr xfs_io filefrag

interposectl_cleans
copy=$(scratch b)
for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" 96)
	at=$(mkfs_mounted "$type" "$dev")
	fragmented "$at"
	dd if=/dev/urandom of="$at/data" bs=1M count=4 conv=fsync status=none
	sum=$(sha256sum <"$at/data")
	fio_verify_start load "$at" --size=4M
	interposectl_status 0 snapshot --name "$P-snap" --size 20M --file "$at/cow" "$at"
	(($(store_pieces snap | wc -l) >= 10)) || fail "it lies in few pieces: this test is broken"
	store_is_the_file snap "$at/cow"
	dd if="/dev/mapper/$P-snap" of="$copy" bs=1M iflag=direct oflag=direct status=none
	dd if=/dev/urandom of="$at/data" bs=1M count=4 conv=notrunc,fsync status=none

	if [[ $type == ext4 ]]; then e4defrag "$at/cow"; else xfs_fsr -v "$at/cow"; fi >"$T_DIR/defrag" 2>&1 || true
	not truncate -s 0 "$at/cow"
	not fallocate -p -o 0 -l 4K "$at/cow"
	not mv "$at/cow" "$at/other"
	not rm -f "$at/cow"
	fstrim "$at" 2>/dev/null || true
	store_is_the_file snap "$at/cow"

	wait_io "$dev" 200
	fio_verify_check load
	used=$(interposectl snapshot --list | awk 'NR == 2')
	note "$used"
	equal "blocks of the snapshot that have changed" "" "$(differs_outside snap "$copy")"
	mkdir -p "$T_DIR/look"
	cleanup unmount_if_there "$T_DIR/look"
	mount -o "ro$([[ $type == ext4 ]] || echo ,nouuid)" "/dev/mapper/$P-snap" "$T_DIR/look"
	equal "the file in the snapshot" "$sum" "$(sha256sum <"$T_DIR/look/data")"
	umount "$T_DIR/look"
	interposectl_status 0 snapshot --remove "$P-snap"
	no_store_is_left "$at/cow"
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
done
test_done
