#!/bin/bash
# timeout: 60
# Given an interposed disk that one user keeps open, and another opens and closes; and one with a mounted ext4
# When the second one closes it
# Then what is cached stays: it is read again without I/O, and what is dirty is written when the first one closes it
. tests/lib/test.sh

dev=$(scratch a)
mounted=$(scratch b)
at=$(mkfs_mounted ext4 "$mounted")
interpose x "$dev"
interpose y "$mounted"

# reads_of DEV COMMAND…: how many reads of the disk that makes
reads_of() {
	local before
	before=$(io_stat "$1" reads)
	"${@:2}" >&2
	echo $(($(io_stat "$1" reads) - before))
}

first_mib() {
	dd if="$1" of=/dev/null bs=1M count=1 status=none
}

exec 5<"$dev"
(($(reads_of "$dev" first_mib "$dev") > 0)) || fail "the page cache was not empty: the test is broken"
first_mib "$dev"
equal "reads with a user who keeps it open" 0 "$(reads_of "$dev" first_mib "$dev")"
exec 5<&-
(($(reads_of "$dev" first_mib "$dev") > 0)) || fail "the page cache was kept after the last close"

first_mib "$mounted"
equal "reads of a mounted device" 0 "$(reads_of "$mounted" first_mib "$mounted")"
dd if=/dev/urandom of="$at/file" bs=1M count=2 status=none
first_mib "$mounted"
dmsetup remove "$P-x"
dmsetup remove "$P-y"
umount "$at"
fsck_clean "$mounted"
test_done
