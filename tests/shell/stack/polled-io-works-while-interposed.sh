#!/bin/bash
# timeout: 60
# Given a device with queues for polling, interposed
# When io_uring makes polled I/O on it, with verification
# Then it completes without an error
. tests/lib/test.sh

dev=$(null_blk_create poll poll_queues=1 irqmode=0)
random_fill "$dev" 1 # a polled write that makes null_blk allocate memory is a bug of null_blk
polled() {
	fio --name=polled --filename="$dev" --size=1M --bs=4k --rw=randwrite --direct=1 --ioengine=io_uring --hipri \
		--iodepth=4 --verify=crc32c --verify_fatal=1 --output="$T_DIR/fio.log" ||
		{ cat "$T_DIR/fio.log" >&2; fail "polled I/O fails $1"; }
}
polled "on the raw device"
interpose x "$dev"
start=$(interposer_redirected x)
polled "on the interposed device"
equal "redirected" $((start + 512)) "$(interposer_redirected x)"
test_done
