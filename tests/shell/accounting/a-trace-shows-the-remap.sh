#!/bin/bash
# timeout: 60
# Given an interposed partition, and the trace events of the block layer, which blktrace shows
# When a block is written
# Then there is one remap event from the partition to the interposer, with the right sectors, and the write is issued
#      to the disk once
. tests/lib/test.sh
. tests/lib/tracing.sh

dev=$(partition "$(scratch a)" 64)
start=$(<"$(sysfs_dir "$dev")/start")
interpose x "$dev" linear "$dev" 0
trace_events block_bio_remap block_rq_issue
dd if=/dev/zero of="$dev" bs=4k count=1 seek=3 oflag=direct conv=notrunc status=none
trace_stop block_bio_remap block_rq_issue

# "254,1 WS 24 + 8 <- (254,0) 2072": to device and sector, from device and sector
numbers() { stat -Lc '%Hr,%Lr' "$1"; }
disk=$(numbers "$(disk a)") part=$(numbers "$dev") owner=$(numbers "/dev/mapper/$P-x")
trace=$(<"$tracing/trace")
grep block_ <<<"$trace" >&2 || true
remaps=$(grep -cE "block_bio_remap: $owner W[A-Z]* 24 \+ 8 <- \((${disk}|${part})\) ($((start + 24))|24)" <<<"$trace") || true
equal "remaps to the interposer" 1 "$remaps"
issues=$(grep -cE "block_rq_issue: $disk W[A-Z]* .* $((start + 24)) \+ 8 " <<<"$trace") || true
equal "requests to the disk" 1 "$issues"
test_done
