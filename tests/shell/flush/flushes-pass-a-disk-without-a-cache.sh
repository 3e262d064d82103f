#!/bin/bash
# timeout: 60
# Given a disk in write-through mode, and another one with a write cache
# When an fsync is made on the first, raw and interposed with an inner target on the second
# Then raw neither disk sees a flush, and interposed the second one sees each
. tests/lib/test.sh

dev=$(scratch a) cached=$(scratch b)
cache=/sys/block/${dev#/dev/}/queue/write_cache
cleanup eval "echo 'write back' >$cache"
echo 'write through' >"$cache"
equal "cache of the second disk" "write back" "$(<"/sys/block/${cached#/dev/}/queue/write_cache")"

# flushes: of the first and of the second disk
flushes() {
	echo "$(io_stat "$dev" flushes) $(io_stat "$cached" flushes)"
}

fsync() {
	dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=fsync,notrunc status=none
}

read -r first second <<<"$(flushes)"
fsync
equal "flushes after an fsync on the raw disk" "$first $second" "$(flushes)"
interpose x "$dev" linear "$cached" 0
for n in 1 2 3; do
	fsync
	equal "flushes after $n fsyncs on the interposed disk" "$first $((second + n))" "$(flushes)"
done
dmsetup remove "$P-x"
fsync
equal "flushes after an fsync on the detached disk" "$first $((second + 3))" "$(flushes)"
test_done
