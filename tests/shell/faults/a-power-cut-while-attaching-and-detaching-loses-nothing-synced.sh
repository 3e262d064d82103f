#!/bin/bash
# timeout: 300
# Given a mounted ext4 under load that syncs numbered blocks, and a record of all that reaches its disk
# When interposers are attached, suspended, reloaded and detached, and the power fails at points of the record
# Then the journal can be replayed, e2fsck finds nothing wrong, and every number that was synced is there
. tests/lib/test.sh
. tests/lib/power_cut.sh
requires_target snapshot-origin

recorded_ext4 48
size=$(sectors "$RECORDED")
numbers_start
fio_verify_start load "$AT" --size=4M --rate_iops=150 --fsync=16
for inner in "linear $RECORDED 0" snapshot-origin; do
	interpose x "$RECORDED" "$inner"
	wait_redirected x 50
	dmsetup suspend "$P-x"
	dmsetup resume "$P-x"
	wait_redirected x 20
	dm_reload x "0 $size interpose $RECORDED linear $RECORDED 0"
	wait_redirected x 20
	dmsetup suspend --noflush --nolockfs "$P-x"
	dmsetup remove "$P-x"
	interpose x "$RECORDED" "$inner"
	wait_redirected x 50
	dmsetup remove "$P-x"
done
fio_verify_stop load
numbers_stop
umount "$AT"
fsck_clean "$RECORDED"
power_cuts 12
test_done
