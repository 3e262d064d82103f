#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4, interposed, with a snapshot on a logical volume of 64 MiB, which dmeventd watches with our plugin
# When 4 MiB/s are written, to 112 MiB together
# Then the volume is extended before it is full, the snapshot is what it was, and the load goes on
. tests/lib/test.sh
. tests/lib/dmeventd.sh

snapshot_fills "$(scratch b)" 4m
dmeventd_start
watched on --interval 2 "$P-snap"
snapshot_numbers
equal "size at the begin" 131072 "$total"
wait_until "more than 112 MiB are in use" 120 uses_more_than 112
note "$used of $total sectors in use: $(grep -c extended "$T_DIR/dmeventd.log") times extended"
((total > 131072)) || fail "it has not grown: the test is broken"
equal "size of the volume" "$total" "$(sectors "$cow")"
said "snapshot $P-snap is [0-9]+ % full: extended $P/cow by [0-9]+ MiB" || fail "dmeventd says nothing of it"
watched off "$P-snap"
fsck_clean "$snap"
unharmed
dmsetup remove "$P-snap"
dmsetup remove "$P-x"
test_done
