#!/bin/bash
# timeout: 600
# kernel: plain
# vm: --cpus 1 --qemu -icount --qemu shift=0,sleep=off
# Given a disk that completes at once, and a machine in which the time stamp counter counts instructions
# When 4 KiB are read and written on an ordinary mapped device with a target, and on a device with that interposed
# Then that takes at most 1.04 times as many instructions for linear, 1.05 times for flakey, era and snapshot-origin, and
#   1.005 times on a device beside an interposed one
. tests/lib/test.sh
requires_target interpose flakey era snapshot-origin

limits=('linear=1040' 'flakey=1050' 'era=1050' 'snapshot-origin=1050' 'snapshot-origin+1=1050')

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

for target in none "${limits[@]%=*}"; do
	printf 'null_blk %s 4096 %s sync 1 1\n' "$target" read "$target" write
done >"$T_DIR/cells"
bench/guest "$(program load)" "$T_DIR/cells" >"$T_DIR/out"

for operation in read write; do
	at_most 1005 "$operation beside an interposed device" "$(instructions other none "$operation")" \
		'nothing interposed' "$(instructions raw none "$operation")"
	for limit in "${limits[@]}"; do
		target=${limit%=*}
		at_most "${limit#*=}" "$operation, $target interposed" "$(instructions interposed "$target" "$operation")" \
			'as an ordinary device' "$(instructions classic "$target" "$operation")"
	done
done
test_done
