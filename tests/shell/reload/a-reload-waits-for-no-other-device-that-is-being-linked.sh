#!/bin/bash
# Given an interposed device under load with another table loaded, and another mapped device in whose load the kernel
#   waits with the lock of all holder links
# When the interposer is suspended and resumed with the new table, and suspended and resumed again
# Then neither waits for that load: whoever has the lock may need memory, and that may need the I/O that is held
. tests/lib/test.sh
. tests/lib/kill.sh
requires_module delay-step
cleanup rmmod delay-step
step=/sys/module/delay_step/parameters/step

waits() {
	(($(<"$step")))
}

go_on_there() {
	echo >"$step"
}

dev=$(partition "$(scratch a)" 64)
upper=$(partition "$(scratch b)" 64)
size=$(sectors "$dev")
interpose x "$dev" >"$T_DIR/node"
dm_create other "0 8 zero" >"$T_DIR/node"
dmsetup load "$P-x" <<<"0 $size interpose $dev flakey $dev 0 3600 0"

cleanup go_on_there
echo sysfs_create_link >"$step"
begin dmsetup load "$P-other" --table "0 8 linear $upper 0"
wait_until "the other load has the lock" 30 waits
timeout 60 dmsetup suspend "$P-x" || fail "the suspend waits for the other load"
timeout 60 dmsetup resume "$P-x" || fail "the resume waits for the other load"
equal "inner target" flakey "$(interposer_inner_type x)"
timeout 60 dmsetup suspend "$P-x"
timeout 60 dmsetup resume "$P-x"
waits || fail "the other load does not wait any more: nothing has been tested"
timeout 60 dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=notrunc status=none || fail "no write"
go_on_there
wait "$pid"
dmsetup remove "$P-x"
test_done
