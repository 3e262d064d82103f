# shellcheck shell=bash
# Tests that count the instructions of an I/O with bench/guest source this file after test.sh.

# costs_measured TARGET=PER-MILLE…: of 4 KiB at a time, without a target and with each of these; the number is how many
# thousandths of the instructions of an ordinary mapped device the interposed one may take
costs_measured() {
	local target
	limits=("$@")
	for target in none "${limits[@]%=*}"; do
		printf 'null_blk %s 4096 %s sync 1 1\n' "$target" read "$target" write
	done >"$T_DIR/cells"
	bench/guest "$(program load)" "$T_DIR/cells" >"$T_DIR/out"
}

# instructions CONFIGURATION TARGET OPERATION
instructions() {
	local count
	count=$(sed -n "s/^$1 null_blk $2 4096 $3 sync 1 1 \([0-9.]*\) .*/\1/p" "$T_DIR/out")
	[[ $count ]] || fail "$1 $2 $3 was not measured"
	echo "${count%.*}"
}

# at_most PER-MILLE WHAT COUNT THAN-WHAT COUNT: the first count is at most so many thousandths of the second
at_most() {
	note "$2: $3; $4: $5"
	(($5 > 2000)) || fail "$5 instructions are too few for an I/O: nothing was measured"
	(($3 * 1000 <= $5 * $1)) || fail "$2: $3 instructions, more than $1/1000 of $5, $4"
}

# interposed_at_most OPERATION: each target that was measured
interposed_at_most() {
	local limit target
	for limit in "${limits[@]}"; do
		target=${limit%=*}
		at_most "${limit#*=}" "$1, $target interposed" "$(instructions interposed "$target" "$1")" \
			'as an ordinary device' "$(instructions classic "$target" "$1")"
	done
}
