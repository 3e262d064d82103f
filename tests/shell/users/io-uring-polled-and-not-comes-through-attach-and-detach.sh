#!/bin/bash
# tier: full
# timeout: 240
# Given a raw partition under O_DIRECT loads through io_uring, and a device with queues for polling under polled ones
# When interposers with linear, snapshot-origin and delay come and go, and are suspended and resumed
# Then I/O goes through each, none fails, and every block is verified
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose snapshot delay

references_note
disk=$(scratch a)
scratch b >/dev/null
dev=$(partition "$disk" 96)
load() {
	fio_verify_start "$1" "$2" --ioengine=io_uring --size=32M "${@:3}"
}

load plain "$dev" --iodepth=16
load fixed "$dev" --offset=32M --fixedbufs=1 --registerfiles=1
cycles 2 "$dev" linear
cycles 1 "$dev" snapshot-origin
cycles 1 "$dev" delay
fio_verify_stop plain
fio_verify_stop fixed

polled=$(null_blk_create poll poll_queues=1 irqmode=0)
random_fill "$polled" 64 # a polled write that makes null_blk allocate memory is a bug of null_blk
load polled "$polled" --hipri --iodepth=8
load beside "$polled" --offset=32M
cycles 3 "$polled" linear
cycles 2 "$polled" delay
interpose x "$polled"
wait_redirected x
dmsetup suspend "$P-x"
dmsetup resume "$P-x"
wait_redirected x
dmsetup remove "$P-x"
fio_verify_stop polled
fio_verify_stop beside
null_blk_remove "${polled#/dev/}"
references_back "$disk"
test_done
