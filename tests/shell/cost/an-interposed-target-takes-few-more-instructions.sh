#!/bin/bash
# tier: full
# timeout: 600
# kernel: plain
# vm: --cpus 1 --qemu -icount --qemu shift=0,sleep=off
# Given a disk that completes at once, and a machine in which the time stamp counter counts instructions
# When 4 KiB are read and written on an ordinary mapped device with a target, and on a device with that interposed
# Then that takes at most 1.04 times as many instructions for linear, and 1.05 times for flakey, era and snapshot-origin
. tests/lib/test.sh
requires_target interpose flakey era snapshot-origin

limits=('linear=1.04' 'flakey=1.05' 'era=1.05' 'snapshot-origin=1.05' 'snapshot-origin+1=1.05')

# instructions CONFIGURATION TARGET OPERATION
instructions() {
	local count
	count=$(sed -n "s/^$1 null_blk $2 4096 $3 sync 1 1 \([0-9.]*\) .*/\1/p" "$T_DIR/out")
	[[ $count ]] || fail "$1 $2 $3 was not measured"
	echo "${count%.*}"
}

for limit in "${limits[@]}"; do
	printf 'null_blk %s 4096 %s sync 1 1\n' "${limit%=*}" read "${limit%=*}" write
done >"$T_DIR/cells"
bench/guest "$(program load)" "$T_DIR/cells" >"$T_DIR/out"

for limit in "${limits[@]}"; do
	for operation in read write; do
		target=${limit%=*} percent=${limit#*1.}
		classic=$(instructions classic "$target" "$operation")
		interposed=$(instructions interposed "$target" "$operation")
		note "$target, $operation: $interposed, as an ordinary device $classic"
		((classic > 2000)) || fail "$classic instructions are too few for an I/O: nothing was measured"
		((interposed * 100 <= classic * (100 + 10#$percent))) ||
			fail "$target, $operation: $interposed instructions, more than 1.$percent times $classic"
	done
done
test_done
