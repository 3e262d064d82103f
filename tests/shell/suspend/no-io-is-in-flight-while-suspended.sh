#!/bin/bash
# timeout: 150
# Given a blk-mq disk that takes half a second for each I/O, interposed, under a load that always has many of them in flight
# When the interposer is suspended without flush, with it, and by dm-stats, which tells no target
# Then the command waits for them: nothing is in flight when it returns and nothing completes until the resume, none fails,
#   and every block is verified
. tests/lib/test.sh
requires_target interpose

dev=$(null_blk_create slow size=64 irqmode=2 completion_nsec=500000000)
stat=$(sysfs_dir "$dev")/stat
interpose x "$dev" linear "$dev" 0 >/dev/null
fio_verify_start load "$dev" --size=2M
for options in "--noflush --nolockfs" "--nolockfs" "--noflush --nolockfs"; do
	wait_redirected x 20
	(($(io_stat "$dev" in_flight) > 0)) || fail "nothing is in flight: the test is broken"
	# shellcheck disable=SC2086
	dmsetup suspend $options "$P-x"
	equal "in flight after suspend $options" 0 "$(io_stat "$dev" in_flight)"
	before=$(<"$stat")
	pause 2
	equal "the disk's statistics two seconds later" "$before" "$(<"$stat")"
	dmsetup resume "$P-x"
done
wait_redirected x 20
in_time 60 dmsetup message "$P-x" 0 @stats_create - /1 >/dev/null
wait_redirected x 20
dmsetup message "$P-x" 0 @stats_delete 0
wait_redirected x 20
dmsetup remove "$P-x"
fio_verify_stop load
test_done
