#!/bin/bash
# timeout: 60
# Given an interposed disk that can take I/O without waiting
# When I/O that must not wait is made on it, by io_uring and by preadv2 with RWF_NOWAIT
# Then it completes, and is not refused as unsupported
. tests/lib/test.sh

dev=$(scratch a)
interpose x "$dev"
start=$(interposer_redirected x)
fio --name=uring --filename="$dev" --size=4M --bs=4k --rw=randrw --direct=1 --ioengine=io_uring --nowait=1 \
	--iodepth=4 --number_ios=200 --output="$T_DIR/fio.log" ||
	{ cat "$T_DIR/fio.log" >&2; fail "io_uring without waiting fails"; }
fio --name=pvsync --filename="$dev" --size=4M --bs=4k --rw=randread --direct=1 --ioengine=pvsync2 --nowait=1 \
	--number_ios=200 --output="$T_DIR/fio.log" ||
	{ cat "$T_DIR/fio.log" >&2; fail "preadv2 without waiting fails"; }
(($(interposer_redirected x) >= start + 400)) || fail "only $(($(interposer_redirected x) - start)) redirected"
test_done
