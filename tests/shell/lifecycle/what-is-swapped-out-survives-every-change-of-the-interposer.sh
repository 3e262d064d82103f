#!/bin/bash
# tier: full
# timeout: 200
# Given a process that has twice the memory that it may keep, so that the rest is on a swap partition
# When an interposer is created on that, reloaded by load and resume alone, suspended and resumed, and removed
# Then the process goes on, with pages written out and read back through the interposer, and finds its memory as it was
. tests/lib/test.sh
. tests/lib/control_group.sh
. tests/lib/users.sh
requires_target flakey

# passing: 16 MiB are read into one buffer and written out of it, over and over, in a group that is to keep 8
passing() {
	trap - ERR
	echo "$BASHPID" >"$group/cgroup.procs"
	until [[ -e $T_DIR/enough ]]; do
		dd if="$T_DIR/data" bs=16M count=1 iflag=fullblock status=none | cmp - "$T_DIR/data" || return
		echo "pass" >>"$T_DIR/passes"
	done
}

passes() {
	local lines
	mapfile -t lines <"$T_DIR/passes"
	((${#lines[@]} >= $1))
}

# passes_on: what was swapped out before is read, and the same once more
passes_on() {
	local lines
	mapfile -t lines <"$T_DIR/passes"
	wait_until "the process comes round" 100 passes $((${#lines[@]} + 2))
}

control_group memory
group_keeps 8M
dev=$(partition "$(scratch a)" 64)
swap_on "$dev"
random_fill "$T_DIR/data" 16
: >"$T_DIR/passes"
cleanup touch "$T_DIR/enough"
passing &
passer=$!
wait_until "a pass is over" 60 passes 1

interpose x "$dev"
passes_on
dmsetup load "$P-x" <<<"0 $(sectors "$dev") interpose $dev flakey $dev 0 3600 0"
dmsetup resume "$P-x"
equal "inner target" flakey "$(interposer_inner_type x)"
passes_on
dmsetup suspend "$P-x"
pause 1
dmsetup resume "$P-x"
passes_on
equal "state" attached "$(interposer_state x)"
for dir in reads writes; do
	(($(io_stat "/dev/mapper/$P-x" $dir) >= 500)) || fail "few $dir through the interposer: nothing was swapped"
done
dmsetup remove "$P-x"
passes_on
: >"$T_DIR/enough"
wait "$passer" || fail "the process has found other memory than it had"
swapoff "$dev"
test_done
