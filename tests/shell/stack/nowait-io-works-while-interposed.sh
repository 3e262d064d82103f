#!/bin/bash
# timeout: 60
# Given an interposed disk that can take I/O without waiting
# When I/O that must not wait is made on it, by io_uring and by preadv2 with RWF_NOWAIT
# Then it completes, and is not refused as unsupported, on the disk and on the one beneath
. tests/lib/test.sh

# without_waiting NAME DEV [fio options]: 200 I/Os
without_waiting() {
	local name=$1 dev=$2
	shift 2
	fio --name="$name" --filename="$dev" --size=4M --bs=4k --direct=1 --number_ios=200 "$@" \
		--nowait=1 --output="$T_DIR/fio.log" || {
		cat "$T_DIR/fio.log" >&2
		fail "$name without waiting fails on $dev"
	}
}

dev=$(scratch a)
interpose x "$dev"
start=$(interposer_redirected x)
without_waiting uring "$dev" --ioengine=io_uring --iodepth=4 --rw=randrw
without_waiting preadv2 "$dev" --ioengine=pvsync2 --rw=randread
without_waiting preadv2 "$(interposer_beneath x)" --ioengine=pvsync2 --rw=randread
(($(interposer_redirected x) >= start + 400)) || fail "only $(($(interposer_redirected x) - start)) redirected"
test_done
