#!/bin/bash
# timeout: 240
# Given an interposer whose table is being wiped, which waits for a read that is stuck, and whose removal has begun
# When the read goes on, the wipe detaches and is through with the device and the module, and the end of the removal is
#   kept waiting inside the module
# Then the module cannot be unloaded at that moment, three times; later it can, and the device is detached
. tests/lib/test.sh
. tests/lib/kill.sh
requires_target interpose
requires_module delay-step
cleanup rmmod delay-step
cleanup go_on_there

step=/sys/module/delay_step/parameters/step
references=/sys/module/dm_interpose/refcnt
low=$(linear_create low "$(partition "$(scratch a)" 64)")
table="0 $(sectors "$low") interpose $low linear $low 0"

go_on_there() {
	echo >"$step"
}

waits() {
	(($(<"$step")))
}

unused() {
	[[ $(<"$references") == 0 ]]
}

cleanup dm_remove_if_there "$P-x"
for round in first second third; do
	dmsetup create "$P-x" --table "$table"
	stop low
	dd if="$low" of=/dev/null bs=4k count=1 iflag=direct status=none &
	reader=$!
	wait_until "the read is stuck" 30 stands_in "$reader" blkdev_direct_IO
	begin dmsetup wipe_table --noflush --nolockfs "$P-x"
	wiper=$pid
	wait_until "the wipe waits for the read" 30 stands_in "$wiper" dm_wait_for_completion
	begin dmsetup remove "$P-x"
	wait_until "the removal waits for the wipe" 30 stands_in "$pid" interpose_owner_dead
	echo interpose_ip_put >"$step"
	go_on low
	wait "$reader"
	wait "$wiper" || true # the table that follows is not resumed any more
	wait_until "the removal waits" 30 waits
	! unused || fail "$round round: nobody holds the module, and its code is running"
	expect_error "in use" -- rmmod dm_interpose
	waits || fail "it waits no more: nothing has been tested"
	echo >"$step"
	wait "$pid"
	equal "holders of the device" "" "$(ls "$(sysfs_dir "$low")/holders")"
	wait_until "nobody uses the module" 30 unused
done
rmmod dm_interpose
test_done
