# shellcheck shell=bash
# A mounted file system that gets a second leg on another disk. Source it after recipe.sh.

# mirrored_begin ext4|xfs [mapped]: mounted at $at, under load, with a file "kept" whose content is $T_DIR/kept. It is
# on $dev, a partition or a mapped device above that; $spare is a partition of the same size on another disk.
mirrored_begin() {
	mib=48
	dev=$(partition "$(scratch a)" "$mib")
	[[ ! ${2:-} ]] || dev=$(linear_create old "$dev")
	spare=$(partition "$(scratch b)" "$mib")
	recipe_for "$dev" "$T_DIR/mnt-${dev##*/}" "$spare"
	cleanup unpin_if_there x # a test that fails unmounts first, then this
	at=$(mkfs_mounted "$1" "$dev")
	dd if=/dev/urandom of="$T_DIR/kept" bs=1M count=1 status=none
	dd if="$T_DIR/kept" of="$at/kept" bs=1M conv=fsync status=none
	fio_verify_start load "$at" --size=8M
}
