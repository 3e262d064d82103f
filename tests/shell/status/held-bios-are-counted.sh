#!/bin/bash
# timeout: 60
# Given an interposed disk
# When its interposer is suspended and three writes are made
# Then the status shows three bios held, without waiting; none after the resume, and the writes complete
. tests/lib/test.sh

dev=$(scratch a)
interpose x "$dev"
is_held() { equal held "$1" "$(interposer_held x)"; }
cleanup dmsetup resume "$P-x"
dmsetup suspend "$P-x"
is_held 0
writers=()
for n in 1 2 3; do
	dd if=/dev/zero of="$dev" bs=4k count=1 seek="$n" oflag=direct conv=notrunc status=none &
	writers+=($!)
done
held_are() { [[ $(interposer_held x) == "$1" ]]; }
wait_until "three bios are held" 20 held_are 3
is_held 3
equal "state" held "$(interposer_state x)"
dmsetup resume "$P-x"
for writer in "${writers[@]}"; do
	wait "$writer"
done
is_held 0
equal "state" attached "$(interposer_state x)"
test_done
