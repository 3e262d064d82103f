#!/bin/bash
# timeout: 60
# Given a process in a control group with limits for a disk, of I/Os a second (io.max) and of latency (io.latency)
# When it makes a known number of writes and reads on the disk, first raw and then interposed, where bios are mapped where they
#   are, and where they are redirected
# Then each counts once towards each limit, each time
. tests/lib/test.sh
. tests/lib/control_group.sh
. tests/lib/probes.sh

dev=$(scratch a)
control_group io
# nobody waits for these, but they are counted
echo "$(devno "$dev") riops=1000000 wiops=1000000" >"$group/io.max"
echo "$(devno "$dev") target=10000000" >"$group/io.latency"
limits=(__blk_throtl_bio blkcg_iolatency_throttle blkcg_iolatency_done_bio)
probes "${limits[@]}"

# counts N WHAT OPERANDS…: each limit is asked N times while dd runs
counts() {
	local n=$1 what=$2 limit
	shift 2
	probes_clear
	in_group dd bs=4k conv=notrunc status=none "$@"
	for limit in "${limits[@]}"; do
		equal "$what, calls of $limit" "$n" "$(calls "$limit")"
	done
}

for how in raw Y N; do
	if [[ $how != raw ]]; then
		direct_is "$how"
		interpose x "$dev" linear "$dev" 0 >"$T_DIR/node"
		how="interposed, direct $how"
	fi
	counts 100 "writes, $how" if=/dev/zero of="$dev" count=100 oflag=direct
	counts 50 "reads, $how" if="$dev" of=/dev/null count=50 iflag=direct
	[[ $how == raw ]] || dmsetup remove "$P-x"
done
test_done
