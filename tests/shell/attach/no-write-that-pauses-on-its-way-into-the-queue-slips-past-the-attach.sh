#!/bin/bash
# timeout: 120
# Given a table for a disk, or a partition of it, that leads to another disk, loaded but not attached yet
# When a write pauses on its way into the queue, where it has been asked about an interposer already on some kernels and
#   not on others, and the table is attached, and the write goes on when that is done or waits for it
# Then the write was over at the device when the attach returned, or goes through the interposer
. tests/lib/test.sh
. tests/lib/kill.sh
requires_module delay-step

step=/sys/module/delay_step/parameters/step

goes_on() {
	echo >"$step"
}

# The freeze of an attach that waits for the write ends with it.
attach_ends() {
	[[ ! ${pid:-} ]] || kill -KILL "$pid" 2>/dev/null || true
}

attached_or_waits() {
	is_gone "$pid" || stands_in "$pid" blk_mq_freeze_queue_wait_timeout
}

# no_write_slips_past DEV
no_write_slips_past() {
	local size before over writer
	size=$(sectors "$1")
	dmsetup create "$P-x" --notable
	dmsetup load "$P-x" --table "0 $size interpose $1 linear $other 0"
	before=$(io_stat "$1" write_sectors)
	echo blk_mq_submit_bio >"$step"
	dd if=/dev/zero of="$1" bs=4k count=1 oflag=direct conv=notrunc status=none &
	writer=$!
	wait_until "the write pauses" 30 stands_in "$writer" delay_step_wait
	begin dmsetup resume "$P-x"
	wait_until "it is attached, or waits for the write" 60 attached_or_waits
	if is_gone "$pid"; then
		over=$(io_stat "$1" write_sectors)
		goes_on
	else
		goes_on
		in_time 60 tail --pid="$pid" -s 0.1 -f /dev/null
		over=$(io_stat "$1" write_sectors)
	fi
	wait "$pid" "$writer"
	equal "writes to $1 that were over, or were redirected" 1 $(((over - before) / 8 + $(interposer_redirected x)))
	dmsetup remove "$P-x"
}

dev=$(partition "$(scratch a)" 128)
other=$(scratch b)
modprobe delay-step
cleanup rmmod delay-step
cleanup dm_remove_if_there "$P-x"
cleanup attach_ends
cleanup goes_on
for _ in 1 2 3; do
	no_write_slips_past "$dev"
	no_write_slips_past "$(disk_of "$dev")"
done
test_done
