#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4 under load, interposed, with a snapshot that dmeventd watches with our plugin
# When dmeventd is killed, started again, and told to watch all snapshots of interposed devices
# Then it watches this one, made by plain dmsetup, and nothing else: it is extended, and can be switched off
. tests/lib/test.sh
. tests/lib/dmeventd.sh

snapshot_fills "$(scratch b)" 2m
other=$(linear_create other "$(scratch c)") # no snapshot of an interposed device
dmeventd_start
watched on --interval 2 "$P-snap"
dmeventd_kill
pause 3
snapshot_numbers
equal "size, with nobody there to extend it" 131072 "$total"
: >"$T_DIR/dmeventd.log"
dmeventd_start
watched on --interval 2 --all
equal "monitored" "$P-snap" "$(watched list)"
wait_until "it is extended" 120 said "extended $P/cow"
expect_error "not a snapshot of an interposed device" -- watched on "${other##*/}"
watched off --all
equal "monitored" "" "$(watched list)"
unharmed
dmsetup remove "$P-snap"
dmsetup remove "$P-x"
test_done
