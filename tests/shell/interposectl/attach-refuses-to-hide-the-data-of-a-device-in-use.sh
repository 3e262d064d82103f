#!/bin/bash
# timeout: 400
# Given a mounted ext4, and spare devices
# When interposectl is to attach inner targets, with their arguments in every wrong order, that would show other data than
#   the device's, or write over it
# Then each is refused and names --replace-data, nothing is attached, and the file system is whole; those that do no harm
#   are attached and detached; on a device without data all is allowed; swap, an unmounted file system, a partition table
#   and a device that is held count as in use
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target mirror era snapshot

# refused TEXT DEVICE INNER…
refused() {
	interposectl_status 1 attach --name "$P-x" "${@:2}"
	says "$1" "replace-data"
	not dm_exists "$P-x"
}

allowed() {
	interposectl_status 0 attach --name "$P-x" "$@"
	interposectl_status 0 detach "$P-x"
}

dev=$(partition "$(scratch a)" 64)
spare=$(partition "$(scratch b)" 64 64 64)
two=${spare%1}2 three=${spare%1}3
cleanup dm_remove_if_there "$P-x"
at=$(mkfs_mounted ext4 "$dev")
random_fill "$at/file" 4
before=$(device_sum "$at/file" 4)
number=$(devno "$dev")
mounted="/dev/${dev##*/} is mounted on $at, and "
link=$T_DIR/link
ln -s "$dev" "$link"
refused "${mounted}its users would see what is on $spare instead" "$at" linear "$spare" 0
refused "from sector 8 on" "$at" linear "$dev" 8
refused "what is on $spare" "$link" delay "$dev" 0 0 "$spare" 0 0
refused "copy its first leg, $spare, over it" "$dev" mirror core 1 1024 2 "$spare" 0 "$link" 0
refused "copy its first leg, $spare, over it" "$dev" mirror core 1 1024 2 "$spare" 0 "$number" 0
refused "without 'rebuild 1'" "$at" raid raid1 1 0 2 - "$dev" - "$spare"
refused "stripes of it" "$at" striped 2 128 "$dev" 0 "$spare" 0
refused "through 'crypt'" "$at" crypt aes-xts-plain64 "$(printf '00%.0s' {1..64})" 0 "$dev" 0
refused "read zeroes" "$at" zero
refused "would fail" "$at" error
refused "'era' would overwrite it" "$at" era "$dev" "$spare" 64
refused "'log-writes' would overwrite it" "$at" log-writes "$dev" "$dev"
refused "overwrite it with checksums" "$at" integrity "$dev" 0 - J 1 internal_hash:crc32c
refused "copy $spare over it" "$at" clone "$two" "$dev" "$spare" 256
refused "'drop_writes'" "$at" flakey "$dev" 0 1 1 1 drop_writes
refused "not known" "$at" nosuchtarget "$dev"
interposectl_status 1 attach --name "$P-x" "$at" "linear $spare 0"
not dm_exists "$P-x"
interposectl_status 1 attach --name "$P-x" "$at" 0 linear "$spare" 0
says "'0' is not a target"
interposectl_status 1 attach --name "$P-x" "$at" era /dev/nosuch "$dev" 64
says "/dev/nosuch: No such file or directory"
interposectl_status 1 attach --name "$P-x" "$at" era nosuch "$dev" 64
says "nosuch is not a block device"
random_fill "$two" 1
refused "$two does not begin with zeroes" "$at" cache "$two" "$three" "$dev" 128 1 writethrough smq 0
refused "$two does not begin with zeroes" "$at" snapshot "$dev" "$two" P 8
mkfs.ext4 -qF "$spare" 8M
refused "$spare holds data (ext4), and would be overwritten" "$at" log-writes "$dev" "$spare"
refused "$spare holds data (ext4), and would be overwritten" "$at" mirror core 1 1024 2 "$dev" 0 "$spare" 0
equal "the file" "$before" "$(device_sum "$at/file" 4)"
allowed "$at"
allowed "$at" linear "$link" 0
allowed "$at" era "$three" "$number" 128
allowed "$at" mirror core 1 1024 2 "$number" 0 "$two" 0
equal "the file" "$before" "$(device_sum "$at/file" 4)"
umount "$at"
fsck_clean "$dev"
refused "holds data (ext4), and its users" "$dev" linear "$two" 0
wipefs -qa "$dev"
allowed "$dev" linear "$two" 0
refused "holds data (dos), and its users" "${dev%1}" zero
held=$(linear_create held "$dev")
refused "is in use, and its users" "$dev" linear "$two" 0
mkswap "$held" >/dev/null
refused "holds data (swap), and its users" "$held" zero
test_done
