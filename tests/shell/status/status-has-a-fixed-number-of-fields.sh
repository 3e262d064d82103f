#!/bin/bash
# timeout: 60
# Given interposers with inner targets that have a status of their own and that have none
# When their status is shown, while attached, held and pinned
# Then there are the fields of Documentation/, and behind them what the inner target says
. tests/lib/test.sh
requires_target era delay

dev=$(partition "$(scratch a)" 64)
scratch b >/dev/null
size=$(sectors "$dev") number=$(devno "$dev")

# status_is REGEX: of the fields behind "interpose"
status_is() {
	local status
	status=$(dmsetup status "$P-x")
	[[ $status =~ ^0\ $size\ interpose\ $1\ *$ ]] || fail "wanted: $1, got: $status"
}

interpose x "$dev"
status_is "attached $number interpose[0-9]+ [0-9]+ 0 - linear"
dmsetup suspend "$P-x"
status_is "held $number interpose[0-9]+ [0-9]+ 0 - linear"
dmsetup resume "$P-x"
dmsetup message "$P-x" 0 interpose pin
status_is "attached $number interpose[0-9]+ [0-9]+ 0 pinned linear"
dmsetup message "$P-x" 0 interpose unpin
dm_reload x "0 $size interpose $dev delay $dev 0 0"
status_is "attached $number interpose[0-9]+ [0-9]+ 0 - delay [0-9]+ [0-9]+( [0-9]+)?"
dm_reload x "0 $size interpose $dev era $(disk b) $dev 128"
status_is "attached $number interpose[0-9]+ [0-9]+ 0 - era 8 [0-9]+/[0-9]+ [0-9]+ -"
test_done
