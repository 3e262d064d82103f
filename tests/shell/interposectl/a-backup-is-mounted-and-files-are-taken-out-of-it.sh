#!/bin/bash
# tier: full
# timeout: 600
# Given a backup of a mounted ext4, and one of a mounted xfs, which both still have what is in their journals
# When interposectl mounts it, beside the file system itself, restores files from it, and unmounts it
# Then the files are those of its moment; nothing is written to the image, and no file is replaced unasked, nor taken from
#   outside of the backup; no device is left
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
cleanup modprobe -r nbd
requires_module nbd
requires qemu-img qemu-nbd

not_connected() { ! compgen -G "/sys/block/nbd*/pid"; }

interposectl_cleans
mkdir "$T_DIR/look" "$T_DIR/to"
cleanup unmount_if_there "$T_DIR/look"
for type in ext4 xfs; do
	mib=48
	[[ $type == ext4 ]] || mib=320
	dev=$(partition "$(scratch a)" "$mib")
	at=$(mkfs_mounted "$type" "$dev")
	mkdir "$at/dir"
	echo old >"$at/dir/file"
	ln -s / "$at/out"
	interposectl_status 0 backup --ram --size 32M --to "$T_DIR/$type" --exec-after "echo new >$at/dir/file" "$at"
	sum=$(cat "$T_DIR/$type"/*.qcow2 | sha256sum)
	interposectl_status 0 backup mount "$T_DIR/$type" "$T_DIR/look"
	says "interposectl backup umount $T_DIR/look"
	equal "the file in the backup" old "$(<"$T_DIR/look/dir/file")"
	not touch "$T_DIR/look/dir/file"
	interposectl_status 0 backup umount "$T_DIR/look"
	wait_until "nothing is connected" 30 not_connected
	interposectl_status 0 restore --file dir/file --file /dir --to "$T_DIR/to" "$T_DIR/$type"
	equal "the file" old "$(<"$T_DIR/to/file")"
	equal "the directory" old "$(<"$T_DIR/to/dir/file")"
	interposectl_status 1 restore --file dir/file --to "$T_DIR/to" "$T_DIR/$type"
	says "is there already; to overwrite it, add --yes"
	interposectl_status 1 restore --file out/etc/passwd --to "$T_DIR/to" "$T_DIR/$type"
	says "out/etc/passwd is not in the backup"
	interposectl_status 1 backup umount "$at"
	says "no backup is mounted on $at"
	wait_until "nothing is connected" 30 not_connected
	equal "the images" "$sum" "$(cat "$T_DIR/$type"/*.qcow2 | sha256sum)"
	rm -r "$T_DIR/to/file" "$T_DIR/to/dir"
	umount "$at"
done
test_done
