#!/bin/bash
# tier: full
# timeout: 900
# kernel: plain
# vm: --cpus 2 --qemu -icount --qemu shift=0
# Given a disk that completes at once, in a machine whose time is the instructions it has executed, and four threads that
#   read and write it, raw and in a mounted ext4
# When it is attached and detached
# Then the longest I/O meanwhile is, the file system's freeze aside, at most three times the longest while nothing happens;
#   what a detach adds is one grace period of DM core's at most, which is less than the freeze
. tests/lib/test.sh
requires_target interpose

bench/stalls "$(program stall)" --rounds=5 --window=400 >"$T_DIR/out"

# longest USE OPERATION least|median|most, in ticks
longest() {
	local -a ticks
	mapfile -t ticks < <(sed -n "s/^fast $1 $2 [0-9]* \([0-9]*\) .*/\1/p" "$T_DIR/out" | sort -n)
	equal "rounds of $1 $2" 5 ${#ticks[@]}
	case $3 in
	least) echo "${ticks[0]}" ;;
	median) echo "${ticks[2]}" ;;
	most) echo "${ticks[4]}" ;;
	esac
}

# at_most WHAT LIMIT TICKS
at_most() {
	note "$1: $3 ticks; limit: $2"
	(($3 > 1000)) || fail "$1: $3 ticks are too few for an I/O: nothing was measured"
	(($3 <= $2)) || fail "$1: $3 ticks, more than $2"
}

raw=$(longest raw none most) ext4=$(longest ext4 none most) freeze=$(longest ext4 freeze median)
at_most 'attach, raw' $((3 * raw)) "$(longest raw attach median)"
at_most 'attach, ext4' $((freeze + 3 * ext4)) "$(longest ext4 attach median)"
at_most 'detach, raw, at best' $((3 * raw)) "$(longest raw detach least)"
at_most 'detach, raw' $((freeze + 3 * raw)) "$(longest raw detach median)"
at_most 'detach, ext4' $((2 * freeze)) "$(longest ext4 detach median)"
test_done
