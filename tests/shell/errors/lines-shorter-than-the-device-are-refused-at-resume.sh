#!/bin/bash
# timeout: 90
# Given a mounted ext4 under verified load
# When interpose lines cover less than its device
# Then the resume is refused, both lengths stand in the kernel log, the load does not notice, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(partition "$(scratch a)" 128)
size=$(sectors "$dev")
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at"
refusals_begin
refused "the interpose lines have $((size - 8)) sectors, but ${dev#/dev/} has $size" EINVAL \
	"0 $((size - 8)) interpose $dev linear $dev 0"
refused "the interpose lines have 4096 sectors, but ${dev#/dev/} has $size" EINVAL \
	"0 2048 interpose $dev linear $dev 0"$'\n'"2048 2048 interpose $dev linear $dev 2048"
undisturbed
wait_io "$dev"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
