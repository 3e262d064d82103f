#!/bin/bash
# timeout: 300
# Given an ext4 on a linear mapped device, such as a logical volume, under a verified load
# When interposers on it come and go
# Then I/O goes through each, none fails, every block is verified, and e2fsck finds nothing
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose delay

dev=$(linear_create volume "$(scratch a)" 4096 262144)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --fdatasync=32
cycles 3 "$dev" linear
cycles 3 "$dev" delay
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
