#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4, interposed, with a snapshot on a logical volume that has all of its volume group, which dmeventd
#   watches with our plugin
# When the load on the file system fills it
# Then there are warnings, the snapshot is removed before it is full, the volume stays and is free, and the origin is
#   unharmed
. tests/lib/test.sh
. tests/lib/dmeventd.sh

pv=$(partition "$(scratch b)" 68)
snapshot_fills "$pv" 2m
equal "free extents" 0 "$(vgs --noheadings -o vg_free_count "$P" | tr -d ' ')"
dmeventd_start
watched on --interval 1 "$P-snap"
wait_until "the snapshot is gone" 120 snapshot_gone
said "snapshot $P-snap is 8[0-9] % full, and the volume group too" || fail "there was no warning"
said "snapshot $P-snap is [89][0-9] % full and cannot be extended: removing it" || fail "it was not removed in time"
dmesg_since_start
[[ $log != *"Invalidating snapshot"* ]] || fail "it had become full before"
wait_io "$dev"
unharmed
wait_until "nobody uses the volume" 10 lvremove -q --yes "$P/cow"
dmsetup remove "$P-x"
test_done
