#!/bin/bash
# timeout: 150
# Given a mounted btrfs with two copies of its metadata, one on each of two interposed devices, and files that are synced
# When first the one and then the other interposer is suspended, in both orders, while the first one holds writes
# Then the second suspend returns, although the first one's copy of a write has to wait; after the resumes all goes on, and
#   no file that was synced is lost
. tests/lib/test.sh
. tests/lib/btrfs.sh
requires_target interpose

# holds X: is there I/O at its gate?
holds() { (($(interposer_held "$1") > 0)); }

one=$(partition "$(scratch a)" 160) two=$(partition "$(scratch b)" 160)
at=$(mkfs_mounted_on_two "$one" "$two")
interpose x "$one" >/dev/null
interpose y "$two" >/dev/null
files_start "$at"
for order in "x y" "y x" "x y" "y x"; do
	read -r first second <<<"$order"
	n=$(synced)
	wait_until "more files are safe" 60 more_synced $((n + 3))
	dmsetup suspend --nolockfs "$P-$first"
	wait_until "$first holds writes" 30 holds "$first"
	in_time 20 dmsetup suspend --nolockfs "$P-$second" || {
		dmsetup resume "$P-$first"
		fail "the suspend of $second waits for what $first holds"
	}
	dmsetup resume "$P-$first"
	dmsetup resume "$P-$second"
done
n=$(synced)
wait_until "more files are safe" 60 more_synced $((n + 3))
files_stop
dmsetup remove "$P-x"
dmsetup remove "$P-y"
files_are_there "$at" "$(synced)"
umount "$at"
fsck_clean "$one"
btrfs device scan --forget >"$T_DIR/scan.log"
test_done
