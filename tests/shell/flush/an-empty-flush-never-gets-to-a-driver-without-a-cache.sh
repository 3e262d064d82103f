#!/bin/bash
# tier: full
# timeout: 300
# Given a compressed RAM disk, which has no write cache and a driver that takes a bio without data for a bug
# When interposers on it come and go while fio writes, verifies and syncs after each write
# Then no flush gets there, no I/O fails, and every block is verified
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose delay

cleanup modprobe -qr zram
modprobe zram num_devices=1
dev=/dev/zram0
wait_until "$dev is there" 10 test -b "$dev"
echo 96M >/sys/block/zram0/disksize
fio_verify_start load "$dev" --numjobs=2 --size=32M --offset_increment=32M --ioengine=psync --fdatasync=1 --rate_iops=0
cycles 15 "$dev" linear
cycles 5 "$dev" delay
fio_verify_stop load
test_done
