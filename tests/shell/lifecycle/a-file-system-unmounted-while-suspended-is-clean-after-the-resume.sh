#!/bin/bash
# tier: full
# timeout: 90
# Given an ext4 that is written to and whose interposer is suspended, which has frozen it
# When it is unmounted, and then the interposer is resumed, removed, or wiped
# Then the unmount is completed: nobody has the device open, the file system is clean, and can be mounted again
. tests/lib/test.sh
requires perl

# unmounted: not only out of sight, as until then, but no longer in use
unmounted() {
	perl -MFcntl -e 'sysopen(my $device, $ARGV[0], O_RDONLY | O_EXCL) or exit 1' "$dev"
}

dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
for end in resume remove wipe_table; do
	interpose x "$dev"
	printf '%s\n' {1..2000} >"$at/$end"
	dmsetup suspend "$P-x"
	umount "$at"
	not unmounted
	dmsetup "$end" "$P-x"
	wait_until "the file system is gone" 30 unmounted
	fsck_clean "$dev"
	dm_remove_if_there "$P-x"
	mount "$dev" "$at"
	equal "$end: last line of what was written" 2000 "$(tail -n 1 "$at/$end")"
done
umount "$at"
fsck_clean "$dev"
test_done
