# shellcheck shell=bash
# A mounted file system that gets a cache, and what is in the cache and what is beneath. Source it after recipe.sh.

# cached_begin ext4|xfs: mounted at $at, on $dev, with a file "kept" whose content is $T_DIR/old, and under two loads.
# The cache is to have the partitions $spare, for its metadata, and ${spare%1}2.
cached_begin() {
	local first last
	dev=$(partition "$(scratch a)" 64)
	spare=$(partition "$(scratch b)" 8 32)
	recipe_for "$dev" "$T_DIR/mnt-${dev##*/}" "$spare" "${spare%1}2"
	cleanup unpin_if_there x # a test that fails unmounts first, then this
	at=$(mkfs_mounted "$1" "$dev")
	dd if=/dev/urandom of="$T_DIR/old" bs=1M count=1 status=none
	dd if=/dev/urandom of="$T_DIR/new" bs=1M count=1 status=none
	dd if="$T_DIR/old" of="$at/kept" bs=1M oflag=direct conv=fsync status=none
	read -r first last < <(file_sectors "$at/kept")
	# the cache's blocks of 128 sectors that hold nothing but this file
	block=$(((first + 127) / 128))
	blocks=$(((last + 1) / 128 - block))
	inside=$((block * 128 - first))
	((blocks >= 14)) || fail "only $blocks blocks are the file's own"
	fio_verify_start early "$at" --size=4M
	fio_verify_start load "$at" --size=4M
}

# cached_count NAME: a number of the cache's own status
cached_count() {
	local names=(metadata_block metadata block blocks read_hits read_misses write_hits write_misses demotions
		promotions dirty) values i
	read -ra values <<<"$(interposer_inner_status x)"
	for i in "${!names[@]}"; do
		[[ ${names[i]} != "$1" ]] || {
			echo "${values[i]}"
			return
		}
	done
	fail "no such count: $1"
}

# write_kept: the whole of the file, in place
write_kept() {
	dd if="$T_DIR/new" of="$at/kept" bs=1M oflag=direct conv=notrunc status=none
}

read_kept() {
	dd if="$at/kept" bs=1M iflag=direct status=none
}

# cached_overwrite: through a cache that writes back, which must not find a pause of the load to do so
cached_overwrite() {
	dmsetup message "$P-x" 0 migration_threshold 0
	write_kept
	write_kept
	(($(cached_count write_hits) >= blocks)) || fail "only $(cached_count write_hits) writes hit the cache"
	equal "the file" "$(sha256sum <"$T_DIR/new")" "$(read_kept | sha256sum)"
	(($(cached_count read_hits) >= blocks)) || fail "only $(cached_count read_hits) reads hit the cache"
}

# part_of FILE: what should be in those blocks
part_of() {
	dd if="$1" bs=512 skip="$inside" count=$((blocks * 128)) status=none | sha256sum
}

# beneath_is old|new: what the disk beneath the hook has in those blocks
beneath_is() {
	equal "the $1 content, beneath" "$(part_of "$T_DIR/$1")" "$(dd if="$(interposer_beneath x)" bs=64k \
		skip="$block" count="$blocks" iflag=direct status=none | sha256sum)"
}

# cached_early_ends: what that load has written, as the file system has it now
cached_early_ends() {
	fio_seen_at early "/dev/mapper/$P-x"
	fio_verify_stop early
	early=$(dd if="$at/early.0.0" bs=1M iflag=direct status=none | sha256sum)
}

# cached_files_are_right: not what the page cache has
cached_files_are_right() {
	equal "the file that was overwritten" "$(sha256sum <"$T_DIR/new")" "$(read_kept | sha256sum)"
	equal "the first load's file" "$early" "$(dd if="$at/early.0.0" bs=1M iflag=direct status=none | sha256sum)"
}

# cached_end ext4|xfs: the file system is right on the disk alone
cached_end() {
	not dm_exists "$P-x"
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
	mount -t "$1" "$dev" "$at"
	cached_files_are_right
	umount "$at"
}
