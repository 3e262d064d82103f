#!/bin/bash
# tier: full
# timeout: 200
# Given a mounted ext4 under load, and a read that is stuck inside its interposer
# When the interposer is suspended, reloaded and wiped, each time until the file system is frozen and the read is
#   waited for, and dmsetup is killed there
# Then it ends at once, with the read still stuck; the file system is thawed and written, the old table is at work, and
#   what was begun can be carried out later
. tests/lib/test.sh
. tests/lib/recipe.sh
. tests/lib/kill.sh

is_held() {
	[[ $(interposer_state x) == held ]]
}

# killed_at_work WHAT COMMAND…: WHAT says whether the file system is frozen then
killed_at_work() {
	local frozen=$1
	shift
	note "$*"
	read_stuck
	begin "$@"
	wait_until "the gate is closed" 30 is_held
	wait_until "the read is waited for" 30 stands_in "$pid" dm_wait_for_completion
	[[ $frozen == flowing ]] || expect_error "freeze" EBUSY -- fsfreeze -f "$at"
	killed
	killed_ends
	stands_in "$reader" iomap_dio_rw || fail "the read is not stuck any more: nothing has been tested"
	equal "state" attached "$(interposer_state x)"
	equal "table" "$table" "$(dmsetup table "$P-x")"
	written
	wait_redirected x 10
	read_goes_on
}

low_mounted barrier=0
other_made
dm_create x "$through_other" >/dev/null
table=$(dmsetup table "$P-x")
wait_redirected x 20

killed_at_work frozen dmsetup suspend "$P-x"
dmsetup suspend "$P-x"
dmsetup resume "$P-x"

killed_at_work flowing dmsetup suspend --noflush --nolockfs "$P-x"

dmsetup load "$P-x" <<<"0 $(sectors "$low") interpose $low flakey $low 0 3600 0"
killed_at_work frozen dmsetup resume "$P-x"
equal "the table that waits" flakey "$(dmsetup table --inactive "$P-x" | cut -d' ' -f5)"
dmsetup resume "$P-x"
equal "inner target" flakey "$(interposer_inner_type x)"

dm_reload x "$through_other"
killed_at_work frozen dmsetup wipe_table "$P-x"
dmsetup clear "$P-x"
dmsetup resume "$P-x"
equal "state" attached "$(interposer_state x)"
dmsetup remove "$P-x"
written
low_unmounted
test_done
