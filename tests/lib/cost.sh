# shellcheck shell=bash
# Tests that count the instructions of an I/O with bench/guest source this file after test.sh.

# costs_measured TARGET…: of 4 KiB at a time, without a target and with each of these; and with io_uring, depth 32, reads
# without a target, and with linear and snapshot-origin
costs_measured() {
	local target
	for target in none "$@"; do
		printf 'null_blk %s 4096 %s sync 1 1\n' "$target" read "$target" write
		[[ $target != @(none|linear|snapshot-origin) ]] || echo "null_blk $target 4096 read uring 32 1"
	done >"$T_DIR/cells"
	bench/guest "$(program load)" "$T_DIR/cells" >"$T_DIR/out"
}

# instructions CONFIGURATION TARGET read|write|uring
instructions() {
	local count cell="$3 sync 1"
	[[ $3 != uring ]] || cell="read uring 32"
	count=$(sed -n "s/^$1 null_blk $2 4096 $cell 1 \([0-9.]*\) .*/\1/p" "$T_DIR/out")
	[[ $count ]] || fail "$1 $2 $3 was not measured"
	echo "${count%.*}"
}

# at_most PER-MILLE WHAT COUNT THAN-WHAT COUNT: the first count is at most so many thousandths of the second
at_most() {
	note "$2: $3; $4: $5; $(($3 * 1000 / $5)) thousandths, limit $1"
	(($5 > 2000)) || fail "$5 instructions are too few for an I/O: nothing was measured"
	(($3 * 1000 <= $5 * $1)) || fail "$2: $3 instructions, more than $1/1000 of $5, $4"
}

# interposed_at_most OPERATION TARGET PER-MILLE [PER-MILLE]: of an ordinary mapped device with the target; and of the device
# itself, nothing interposed
interposed_at_most() {
	local count
	count=$(instructions interposed "$2" "$1")
	at_most "$3" "$1, $2 interposed" "$count" 'as an ordinary device' "$(instructions classic "$2" "$1")"
	[[ ! ${4:-} ]] || at_most "$4" "$1, $2 interposed" "$count" 'the device itself' "$(instructions raw none "$1")"
}
