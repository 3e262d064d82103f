#!/bin/bash
# tier: full
# timeout: 600
# Given an ext4, and then an xfs, mounted and under verified load
# When the document's commands for a copy on a second disk are run
# Then the second leg is, when x is suspended, byte by byte what is beneath; after the detach it does not change while
#   the file system does, can be mounted, and has what was written before that moment and nothing later
. tests/lib/test.sh
. tests/lib/recipe.sh
. tests/lib/mirrored.sh
requires_target mirror

write_before() {
	wait_redirected x
	echo before >"$at/before"
}

compare() {
	sum=$(device_sum "$(interposer_beneath x)")
	equal "the second leg" "$sum" "$(device_sum "$spare" "$mib")"
}

use_the_first() {
	echo after >"$at/after"
	wait_io "$dev"
	equal "the copy, later" "$sum" "$(device_sum "$spare" "$mib")"
	fio_verify_stop load
	umount "$at" # or xfs would not have two of the same identity
	fsck_clean "$dev"
}

use_the_second() {
	equal "a file of the copy" "$(sha256sum <"$T_DIR/kept")" "$(sha256sum <"$T_DIR/media/kept")"
	equal "what was written before" before "$(<"$T_DIR/media/before")"
	[[ ! -e $T_DIR/media/after ]] || fail "the copy has a file that is newer"
}

for type in ext4 xfs; do
	mirrored_begin "$type"
	recipe_run "A copy on a second disk" 'dmsetup suspend *' write_before 'dmsetup remove *' compare \
		'mount *' use_the_first 'umount *' use_the_second
	fsck_clean "$spare"
done
test_done
