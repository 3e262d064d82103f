#!/bin/bash
# timeout: 300
# Given a mounted ext4 under load that syncs numbered blocks, and a record of all that reaches its disk
# When interposers are attached, suspended, reloaded and detached, and the power fails at some moment of each command
# Then the journal can be replayed, e2fsck finds nothing wrong, and every number that was synced is there
# (SEED=… chooses the moments.)
. tests/lib/test.sh
. tests/lib/power_cut.sh
requires_target snapshot-origin

recorded_ext4 48
size=$(sectors "$RECORDED")
numbers_start
fio_verify_start load "$AT" --size=4M --rate_iops=150 --fsync=16
at_risk interpose x "$RECORDED" snapshot-origin
wait_redirected x 50
at_risk dmsetup suspend "$P-x"
at_risk dmsetup resume "$P-x"
wait_redirected x 20
at_risk dm_reload x "0 $size interpose $RECORDED linear $RECORDED 0"
wait_redirected x 20
at_risk dmsetup suspend --noflush --nolockfs "$P-x"
at_risk dmsetup remove "$P-x"
interpose x "$RECORDED" snapshot-origin
wait_redirected x 50
at_risk dmsetup remove "$P-x"
fio_verify_stop load
numbers_stop
umount "$AT"
fsck_clean "$RECORDED"
power_cuts
test_done
