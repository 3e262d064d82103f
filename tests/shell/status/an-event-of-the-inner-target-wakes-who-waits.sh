#!/bin/bash
# tier: full
# timeout: 200
# Given inner targets that raise events: mirror, raid1, clone and snapshot
# When "dmsetup wait" waits for the next event of the interposer, and the inner target is in sync, has lost a leg, has
#   copied all, or is full
# Then it waits until then and no longer, and the event is counted
. tests/lib/test.sh
requires_target mirror raid clone snapshot

events() {
	dmsetup info -c --noheadings -o events "$P-x"
}

# status_is REGEX
status_is() {
	has_status "$1" || fail "status: $(interposer_inner_status x)"
}

# write KIB
write() {
	dd if=/dev/urandom of="$dev" bs="${1}k" count=1 oflag=direct iflag=fullblock conv=notrunc status=none
}

# wait_after N: in the background, for an event beyond the first N
wait_after() {
	seen=$1
	dmsetup wait "$P-x" "$seen" &
	waiter=$!
	cleanup eval "kill $waiter 2>/dev/null || true"
}

ended() {
	! kill -0 "$waiter" 2>/dev/null
}

# wait_begin: for the next event. It waits through what is none; what went before may have one more to come.
wait_begin() {
	for _ in 1 2 3 4 5; do
		wait_after "$(events)"
		write 64
		[[ $(events) != "$seen" ]] || ended || return 0
		wait "$waiter"
	done
	fail "there are events although nothing has happened"
}

# wait_end WHAT
wait_end() {
	wait_until "$1 wakes who waits" 60 ended
	wait "$waiter"
	(($(events) > seen)) || fail "$1 is not counted"
	note "$1: event $(events)"
}

leg_fails() {
	dm_reload leg "0 32768 error"
	write 64
}

dev=$(partition "$(scratch a)" 16)
leg=$(linear_create leg "$(partition "$(scratch b)" 16 16)")
scratch c >/dev/null
small=$(partition "$(scratch d)" 1 4 4)
notes=${small%1}2

interpose x "$dev" mirror core 1 128 2 "$dev" 0 "$leg" 0 2 handle_errors keep_log
wait_after 0
wait_end "a mirror in sync"
status_is '2 [0-9:]+ [0-9:]+ 256/256 1 AA 1 core'
wait_begin
leg_fails
wait_end "a failed leg of a mirror"
status_is '2 [0-9:]+ [0-9:]+ [0-9]+/256 1 AD 1 core'
dmsetup remove "$P-x"
dm_reload leg "0 32768 linear $(part b 1) 0"

interpose x "$dev" raid raid1 3 0 region_size 128 2 "$notes" "$dev" "${small%1}3" "$leg"
wait_after 0
wait_end "a raid1 in sync"
wait_until "it is idle" 60 has_status 'raid1 2 AA 32768/32768 idle 0 0 -'
wait_begin
leg_fails
wait_end "a failed leg of a raid1"
status_is 'raid1 2 AD .*'
dmsetup remove "$P-x"

interpose x "$dev" clone "$(disk c)" "$(part b 2)" "$dev" 256
wait_after 0
wait_end "a clone that is complete"
status_is '8 [0-9]+/[0-9]+ 256 128/128 0 .*'
dmsetup remove "$P-x"

expects_dmesg 'I/O error'
interpose x "$dev" snapshot "$dev" "$small" N 8
wait_begin
not write 4096
wait_end "a snapshot that is full"
status_is Invalid
dmsetup remove "$P-x"
test_done
