#!/bin/bash
# timeout: 300
# Given a disk with an ext4 mounted from its first partition and loads on that and, raw, on its second
# When the whole disk is interposed, and freed again
# Then the I/O of either partition goes through, none fails, and all of it is where it belongs
. tests/lib/test.sh
requires_target interpose delay

disk=$(scratch a)
fs=$(partition "$disk" 96 96)
raw=${fs%1}2
at=$(mkfs_mounted ext4 "$fs")
for inner in "linear $disk 0" "delay $disk 0 10"; do
	fio_verify_start fs "$at" --fdatasync=16
	# shellcheck disable=SC2086 # the inner target and its arguments
	interpose x "$disk" $inner
	wait_redirected x 50
	fio_verify_start raw "$raw"
	fio_verify_stop fs
	wait_redirected x 50
	dmsetup remove "$P-x"
	wait_io "$raw"
	fio_verify_stop raw
done
umount "$at"
fsck_clean "$fs"
test_done
