# shellcheck shell=bash
# For tests that make allocations fail one after the other (tests/programs/dm-fail-nth.c), under load. They source
# this file after test.sh.

# By default only what cannot sleep is made to fail
fail_all_allocations() {
	local knob debug=/sys/kernel/debug
	[[ -d $debug/failslab ]] || unmet "the kernel has no fault injection for allocations"
	for knob in failslab fail_page_alloc; do
		echo N >"$debug/$knob/ignore-gfp-wait"
		echo 0 >"$debug/$knob/verbose"
	done
	echo N >"$debug/fail_page_alloc/ignore-gfp-highmem"
	echo 0 >"$debug/fail_page_alloc/min-order"
}

# fail_each_allocation [OPERATION…]: of all operations, or of these, on a mounted ext4
fail_each_allocation() {
	local dev at operation sites failed survived least
	fail_all_allocations
	modprobe dm-interpose
	dev=$(partition "$(scratch a)" 64)
	at=$(mkfs_mounted ext4 "$dev")
	fio_verify_start load "$at" --size=8M --rate_iops=100
	cleanup dm_remove_if_there "$P-x"
	"$(program dm-fail-nth)" "$P-x" "$(sectors "$dev")" "$dev snapshot-origin" "$dev linear $dev 0" "$@" >"$T_DIR/sites"
	equal "operations that were tried" "$(($# > 0 ? $# : 18))" "$(wc -l <"$T_DIR/sites")"
	while read -r operation sites failed survived; do
		note "$operation: $sites places, failed $failed, survived $survived"
		# an injection that reaches nothing proves nothing
		case $operation in
		load) least=100 ;;
		attach | reload | detach) least=5 ;;
		swap*) least=1 ;;
		*) least=0 ;;
		esac
		((sites >= least)) || fail "only $sites places of $operation were made to fail"
		[[ $operation != *load ]] || ((failed > 0)) || fail "$operation was never refused"
	done <"$T_DIR/sites"
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
}
