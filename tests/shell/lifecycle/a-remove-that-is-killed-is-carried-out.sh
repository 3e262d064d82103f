#!/bin/bash
# timeout: 120
# Given a mounted ext4 under load, and a read that is stuck inside its interposer
# When dmsetup is killed while it removes the interposer and waits for that read, and the read goes on
# Then the interposer is gone, the read has its data, and the file system is thawed and written
. tests/lib/test.sh
. tests/lib/recipe.sh
. tests/lib/kill.sh

low_mounted barrier=0
other_made
dm_create x "$through_other" >/dev/null
wait_redirected x 20
read_stuck
begin dmsetup remove "$P-x"
wait_until "the read is waited for" 30 stands_in "$pid" dm_wait_for_completion
killed
pause 1
wait_until "the removal waits for the read, killed" 30 stands_in "$pid" interpose_owner_dead
read_goes_on
killed_ends
not dmsetup info "$P-x" 2>"$T_DIR/said"
equal "holders of the device" "$(sysfs_dir "$low")/holders/*" "$(echo "$(sysfs_dir "$low")"/holders/*)"
written
dmsetup remove "$P-other"
low_unmounted
test_done
