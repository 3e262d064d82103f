#!/bin/bash
# tier: full
# timeout: 900
# Given an ext4, and then an XFS, mounted and under a verified load, a file that is removed after the moment of a snapshot, and
#   that snapshot, with a COW store of 4 MiB in a file there
# When four times as much is overwritten, and interposectl monitor looks in between; when it is extended by hand, and when
#   there is no room for that
# Then the store grows by further files, and the snapshot does not change but for where its own store lies, and has the files
#   of its moment; what is refused leaves nothing; when it is removed nothing is left, and the file system is clean
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target snapshot

# grow_by MIB: what is there is overwritten, and between two half MiB the monitor looks
grow_by() {
	for ((i = 0; i < 2 * $1; i++)); do
		dd if=/dev/urandom of="$at/data" bs=512k count=1 seek="$i" conv=notrunc,fsync status=none
		interposectl_status 0 monitor --once --horizon 0 "$P-snap"
	done
}

# extend_refused 'text' ARGUMENT…: and all is as it was
extend_refused() {
	local files table
	files=$(ls -A "$at")
	table=$(store_pieces snap)
	interposectl_status 1 snapshot --extend "$P-snap" "${@:2}"
	says "$1"
	equal "lines" 1 "$(wc -l <<<"$said")"
	equal "files" "$files" "$(ls -A "$at")"
	equal "where the COW store lies" "$table" "$(store_pieces snap)"
	equal "records" "$P-snap" "$(ls /run/interposectl)"
}

has_files() {
	mount -o "ro$([[ $type == ext4 ]] || echo ,nouuid)" "/dev/mapper/$P-snap" "$T_DIR/look"
	equal "the files in the snapshot" "$sum" "$(cat "$T_DIR/look/data" "$T_DIR/look/old" | sha256sum)"
	umount "$T_DIR/look"
}

interposectl_cleans
copy=$(scratch b)
mkdir "$T_DIR/look"
cleanup unmount_if_there "$T_DIR/look"
for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" 200)
	at=$(mkfs_mounted "$type" "$dev")
	dd if=/dev/urandom of="$at/data" bs=1M count=16 conv=fsync status=none
	dd if=/dev/urandom of="$at/old" bs=1M count=40 conv=fsync status=none
	sum=$(cat "$at/data" "$at/old" | sha256sum)
	fio_verify_start load "$at" --size=1M --rate_iops=20
	interposectl_status 0 snapshot --name "$P-snap" --size 4M --file "$at/cow" "$at"
	says "interposectl monitor"
	dd if="/dev/mapper/$P-snap" of="$copy" bs=1M iflag=direct oflag=direct status=none
	rm "$at/old"
	sync -f "$at"

	grow_by 16
	[[ -e $at/cow.2 && -e $at/cow.3 ]] || fail "it has not grown twice"
	(($(sectors "/dev/mapper/$P-snap-cow") > 16 * 2048)) || fail "it has not grown enough"
	interposectl_status 0 --dry-run snapshot --extend "$P-snap" --size +2M
	says "fallocate -l 2097152 $at/cow." "dmsetup resume --noflush --nolockfs $P-snap-cow"
	interposectl_status 0 snapshot --extend "$P-snap" --size 28M
	equal "its size" $((28 * 2048)) "$(sectors "/dev/mapper/$P-snap-cow")"
	interposectl_status 0 snapshot --extend "$P-snap"
	extend_refused "already; use a larger --size" --size 20M
	extend_refused "there is no room for" --size +180M
	fio_verify_check load
	equal "blocks of the snapshot that have changed" "" "$(differs_outside snap "$copy")"
	has_files

	fallocate -l $(($(stat -fc '%a * %S' "$at") - 1024 * 1024)) "$at/much"
	extend_refused "there is no room for"
	rm "$at/much"
	interposectl_status 0 snapshot --name "$P-ram" --ram --size 4M "$at"
	interposectl_status 1 snapshot --extend "$P-ram"
	says "is neither a logical volume nor a file on its origin"
	interposectl_status 0 snapshot --remove "$P-ram"
	interposectl_status 1 snapshot --extend "$P-ram"
	says "there is no snapshot $P-ram"
	fio_verify_stop load
	interposectl_status 0 snapshot --remove "$P-snap"
	no_store_is_left "$at/cow"
	[[ ! -e $at/cow.2 && ! -e $at/cow.3 ]] || fail "a file is left"
	umount "$at"
	fsck_clean "$dev"
done
test_done
