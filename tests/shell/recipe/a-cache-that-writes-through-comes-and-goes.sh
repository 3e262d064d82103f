#!/bin/bash
# tier: full
# timeout: 400
# Given an ext4, and then an xfs, mounted and under verified load
# When the document's commands for a cache that writes through are run, and a file is read and overwritten meanwhile
# Then reads and writes hit the cache, nothing in it is dirty, what is written is on the disk beneath at once, and after
#   the detach the file system is right on the disk alone
. tests/lib/test.sh
. tests/lib/recipe.sh
. tests/lib/cached.sh
requires_target cache

reads_hit() {
	read_kept >/dev/null
	(($(cached_count read_hits) >= blocks))
}

use_it() {
	local before
	wait_until "reads hit the cache" 100 reads_hit
	before=$(cached_count write_hits)
	write_kept
	(($(cached_count write_hits) - before >= blocks)) || fail "$before write hits, then $(cached_count write_hits)"
	beneath_is new
	equal "dirty blocks" 0 "$(cached_count dirty)"
	cached_early_ends
}

for type in ext4 xfs; do
	cached_begin "$type"
	recipe_run "A write-through SSD cache" 'dmsetup status *' use_it
	cached_end "$type"
done
test_done
