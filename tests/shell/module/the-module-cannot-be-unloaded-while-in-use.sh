#!/bin/bash
# timeout: 60
# Given an interposer, a table that only waits for its resume, and an opener of the disk beneath the hook
# When the module is to be unloaded while one of them is left
# Then that is refused as "in use"; when the last one is gone, it works, and loading it again too
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 64 64)
references=/sys/module/dm_interpose/refcnt

in_use() {
	expect_error "Module dm_interpose is in use" -- rmmod dm_interpose
	(($(<"$references") > 0)) || fail "$1 holds no reference to the module"
}

unused() {
	[[ $(<"$references") == 0 ]]
}

interpose x "$dev"
in_use "an interposer"
exec {opener}<"$(interposer_beneath x)"
dmsetup remove "$P-x"
in_use "an opener of the disk beneath"
exec {opener}<&-
wait_until "the opener is forgotten" 10 unused

dm_create y "" --notable
dmsetup load "$P-y" <<<"0 $(sectors "$dev") interpose $dev linear $dev 0"
in_use "a table that waits"
dmsetup remove "$P-y"
wait_until "the table is forgotten" 10 unused

rmmod dm_interpose
[[ ! -e /sys/module/dm_interpose ]] || fail "the module is still there"
not grep -w interpose /proc/devices
interpose x "$dev"
equal "state" attached "$(interposer_state x)"
test_done
