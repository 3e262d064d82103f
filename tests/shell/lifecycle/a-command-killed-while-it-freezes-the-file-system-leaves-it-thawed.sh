#!/bin/bash
# tier: full
# timeout: 200
# Given a mounted ext4 under load, on a device that does not answer for a while
# When dmsetup is killed while it freezes the file system for create, suspend, reload and remove, and the device answers
#   again
# Then dmsetup ends; after the command that the document names then (resume, remove) the file system is thawed and
#   written, nothing has failed, and the interposer does what it is told
. tests/lib/test.sh
. tests/lib/kill.sh

is_suspended() {
	[[ $(dmsetup info -c --noheadings -o suspended "$P-x") == Suspended ]]
}

# killed_in FUNCTION COMMAND…
killed_in() {
	local function=$1
	shift
	note "$*"
	stop low
	begin "$@"
	wait_until "the file system is being frozen" 30 stands_in "$pid" "$function"
	killed
	pause 1
	stands_in "$pid" "$function" || fail "the kill was heard: then this is not the place that the test is about"
	go_on low
	killed_ends
}

low_mounted
cleanup dm_remove_if_there "$P-x"
size=$(sectors "$low")

killed_in bdev_freeze dmsetup create "$P-x" --table "0 $size interpose $low linear $low 0"
written
dmsetup remove "$P-x"
written

interpose x "$low"
wait_redirected x 10
killed_in bdev_freeze dmsetup suspend "$P-x"
! is_suspended || dmsetup resume "$P-x"
written
equal "state" attached "$(interposer_state x)"

dmsetup load "$P-x" <<<"0 $size interpose $low flakey $low 0 3600 0"
killed_in bdev_freeze dmsetup resume "$P-x"
dmsetup resume "$P-x"
written
equal "inner target" flakey "$(interposer_inner_type x)"
equal "state" attached "$(interposer_state x)"

killed_in interpose_owner_dead dmsetup remove "$P-x"
not dmsetup info "$P-x" 2>"$T_DIR/said"
written
low_unmounted
test_done
