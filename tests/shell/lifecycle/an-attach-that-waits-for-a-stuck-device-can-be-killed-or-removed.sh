#!/bin/bash
# timeout: 300
# Given raw devices with a write that is stuck and that nobody can push back: a linear and a raid1 of device-mapper whose
#   disk does not answer, and a request-based multipath that has lost its path and queues
# When dmsetup is killed while its create waits for that write, and when the device is removed meanwhile
# Then create ends with the write still stuck, and an error names the device; commands for another device do not wait,
#   nor do deferred removals; when the disk answers, the write completes, nothing is attached, and an attach works
. tests/lib/test.sh
. tests/lib/kill.sh
. tests/lib/held.sh
requires_target raid multipath

size=32768
disk=$(partition "$(scratch a)" 64 64)
leg=${disk%1}2
other=$(partition "$(scratch b)" 64)

# stuck_at DEV: sets $writer
stuck_at() {
	dd if=/dev/zero of="$1" bs=4k count=1 oflag=direct conv=notrunc status=none &
	writer=$!
	wait_until "the write is on its way" 30 stands_in "$writer" "blkdev_direct_IO(_simple)?"
}

# waits: a create that waits, to attach; sets $pid
waits() {
	begin dmsetup create "$P-x" --table "0 $size interpose $dev linear $dev 0"
	wait_until "the write is waited for" 30 stands_in "$pid" interpose_preresume
	pause 1
	wait_until "it still waits" 30 stands_in "$pid" interpose_preresume # each tick it has a look, and then shows nothing
}

still_stuck() {
	! is_gone "$writer" || fail "the write is not stuck any more: nothing has been tested"
}

# waits_in_vain NAME LET-GO…
waits_in_vain() {
	note "$1"
	dev=/dev/mapper/$P-$1
	stuck_at "$dev"
	waits
	killed
	killed_ends
	dmesg_since_start
	[[ $log == *"gave up waiting "*"$(basename "$(readlink -f "$(sysfs_dir "$dev")")")"* ]] || fail "no message names the device"
	other_goes_on other "$other"
	dm_remove_if_there "$P-x"
	still_stuck

	waits
	in_time 30 dmsetup remove "$P-x" || fail "the removal waits for the create"
	not wait "$pid"
	still_stuck

	"${@:2}"
	wait "$writer"
	wait_until "nothing is left of it" 30 unreferenced
	interpose x "$dev" >"$T_DIR/node"
	dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=notrunc status=none
	equal "redirected" 1 "$(interposer_redirected x)"
	dmsetup remove "$P-x"
	dmsetup remove "$P-$1"
}

unreferenced() {
	[[ $(</sys/module/dm_interpose/refcnt) == 0 ]]
}

modprobe dm-interpose
cleanup dm_remove_if_there "$P-x"
low=$(linear_create low "$disk")

linear_create linear "$low" 0 "$size" >"$T_DIR/node"
stop low
waits_in_vain linear go_on low

dm_create raid "0 $size raid raid1 2 0 nosync 2 - $low - $leg" >"$T_DIR/node"
stop low
waits_in_vain raid go_on low

modprobe dm-round-robin
path=$(scratch c) # requests cannot be sent to a partition
dm_create mpath "0 $size multipath 1 queue_if_no_path 0 1 1 round-robin 0 1 0 $path" >"$T_DIR/node"
dmsetup message "$P-mpath" 0 "fail_path $(devno "$path")"
cleanup dm_message_if_there mpath "reinstate_path $(devno "$path")"
dm_message_if_there() {
	! dm_exists "$P-$1" || dmsetup message "$P-$1" 0 "$2"
}
waits_in_vain mpath dmsetup message "$P-mpath" 0 "reinstate_path $(devno "$path")"
test_done
