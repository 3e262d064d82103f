#!/bin/bash
# tier: full
# timeout: 600
# Given an ext4, and then an xfs, mounted and under verified load
# When the document's commands for moving it are run; then all of the old disk is overwritten, or all its I/O fails
# Then the load goes on without an error, the old disk gets no write, x cannot be removed before it is unpinned, and
#   the file system is mounted from the new disk, with all files and nothing to repair
. tests/lib/test.sh
. tests/lib/recipe.sh
. tests/lib/mirrored.sh
requires_target mirror

# the disk beneath has nothing that anybody needs
lose_the_old() {
	local beneath
	beneath=$(interposer_beneath x)
	equal "what is found on the old disk" "" "$(blkid -po value -s TYPE "$beneath" || true)"
	write_beneath x if=/dev/urandom bs=1M count="$mib"
	sum=$(device_sum "$beneath")
	[[ $type == ext4 ]] || dm_reload old "0 $size error"
	wait_redirected x 300
	expect_error "Device or resource busy" EBUSY -- dmsetup remove "$P-x"
	echo moved >"$at/moved"
	fio_seen_at load "/dev/mapper/$P-x"
	fio_verify_stop load
	load=$(dd if="$at/load.0.0" bs=1M iflag=direct status=none | sha256sum)
}

forget_the_old() {
	not dm_exists "$P-x"
	[[ $type == ext4 ]] || dmsetup remove "$P-old"
	equal "the old disk" "$sum" "$(device_sum "$(part a 1)")"
}

for type in ext4 xfs; do
	if [[ $type == ext4 ]]; then
		mirrored_begin ext4
	else
		mirrored_begin xfs mapped
	fi
	recipe_also olddisk
	recipe_run "Moving to another disk" 'umount *' lose_the_old 'mount *' forget_the_old
	equal "what is mounted" "$spare" "$(findmnt -no SOURCE "$at")"
	equal "a file from before" "$(sha256sum <"$T_DIR/kept")" "$(sha256sum <"$at/kept")"
	equal "a file from after" moved "$(<"$at/moved")"
	equal "the file of the load" "$load" "$(sha256sum <"$at/load.0.0")"
	umount "$at"
	fsck_clean "$spare"
done
test_done
