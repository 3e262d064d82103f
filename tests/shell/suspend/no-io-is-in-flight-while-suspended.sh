#!/bin/bash
# timeout: 150
# Given a blk-mq disk that takes half a second for each I/O, interposed, under a load that always has many of them in flight
# When the interposer is suspended without flush, with it, and by dm-stats and by a new snapshot, which tell no target
# Then that waits for them: nothing is in flight afterwards and nothing completes until the resume, none fails, and every
#   block is verified
. tests/lib/test.sh
requires_target interpose snapshot
requires_module delay-step
cleanup rmmod delay-step

step=/sys/module/delay_step/parameters/step
dev=$(null_blk_create slow size=64 irqmode=2 completion_nsec=500000000)
stat=$(sysfs_dir "$dev")/stat
interpose x "$dev" linear "$dev" 0 >/dev/null
fio_verify_start load "$dev" --size=2M

# nothing_goes_on 'while what'
nothing_goes_on() {
	local before
	equal "in flight $1" 0 "$(io_stat "$dev" in_flight)"
	before=$(<"$stat")
	pause 2
	equal "the disk's statistics $1, two seconds later" "$before" "$(<"$stat")"
}

resume_waits() {
	[[ $(<"$step") == 1 ]]
}

for options in "--noflush --nolockfs" "--nolockfs" "--noflush --nolockfs"; do
	wait_redirected x 20
	(($(io_stat "$dev" in_flight) > 0)) || fail "nothing is in flight: the test is broken"
	# shellcheck disable=SC2086
	dmsetup suspend $options "$P-x"
	nothing_goes_on "after suspend $options"
	dmsetup resume "$P-x"
done
wait_redirected x 20
in_time 60 dmsetup message "$P-x" 0 @stats_create - /1 >/dev/null
wait_redirected x 20
dmsetup message "$P-x" 0 @stats_delete 0
wait_redirected x 20
dm_reload x "0 $(sectors "$dev") interpose $dev snapshot-origin"
wait_redirected x 20
cleanup eval "echo >$step" # a test that fails here waits for nothing in its cleanup
echo dm_internal_resume_fast >"$step"
dm_create snap "0 $(sectors "$dev") snapshot $(interposer_beneath x) $(scratch b) N 8" >"$T_DIR/node" &
snapshot=$!
wait_until "the snapshot has suspended its origin" 60 resume_waits
nothing_goes_on "while a snapshot is made"
echo >"$step"
wait "$snapshot"
dmsetup remove "$P-snap"
wait_redirected x 20
dmsetup remove "$P-x"
fio_verify_stop load
test_done
