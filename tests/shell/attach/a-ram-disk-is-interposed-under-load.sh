#!/bin/bash
# tier: full
# timeout: 300
# Given a RAM disk, whose driver takes bios and not requests, under a verified load
# When interposers on it come and go
# Then I/O goes through each, none fails, and every block is verified
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose delay

cleanup modprobe -qr brd
modprobe brd rd_nr=1 rd_size=131072
dev=/dev/ram0
wait_until "$dev is there" 10 test -b "$dev"
fio_verify_start load "$dev" --numjobs=2 --size=32M --offset_increment=32M
cycles 3 "$dev" linear
cycles 3 "$dev" delay
fio_verify_stop load
test_done
