#!/bin/bash
# timeout: 400
# Given a mounted ext4 under verified load
# When each place in each ioctl of an interposer's life that allocates memory fails in turn
# Then the ioctl either succeeds or says so, succeeds when it is repeated, nothing is left behind, and no I/O fails
. tests/lib/test.sh
requires_target snapshot-origin

debug=/sys/kernel/debug
# By default only what cannot sleep is made to fail
fail_all_allocations() {
	local knob
	for knob in failslab fail_page_alloc; do
		echo N >"$debug/$knob/ignore-gfp-wait"
		echo 0 >"$debug/$knob/verbose"
	done
	echo N >"$debug"/fail_page_alloc/ignore-gfp-highmem
	echo 0 >"$debug"/fail_page_alloc/min-order
}

# sites_of OPERATION: how many places of it were made to fail, and how many of them it survived
sites_of() {
	local operation sites failed survived
	while read -r operation sites failed survived; do
		[[ $operation != "$1" ]] || echo "$sites"
	done <"$T_DIR/sites"
}

[[ -d $debug/failslab ]] || unmet "the kernel has no fault injection for allocations"
fail_all_allocations
modprobe dm-interpose
dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --size=8M --rate_iops=100
cleanup dm_remove_if_there "$P-x"
"$(program dm-fail-nth)" "$P-x" "$(sectors "$dev")" "$dev snapshot-origin" "$dev linear $dev 0" >"$T_DIR/sites"
cat "$T_DIR/sites"
# an injection that reaches nothing proves nothing
for operation in create load attach reload swap detach; do
	(($(sites_of "$operation") >= 3)) || fail "only $(sites_of "$operation") places of $operation were made to fail"
done
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
