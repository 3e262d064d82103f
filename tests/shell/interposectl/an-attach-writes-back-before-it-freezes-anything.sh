#!/bin/bash
# tier: full
# timeout: 400
# Given a mounted ext4, with cached data for a device that does not answer
# When interposectl attaches it or makes a snapshot, with a limit of five seconds, and when it is interrupted
# Then it ends, and names the device; meanwhile nothing is suspended or frozen, and the file system takes writes;
#   neither a mapped device nor a record is left; when the device answers, an attach works
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/recipe.sh
. tests/lib/kill.sh
requires_target snapshot

# nothing_waits: what is stuck are those blocks of one file, and nobody waits for them who has not asked for them
nothing_waits() {
	take_writes "$at"
	in_time 60 dd if="$at/written" of=/dev/null bs=4k iflag=direct status=none || fail "the file system cannot be read"
	equal "mapped devices" "$P-low $P-other" "$(dmsetup ls | cut -f1 | sort | xargs)"
	equal "$P-low" Active "$(dmsetup info -c --noheadings -o suspended "$P-low")"
}

nothing_is_left() {
	nothing_waits
	equal "records" "" "$(ls /run/interposectl)"
}

# given_up COMMAND…
given_up() {
	local status=0
	note "$*"
	said=$(in_time 100 "$INTERPOSECTL" "$@" 2>&1) || status=$?
	note "$said"
	equal "status" 1 "$status"
	says "given up: $low has completed no write for 5 seconds"
	nothing_is_left
}

writes_back() {
	local child
	child=$(pgrep -P "$pid") && stands_in "$child" folio_wait_writeback
}

is_over() {
	! pgrep -x interposectl >/dev/null
}

interposectl_cleans
disk=$(partition "$(scratch a)" 128)
low=$(linear_create low "$disk")
at=$(mkfs_mounted ext4 "$low" barrier=0,noinit_itable)
other_made
low_through_other
stop other
dd if=/dev/urandom of="$file" bs=4k count=4 conv=notrunc status=none

begin "$INTERPOSECTL" attach --timeout 600 --name "$P-x" "$low"
wait_until "the cached data is waited for" 60 writes_back
nothing_waits
kill -INT "$pid"
status=0
wait "$pid" || status=$?
equal "status of the interrupted command" 3 "$status"
nothing_is_left

given_up attach --timeout 5 --name "$P-x" "$low"
given_up snapshot --timeout 5 --ram --size 4M --name "$P-snap" "$at"

go_on other
interposectl_status 0 attach --timeout 600 --name "$P-x" "$low"
take_writes "$at"
interposectl_status 0 detach "$P-x"
wait_until "no process writes back any more" 60 is_over
umount "$at"
fsck_clean "$low"
dmsetup remove "$P-low" # which uses "other"
test_done
