#!/bin/bash
# timeout: 60
# Given a process in a control group with a limit (io.max) for a disk
# When it makes a known number of writes and reads on the disk, first raw and then interposed
# Then each counts once towards the limit, both times
. tests/lib/test.sh
. tests/lib/io_group.sh

tracing=/sys/kernel/tracing
[[ -e $tracing/kprobe_events ]] || unmet "the kernel has no kprobe events"
dev=$(scratch a)
io_group
# nobody waits for this limit, but it is counted
echo "$(devno "$dev") riops=1000000 wiops=1000000" >"$group/io.max"

cleanup probe_remove
probe_remove() {
	[[ ! -d $tracing/events/kprobes/throttle ]] || {
		echo 0 >"$tracing/events/kprobes/throttle/enable"
		echo "-:throttle" >>"$tracing/kprobe_events"
	}
}
echo "p:throttle __blk_throtl_bio" >>"$tracing/kprobe_events"
echo 1 >"$tracing/events/kprobes/throttle/enable"

# counted OPERANDS…: how often the limit was looked at while dd ran
counted() {
	: >"$tracing/trace"
	dd_in_group "$@"
	grep -c ' throttle: ' "$tracing/trace" || true
}

for how in raw interposed; do
	[[ $how == raw ]] || interpose x "$dev" linear "$dev" 0 >"$T_DIR/node"
	equal "writes counted, $how" 100 "$(counted if=/dev/zero of="$dev" count=100 oflag=direct)"
	equal "reads counted, $how" 50 "$(counted if="$dev" of=/dev/null count=50 iflag=direct)"
done
dmsetup remove "$P-x"
test_done
