#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4, interposed, with a snapshot on a logical volume of 64 MiB, and interposectl monitor, no dmeventd
# When 4 MiB/s are written, to 112 MiB together
# Then the volume is extended before it is full, the snapshot is what it was, the load goes on, and the monitor ends with
#   the snapshot
. tests/lib/test.sh
. tests/lib/dmeventd.sh
. tests/lib/interposectl.sh

snapshot_fills "$(scratch b)" 4m
"$INTERPOSECTL" monitor --interval 2 "$P-snap" >"$T_DIR/dmeventd.log" 2>&1 </dev/null &
monitor=$!
snapshot_numbers
equal "size at the begin" 131072 "$total"
wait_until "more than 112 MiB are in use" 120 uses_more_than 112
note "$used of $total sectors in use: $(grep -c extended "$T_DIR/dmeventd.log") times extended"
((total > 131072)) || fail "it has not grown: the test is broken"
equal "size of the volume" "$total" "$(sectors "$cow")"
said "snapshot $P-snap is [0-9]+ % full: extended $P/cow by [0-9]+ MiB" || fail "the monitor says nothing of it"
fsck_clean "$snap"
unharmed
dmsetup remove "$P-snap"
wait "$monitor" || fail "status $? of the monitor"
dmsetup remove "$P-x"
test_done
