#!/bin/bash
# timeout: 60
# Given a disk in write-through mode, and another one with a write cache
# When a write with FUA is made on the first, raw and interposed with an inner target on the second
# Then it enters the second disk with FUA, and the first raw disk without
. tests/lib/test.sh
. tests/lib/tracing.sh

dev=$(scratch a) cached=$(scratch b)
cache=/sys/block/${dev#/dev/}/queue/write_cache
cleanup eval "echo 'write back' >$cache"
echo 'write through' >"$cache"

trace_events block_bio_queue

# writes DEV: what kinds of write with data were queued to it ("WFS": FUA and synchronous), since the last time
writes() {
	sed -n "s/.*block_bio_queue: $(devno "$1" | tr : ,) \(F*W[A-Z]*\) [0-9]* + [1-9].*/\1/p" "$tracing/trace"
}

dsync_write() {
	echo >"$tracing/trace"
	dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct,dsync conv=notrunc status=none
}

dsync_write
equal "write to the raw disk" WS "$(writes "$dev")"
interpose x "$dev" linear "$cached" 0
dsync_write
equal "write to the second disk" WFS "$(writes "$cached")"
test_done
