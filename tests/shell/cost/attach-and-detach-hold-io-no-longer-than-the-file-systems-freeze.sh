#!/bin/bash
# tier: full
# timeout: 900
# kernel: plain
# vm: --cpus 2 --qemu -icount --qemu shift=0
# Given a disk that completes at once, in a machine whose time is the instructions it has executed, and four threads that
#   read and write it, raw and in a mounted ext4
# When it is attached, suspended and resumed, given another table, and detached
# Then the longest I/O meanwhile is, the file system's freeze aside, at most three times the longest while nothing happens
. tests/lib/test.sh
requires_target interpose

bench/stalls "$(program stall)" --rounds=5 --window=400 >"$T_DIR/out"

# longest USE OPERATION median|most, in ticks
longest() {
	local -a ticks
	mapfile -t ticks < <(sed -n "s/^fast $1 $2 [0-9]* \([0-9]*\) .*/\1/p" "$T_DIR/out" | sort -n)
	equal "rounds of $1 $2" 5 ${#ticks[@]}
	case $3 in
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
for operation in attach suspend reload detach; do
	at_most "$operation, raw" $((3 * raw)) "$(longest raw "$operation" median)"
	at_most "$operation, ext4" $((freeze + 3 * ext4)) "$(longest ext4 "$operation" median)"
done
test_done
