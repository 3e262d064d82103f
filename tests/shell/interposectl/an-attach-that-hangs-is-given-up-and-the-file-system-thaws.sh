#!/bin/bash
# tier: full
# timeout: 400
# Given a mounted ext4 under load on a mapped device, and a read in that device that is stuck and cannot be pushed back
# When interposectl attaches it, from the command line and for a snapshot, with a limit of five seconds, and when it is
#   interrupted or killed while it waits
# Then it ends with the read still stuck, and names the device; neither a mapped device nor a record is left, or after a
#   kill, after "recover"; when the read completes, the file system is thawed and takes writes, and an attach works
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/recipe.sh
. tests/lib/kill.sh
requires_target snapshot

# nothing_is_left: before the read goes on, and with it the other I/O, which the device holds until then
nothing_is_left() {
	stands_in "$reader" iomap_dio_rw || fail "the read is not stuck any more: nothing has been tested"
	equal "mapped devices" "$P-low $P-other" "$(dmsetup ls | cut -f1 | sort | xargs)"
	equal "records" "" "$(ls /run/interposectl)"
	equal "semaphores" "$semaphores" "$(ipcs -s | wc -l)"
	read_goes_on
	written
}

# given_up COMMAND…
given_up() {
	local status=0
	note "$*"
	read_stuck
	said=$(in_time 60 "$INTERPOSECTL" "$@" 2>&1) || status=$?
	note "$said"
	equal "status" 1 "$status"
	says "given up after 5 seconds: $low"
	nothing_is_left
}

# begin_to_wait: an attach has frozen the file system, and waits for the read
begin_to_wait() {
	read_stuck
	begin "$INTERPOSECTL" attach --timeout 600 --name "$P-x" "$low"
	wait_until "the read is waited for" 60 waits
	expect_error "freeze" EBUSY -- fsfreeze -f "$at"
}

waits() {
	local child
	child=$(pgrep -P "$pid") && stands_in "$child" interpose_job_do && grep -qs dm_wait_for_completion /proc/[0-9]*/stack
}

interposectl_cleans
low_mounted barrier=0
other_made
low_through_other
semaphores=$(ipcs -s | wc -l)

given_up attach --timeout 5 --name "$P-x" "$low"
given_up snapshot --timeout 5 --ram --size 4M --name "$P-snap" "$at"

begin_to_wait
kill -INT "$pid"
status=0
wait "$pid" || status=$?
equal "status of the interrupted command" 3 "$status"
nothing_is_left

begin_to_wait
killed
killed_ends
interposectl_status 0 recover
says "'attach-$P-x' was not completed, and is undone"
nothing_is_left

interposectl_status 0 attach --timeout 600 --name "$P-x" "$low"
wait_redirected x 10
interposectl_status 0 detach "$P-x"
low_unmounted
dmsetup remove "$P-low" # which uses "other"
test_done
