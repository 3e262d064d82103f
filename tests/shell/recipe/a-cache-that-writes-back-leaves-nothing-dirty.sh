#!/bin/bash
# tier: full
# timeout: 500
# Given an ext4, and then an xfs, mounted and under verified load
# When the document's commands for a cache that writes back are run, and a file is overwritten and read meanwhile
# Then both hit the cache; the disk beneath has the old content before the cache is cleaned, and the new one when
#   nothing is dirty, which stays so under load; after the detach the file system is right on the disk alone
. tests/lib/test.sh
. tests/lib/recipe.sh
. tests/lib/cached.sh
requires_target cache

use_it() {
	cached_overwrite
	(($(cached_count dirty) >= blocks)) || fail "only $(cached_count dirty) blocks are dirty"
}

look_beneath() {
	beneath_is old
}

look_again() {
	beneath_is new
	cached_early_ends
	wait_redirected x
	equal "dirty blocks" 0 "$(cached_count dirty)"
}

for type in ext4 xfs; do
	cached_begin "$type"
	recipe_run "A write-back SSD cache" 'dmsetup status *' use_it 'dmsetup load *' look_beneath \
		'*unpin' look_again
	cached_end "$type"
done
test_done
