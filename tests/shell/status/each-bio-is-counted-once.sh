#!/bin/bash
# timeout: 60
# Given an interposed partition that nobody else uses
# When a known number of reads, writes and flushes is made on it
# Then the count of redirected bios grows by exactly that number; I/O beneath the hook is not counted
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 64)
interpose x "$dev"
beneath=$(interposer_beneath x)
start=$(interposer_redirected x)

# counted N WHAT: since the start
counted() {
	equal "redirected after $2" $((start + $1)) "$(interposer_redirected x)"
}

dd if=/dev/zero of="$dev" bs=4k count=64 oflag=direct status=none
counted 64 "64 writes"
dd if="$dev" of=/dev/null bs=8k count=32 iflag=direct status=none
counted 96 "32 reads"
dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=fsync status=none
counted 98 "a write and a flush"
write_beneath x if=/dev/zero bs=4k count=16
dd if="$beneath" of=/dev/null bs=4k count=16 iflag=direct status=none
counted 98 "I/O beneath the hook"
test_done
