#!/bin/bash
# timeout: 300
# Given a raw partition under a verified load of 32 KiB blocks
# When interposers of three lines come and go, whose lines end amid such blocks and have different inner targets
# Then each line's inner target has its part of the I/O, none fails, and every block is verified
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose delay flakey

dev=$(partition "$(scratch a)" 64)
size=$(sectors "$dev")
a=40008 b=90056
fio_verify_start load "$dev" --bs=32k --fdatasync=32
for _ in 1 2 3; do
	dm_create x "0 $a interpose $dev linear $dev 0
$a $((b - a)) interpose $dev delay $dev $a 5
$b $((size - b)) interpose $dev flakey $dev $b 3600 0" >/dev/null
	wait_io_of "/sys/block/$(holder x)" 100
	[[ $(dmsetup status "$P-x") == *" linear"*" delay"*" flakey"* ]] || fail "three lines are not to be seen"
	dmsetup remove "$P-x"
done
fio_verify_stop load
test_done
