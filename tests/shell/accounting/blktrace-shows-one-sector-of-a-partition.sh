#!/bin/bash
# timeout: 120
# Given a partition of a disk with requests, and one of a disk with bios alone
# When blocks are written and read, without an interposer and with one, and the kernel's blktrace looks at the partition
#   and at the disk
# Then the completions (C) have the sectors that they have without, which are those of the queued bios (Q)
. tests/lib/test.sh

tracing=/sys/kernel/tracing
grep -qw blk "$tracing/available_tracers" || unmet "the kernel has no blktrace"
cleanup tracer nop
tracer() { echo "$1" >"$tracing/current_tracer"; }
tracer blk

# traced DEV: "Q W 2072 + 8" and so on: what was queued and completed, each once
traced() {
	local enable
	enable=$(sysfs_dir "$1")/trace/enable
	: >"$tracing/trace"
	echo 1 >"$enable"
	dd if=/dev/zero of="$part" bs=4k count=2 seek=3 oflag=direct conv=notrunc status=none
	dd if="$part" of=/dev/null bs=8k count=1 skip=5 iflag=direct status=none
	sed -nE 's/^.* ([QC]) +([RW])[A-Z]* ([0-9]+ \+ [0-9]+) .*/\1 \2 \3/p' "$tracing/trace" | sort -u
	echo 0 >"$enable"
}

# same DISK PART
same() {
	local part=$2 start bare seen looked wanted
	start=$(<"$(sysfs_dir "$part")/start")
	for looked in "$1" "$2"; do
		bare=$(traced "$looked")
		for wanted in "W $((start + 24)) + 8" "W $((start + 32)) + 8" "R $((start + 80)) + 16"; do
			grep -qxF "Q $wanted" <<<"$bare" || fail "no Q $wanted on $looked without an interposer: $bare"
			grep -qxF "C $wanted" <<<"$bare" || fail "no C $wanted on $looked without an interposer: $bare"
		done
		interpose x "$part" linear "$part" 0 >"$T_DIR/node"
		seen=$(traced "$looked")
		dmsetup remove "$P-x"
		equal "what is seen at $looked" "$bare" "$seen"
	done
}

disk=$(scratch a)
same "$disk" "$(partition "$disk" 64)"
bios=$(null_blk_create bios queue_mode=0)
same "$bios" "$(partition "$bios" 64)"
test_done
