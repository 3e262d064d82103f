# shellcheck shell=bash
# A request-based multipath that loses its only path: its writes are stuck, and who freezes its queue waits for them.
# Source it after kill.sh.

# mpath_made PATH: of 16 MiB, to be interposed by "x"; sets $size, $path and $dev
mpath_made() {
	size=32768 path=$1
	modprobe dm-round-robin
	dev=$(dm_create mpath "0 $size multipath 1 queue_if_no_path 0 1 1 round-robin 0 1 0 $path")
	cleanup dm_remove_if_there "$P-x"
	cleanup path_is_back
}

# path_is_lost [FILE]: and a write of its first 4 KiB is stuck; sets $stuck
path_is_lost() {
	dmsetup message "$P-mpath" 0 "fail_path $(devno "$path")"
	dd if="${1:-/dev/zero}" of="$dev" bs=4k count=1 oflag=direct conv=notrunc status=none &
	stuck=$!
	wait_until "the write is stuck" 30 stands_in "$stuck" blkdev_write_iter
}

path_is_back() {
	! dm_exists "$P-mpath" || dmsetup message "$P-mpath" 0 "reinstate_path $(devno "$path")"
}

# all_sleep_in FUNCTION: each of $writers
all_sleep_in() {
	local writer
	for writer in "${writers[@]}"; do
		stands_in "$writer" "$1" && ! is_gone "$writer" || return 1
	done
}
