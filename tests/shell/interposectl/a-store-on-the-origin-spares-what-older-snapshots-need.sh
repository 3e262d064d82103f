#!/bin/bash
# tier: full
# timeout: 600
# Given an ext4, and then an XFS, mounted, a snapshot with its COW store in a file there, and nothing free but where a file was
#   that has been removed since
# When that store is to be extended, and when a second snapshot is to have its own in a file there, and much is
#   written; the same with a snapshot of the disk as a power cut has left it
# Then the first snapshot has that file as it was; the extension is refused and leaves nothing
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target snapshot

# has_old: the file that has been removed
has_old() {
	mount -o "ro$([[ $type == ext4 ]] || echo ,nouuid)" "/dev/mapper/$P-one" "$T_DIR/look"
	equal "the removed file in the snapshot" "$sum" "$(sha256sum <"$T_DIR/look/old")"
	umount "$T_DIR/look"
}

interposectl_cleans
mkdir "$T_DIR/look"
copy=$(partition "$(scratch b)" 128)
cleanup unmount_if_there "$T_DIR/look"
for type in ext4 xfs; do
	dev=$(partition "$(scratch a)" 128)
	at=$(mkfs_mounted "$type" "$dev")
	dd if=/dev/urandom of="$at/data" bs=1M count=4 conv=fsync status=none
	dd if=/dev/urandom of="$at/old" bs=1M count=48 conv=fsync status=none
	sum=$(sha256sum <"$at/old")
	interposectl_status 0 snapshot --name "$P-one" --size 12M --file "$at/one" "$at"
	fallocate -l $(($(stat -fc '%a * %S' "$at") - 2 * 1024 * 1024)) "$at/much"
	rm "$at/old"
	sync -f "$at"

	interposectl_status 1 snapshot --extend "$P-one" --size +40M
	says "there is a snapshot that needs all but"
	[[ ! -e $at/one.2 ]] || fail "a file is left"
	equal "records" "$P-one" "$(ls /run/interposectl)"
	has_old

	# as much of it as can be, or it is refused
	interposectl snapshot --name "$P-two" --size 20M --file "$at/two" "$at" >"$T_DIR/said" 2>&1 || true
	said=$(<"$T_DIR/said")
	note "$said"
	says "older snapshot needs"
	dd if=/dev/urandom of="$at/data" bs=1M count=2 conv=notrunc,fsync status=none
	has_old
	[[ ! -e /run/interposectl/$P-two ]] || interposectl_status 0 snapshot --remove "$P-two"
	interposectl_status 0 snapshot --remove "$P-one"
	no_store_is_left "$at/one"
	no_store_is_left "$at/two"
	umount "$at"
	fsck_clean "$dev"

	note "power was cut before the first snapshot, and where the file lies is in the journal only"
	mount "$dev" "$at"
	rm -f "$at/much" "$at/data"
	dd if=/dev/urandom of="$at/old" bs=1M count=48 conv=fsync status=none
	sum=$(sha256sum <"$at/old")
	dd if="$dev" of="$copy" bs=1M iflag=direct oflag=direct status=none
	umount "$at"
	interposectl_status 0 snapshot --name "$P-one" --size 16M --ram "$copy"
	mount "$copy" "$at"
	fallocate -l $(($(stat -fc '%a * %S' "$at") - 2 * 1024 * 1024)) "$at/much"
	rm "$at/old"
	sync -f "$at"
	interposectl snapshot --name "$P-two" --size 20M --file "$at/two" "$at" >"$T_DIR/said" 2>&1 || true
	said=$(<"$T_DIR/said")
	note "$said"
	says "older snapshot needs"
	dd if=/dev/urandom of="$at/data" bs=1M count=1 conv=fsync status=none
	has_old
	[[ ! -e /run/interposectl/$P-two ]] || interposectl_status 0 snapshot --remove "$P-two"
	interposectl_status 0 snapshot --remove "$P-one"
	umount "$at"
	fsck_clean "$copy"
done
test_done
