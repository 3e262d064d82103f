#!/bin/bash
# Given an interposed device with another table loaded, another mapped device in whose load the kernel waits with the
#   lock of all holder links, and two commands that wait for that lock: one makes the first line of a device, and one
#   takes away the last line of another
# When the interposer is suspended and resumed with the new table, and suspended and resumed again
# Then it waits for none of them: whoever has the lock may need memory, and that may need the I/O that is held
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

# suspend_and_resume WHILE
suspend_and_resume() {
	in_time 30 dmsetup suspend "$P-x" || fail "the suspend waits for $1"
	in_time 30 dmsetup resume "$P-x" || fail "the resume waits for $1"
	in_time 30 dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=notrunc status=none || fail "no write"
}

dev=$(partition "$(scratch a)" 64)
upper=$(partition "$(scratch b)" 32 32 32)
first=$(part b 2)
last=$(part b 3)
size=$(sectors "$dev")
interpose x "$dev" >"$T_DIR/node"
interpose last "$last" >"$T_DIR/node"
dm_create other "0 8 zero" >"$T_DIR/node"
dm_create first "0 8 zero" >"$T_DIR/node"
dmsetup load "$P-x" <<<"0 $size interpose $dev flakey $dev 0 3600 0"

cleanup go_on_there
echo sysfs_create_link >"$step"
begin dmsetup load "$P-other" --table "0 8 linear $upper 0"
pids=("$pid")
wait_until "the other load has the lock" 30 waits
suspend_and_resume "the load of a linear device"
equal "inner target" flakey "$(interposer_inner_type x)"
suspend_and_resume "the load of a linear device"

begin dmsetup load "$P-first" --table "0 $(sectors "$first") interpose $first linear $first 0"
pids+=("$pid")
wait_until "the first line waits for the lock" 30 stands_in "$pid" blk_interposer_claim
suspend_and_resume "the first line of another device"

begin dmsetup remove "$P-last"
pids+=("$pid")
wait_until "the last line waits for the lock" 30 stands_in "$pid" interpose_dtr
suspend_and_resume "the last line of another device"

waits || fail "the other load does not wait any more: nothing has been tested"
go_on_there
for pid in "${pids[@]}"; do
	wait "$pid" || fail "a command that had to wait has failed"
done
dmsetup remove "$P-x"
test_done
