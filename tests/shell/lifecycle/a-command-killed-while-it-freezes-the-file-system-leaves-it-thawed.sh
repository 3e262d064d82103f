#!/bin/bash
# tier: full
# timeout: 200
# Given a mounted ext4 under load, on a device that does not answer for a while
# When dmsetup is killed while it freezes the file system for create, suspend and reload, and while remove waits for I/O,
#   and the device answers again
# Then dmsetup ends, for a freeze at once, for a removal when that is done; after the command that the document names
#   then (resume, remove) the file system is thawed and written, nothing has failed, and the interposer does what it is
#   told
. tests/lib/test.sh
. tests/lib/kill.sh

is_suspended() {
	[[ $(dmsetup info -c --noheadings -o suspended "$P-x") == Suspended ]]
}

freezes() {
	grep -qs bdev_freeze /proc/[0-9]*/stack
}

no_longer_freezes() {
	! freezes
}

# killed_freezing COMMAND…: it ends with the freeze still under way
killed_freezing() {
	note "$*"
	stop low
	begin "$@"
	wait_until "the freeze is waited for" 30 stands_in "$pid" interpose_job_do
	wait_until "the file system is being frozen" 30 freezes
	killed
	killed_ends
	freezes || fail "nobody freezes any more: nothing has been tested"
	go_on low
	wait_until "the freeze has ended" 60 no_longer_freezes
}

# killed_removing COMMAND…: the kill is not heard, and the removal is carried out
killed_removing() {
	note "$*"
	stop low
	begin "$@"
	wait_until "I/O is waited for" 30 stands_in "$pid" interpose_owner_dead
	killed
	pause 1
	# if the kill was heard, this is not the place that the test is about
	wait_until "the removal waits for I/O, killed" 30 stands_in "$pid" interpose_owner_dead
	go_on low
	killed_ends
}

low_mounted
cleanup dm_remove_if_there "$P-x"
size=$(sectors "$low")

killed_freezing dmsetup create "$P-x" --table "0 $size interpose $low linear $low 0"
written
dmsetup remove "$P-x"
written

interpose x "$low"
wait_redirected x 10
killed_freezing dmsetup suspend "$P-x"
! is_suspended || dmsetup resume "$P-x"
written
equal "state" attached "$(interposer_state x)"

dmsetup load "$P-x" <<<"0 $size interpose $low flakey $low 0 3600 0"
killed_freezing dmsetup resume "$P-x"
dmsetup resume "$P-x"
written
equal "inner target" flakey "$(interposer_inner_type x)"
equal "state" attached "$(interposer_state x)"

killed_removing dmsetup remove "$P-x"
not dmsetup info "$P-x" 2>"$T_DIR/said"
written
low_unmounted
test_done
