#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4
# When a snapshot of it is made and removed by an interposectl that was started with standard input, output or error
#   closed, with all of them closed, with a full device, or with a pipe that nobody reads
# Then the exit status is 0, the record and the lock have no message in them, and nothing is left; a list that cannot be
#   printed is a failure
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

# with HOW ARGUMENT…
with() {
	case $1 in
	"no input") interposectl "${@:2}" <&- ;;
	"no output") interposectl "${@:2}" >&- ;;
	"no error") interposectl "${@:2}" 2>&- ;;
	"nothing") interposectl "${@:2}" <&- >&- 2>&- ;;
	"a full device") interposectl "${@:2}" >/dev/full 2>&1 ;;
	"no reader")
		mkfifo "$T_DIR/pipe"
		exec {reader}<>"$T_DIR/pipe"
		exec {writer}>"$T_DIR/pipe"
		exec {reader}<&-
		interposectl "${@:2}" >&"$writer" 2>&1
		exec {writer}>&-
		rm "$T_DIR/pipe" ;;
	esac
}

interposectl_cleans
dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
record=/run/interposectl/$P-snap
for how in "no input" "no output" "no error" "nothing" "a full device" "no reader"; do
	note "$how"
	with "$how" --verbose snapshot --name "$P-snap" --ram --size 8M "$at" || fail "$how: status $?"
	[[ -e /dev/mapper/$P-snap ]] || fail "$how: there is no snapshot"
	equal "$how: size of the lock" 0 "$(stat -c %s /run/interposectl/.lock)"
	odd=$(grep -vE '^(interposectl 2|undo .*|is [0-9]+ [^ ]+|ready)$' "$record") || true
	equal "$how: odd lines in the record" "" "$odd"
	equal "$how: its end" ready "$(tail -n 1 "$record")"
	with "$how" --verbose snapshot --remove "$P-snap" || fail "$how: status $?"
	equal "$how: what is left" "" "$(dmsetup ls | grep -v '^No devices found' || true)$(losetup -nO NAME)$(ls /run/interposectl)"
done
interposectl -q attach --name "$P-x" "$dev"
cleanup dm_remove_if_there "$P-x"
said=$(interposectl list 2>&1 >/dev/full) && fail "a list that nobody got is no success"
says "cannot write the output"
interposectl -q detach "$P-x"
test_done
