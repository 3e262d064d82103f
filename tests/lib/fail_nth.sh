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

# fail_nth_begin: a mounted ext4 under load; sets $dev and $at
fail_nth_begin() {
	modprobe dm-interpose
	dev=$(partition "$(scratch a)" 64)
	at=$(mkfs_mounted ext4 "$dev")
	fio_verify_start load "$at" --size=8M --rate_iops=100
	cleanup dm_remove_if_there "$P-x"
}

fail_nth_end() {
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
}

# fail_nth [OPTION…]: "OPERATION SITES FAILED SURVIVED" of each operation
fail_nth() {
	local option=()
	[[ ${1:-} != --step ]] || {
		option=("$1" "$2")
		shift 2
	}
	"$(program dm-fail-nth)" "${option[@]}" "$P-x" "$(sectors "$dev")" "$dev 0 snapshot-origin" "$dev linear $dev 0" "$@"
}

# fail_each_allocation [OPERATION…]: of all operations, or of these, on a mounted ext4
fail_each_allocation() {
	local operation sites failed survived least
	fail_all_allocations
	fail_nth_begin
	fail_nth "$@" >"$T_DIR/sites"
	equal "operations that were tried" "$(($# > 0 ? $# : 18))" "$(wc -l <"$T_DIR/sites")"
	while read -r operation sites failed survived; do
		note "$operation: $sites places, failed $failed, survived $survived"
		# an injection that reaches nothing proves nothing
		case $operation in
		load) least=100 ;;
		attach) least=3 ;; # the freeze is in a work item, which the injection does not reach
		reload | detach) least=5 ;;
		swap*) least=1 ;;
		*) least=0 ;;
		esac
		((sites >= least)) || fail "only $sites places of $operation were made to fail"
		[[ $operation != *load ]] || ((failed > 0)) || fail "$operation was never refused"
	done <"$T_DIR/sites"
	fail_nth_end
}

# The functions that may fail are listed: FUNCTION CALLER RESULT
steps() {
	sed -n "s/^$1[[:space:]]\+//p" tests/faults/steps
}

# each_call_has_its_line: what the module calls is in the list, as what may fail or as what cannot
each_call_has_its_line() {
	local function pattern missing='' known listed=()
	while read -r _ pattern _; do
		listed+=("$pattern")
	done < <(grep '^[a-z]' tests/faults/steps)
	while read -r function; do
		known=''
		for pattern in "${listed[@]}"; do
			# shellcheck disable=SC2053 # a pattern on purpose
			[[ $function != $pattern ]] || known=1
		done
		[[ $known ]] || missing+=" $function"
	done < <(nm -u "$(modinfo -n dm-interpose)" | awk '{ print $2 }')
	equal "functions that dm-interpose calls and tests/faults/steps does not know" "" "$missing"
}

# fail_each_step: each call of each function that may fail, in each operation, on a mounted ext4
fail_each_step() {
	local function caller result operation sites failed survived sum unreached=''
	modprobe fail-step
	cleanup rmmod fail-step
	fail_nth_begin
	while read -r function caller result _; do
		fail_nth --step "$function $caller $result" >"$T_DIR/sites"
		sum=0
		while read -r operation sites failed survived; do
			((sites == 0)) || note "$function for $caller, $result: $operation: $sites calls, failed $failed, survived $survived"
			sum=$((sum + sites))
		done <"$T_DIR/sites"
		((sum > 0)) || unreached+=" $function"
		fio_verify_check load
	done < <(steps fails)
	fail_nth_end
	equal "functions that no operation calls" "" "$unreached"
}

# fail_each_step_of_modprobe: the module is not loaded then, and the next time it is
fail_each_step_of_modprobe() {
	local function caller result step=/sys/module/fail_step/parameters/step
	while read -r function caller result _; do
		! grep -q '^dm_interpose ' /proc/modules || rmmod dm-interpose
		echo "$function $caller 1 $result" >"$step"
		not modprobe dm-interpose 2>"$T_DIR/said"
		equal "calls of $function" 1 "$(<"$step")"
		echo >"$step"
		modprobe dm-interpose
		note "$function: $(<"$T_DIR/said")"
	done < <(steps loads)
}
