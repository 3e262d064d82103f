#!/bin/bash
# tier: full
# timeout: 120
# Given a mounted ext4, frozen by the suspend of its interposer, whose inner target era reads metadata from a disk that
#   does not answer for a while
# When dmsetup is killed while it resumes or creates such an interposer, and the disk answers again
# Then the create attaches nothing, and the next resume attaches it; the resume is completed all the same: the file system
#   is thawed and written, through the interposer
. tests/lib/test.sh
. tests/lib/kill.sh
requires_target era

# killed_in_era COMMAND…: dmsetup waits for I/O to the metadata
killed_in_era() {
	note "$*"
	stop meta
	begin "$@"
	wait_until "it waits inside the inner target" 30 stands_in "$pid" interpose_preresume
	killed
	pause 1
	stands_in "$pid" interpose_preresume || fail "the kill was heard: then this is not the place that the test is about"
	go_on meta
	killed_ends
}

low_mounted
meta=$(linear_create meta "$(scratch b)" 0 65536)
table="0 $(sectors "$low") interpose $low era $meta $low 64"
cleanup dm_remove_if_there "$P-x"

dmsetup create "$P-x" --notable
dmsetup load "$P-x" <<<"$table"
killed_in_era dmsetup resume "$P-x"
equal "state" detached "$(interposer_state x)"
written
dmsetup resume "$P-x"
equal "state" attached "$(interposer_state x)"
written

dmsetup suspend "$P-x"
killed_in_era dmsetup resume "$P-x"
equal "state" attached "$(interposer_state x)"
wait_redirected x 10
written
dmsetup remove "$P-x"
low_unmounted
test_done
