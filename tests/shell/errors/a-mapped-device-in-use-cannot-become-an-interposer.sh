#!/bin/bash
# timeout: 60
# Given a mounted mapped device
# When a table that interposes another disk is loaded into it and resumed
# Then the resume is refused with EBUSY and says why; with its old table again the file system goes on, undamaged
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a)
table="0 131072 linear $(scratch b) 0"
upper=$(dm_create x "$table")
at=$(mkfs_mounted ext4 "$upper")
refusals_begin
dmsetup load "$P-x" <<<"0 $(sectors "$dev") interpose $dev linear $dev 0"
expect_error "is mounted or claimed" EBUSY -- dmsetup resume "$P-x"
dm_reload x "$table"
dd if=/dev/urandom of="$at/file" bs=64k count=4 conv=fsync status=none
umount "$at"
fsck_clean "$upper"
undisturbed "$dev"
test_done
