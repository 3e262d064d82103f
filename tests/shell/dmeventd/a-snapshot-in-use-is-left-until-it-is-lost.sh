#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4, interposed, with a snapshot that is open, on a logical volume that has all of its volume group,
#   and that is watched without dmeventd, by a program with address and undefined behaviour sanitizers
# When the load on the file system fills it
# Then there are warnings, and it is not taken from who has it open; when it is lost, it goes as soon as nobody has it
#   open; the program ends, and the origin is unharmed
. tests/lib/test.sh
. tests/lib/dmeventd.sh
. tests/lib/interposectl.sh
expects_dmesg 'Invalidating snapshot: Unable to allocate exception' 'I/O error, dev dm-'

pv=$(partition "$(scratch b)" 68)
snapshot_fills "$pv" 4m
"$INTERPOSECTL" monitor --interval 1 "$P-snap" >"$T_DIR/dmeventd.log" 2>&1 &
program=$!
exec {reader}<"$snap"
wait "$program" || fail "the program says: $(<"$T_DIR/dmeventd.log")"
said "snapshot $P-snap is [89][0-9] % full, and its volume group has no free space" || fail "there was no warning"
said "snapshot $P-snap ran full and is invalid: removing it when it is closed" || fail "it does not say so"
not said "removing it, before"
dm_exists "$P-snap" || fail "it was taken from who has it open"
exec {reader}<&-
wait_until "the snapshot is gone" 30 snapshot_gone
unharmed
dmsetup remove "$P-x"
test_done
