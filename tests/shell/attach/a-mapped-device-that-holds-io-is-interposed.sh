#!/bin/bash
# timeout: 300
# Given raw mapped devices that hold writes back: a thin device whose pool is full, a mirror that has lost a leg, a bio-
#   based multipath that has lost its path and queues, a delay of a minute
# When each is interposed, and then what it waits for is done: the pool extended, another table loaded, the path back
# Then the attach waits for none of that and stands in nobody's way, the held writes go through the inner target and are
#   there, and nothing fails
. tests/lib/test.sh
. tests/lib/kill.sh
requires_target thin-pool mirror multipath delay

mib=16
one=$(partition "$(scratch b)" 8 64)
two=${one%1}2
disk=$(partition "$(scratch a)" 64 64)
leg=${disk%1}2
size=$((mib * 2048))

# written_to DEV: the writes that are held; sets $writer
written_to() {
	dd if="$T_DIR/data" of="$1" bs=64k oflag=direct conv=notrunc status=none &
	writer=$!
}

# holds NAME: it says that it holds writes, and the writer waits
holds() {
	stands_in "$writer" blkdev_direct_IO || stands_in "$writer" __blkdev_direct_IO_simple || return 1
	case $1 in
	thin) [[ $(dmsetup status "$pool") == *out_of_data_space* ]] ;;
	mirror) [[ $(dmsetup status "$P-low-mirror") == *\ AD\ * ]] ;;
	multipath) [[ $(dmsetup status "$P-low-multipath") == *\ F\ * ]] ;;
	delay) [[ $(dmsetup status "$P-low-delay") =~ delay\ [0-9]+\ [1-9] ]] ;;
	esac
}

# interposed_while_held NAME: the device "low-NAME"
interposed_while_held() {
	local low=/dev/mapper/$P-low-$1
	note "$1"
	written_to "$low"
	wait_until "a write is held" 60 holds "$1"
	in_time 50 dmsetup create "$P-x" --table "0 $size interpose $low flakey $low 0 3600 0" ||
		fail "the attach waits for what $1 holds"
	! is_gone "$writer" || [[ $1 == delay ]] || fail "no write is held any more: nothing has been tested"
}

# let_go NAME COMMAND…: what it waited for
let_go() {
	local low=/dev/mapper/$P-low-$1
	"${@:2}"
	wait "$writer"
	equal "data of $1" "$sum" "$(dd if="$low" bs=1M count="$mib" iflag=direct status=none | sha256sum)"
	has_redirected x 2 || fail "the writes have passed the inner target by"
	dmsetup remove "$P-x"
	equal "data of $1, detached" "$sum" "$(dd if="$low" bs=1M count="$mib" iflag=direct status=none | sha256sum)"
	dmsetup remove "$P-low-$1"
}

cleanup dm_remove_if_there "$P-x"
dd if=/dev/urandom of="$T_DIR/data" bs=1M count="$mib" status=none
sum=$(sha256sum <"$T_DIR/data")

modprobe dm-thin-pool no_space_timeout=0 2>/dev/null || true
echo 0 >/sys/module/dm_thin_pool/parameters/no_space_timeout
dd if=/dev/zero of="$one" bs=1M count=4 status=none conv=fsync
linear_create data "$two" 0 2048 >"$T_DIR/node"
pool=$(dm_create pool "0 2048 thin-pool $one /dev/mapper/$P-data 128 0")
dmsetup message "$pool" 0 "create_thin 0"
dm_create low-thin "0 $size thin $pool 0" >"$T_DIR/node"
extend() {
	dm_reload data "0 $((size + 4096)) linear $two 0"
	dm_reload pool "0 $((size + 4096)) thin-pool $one /dev/mapper/$P-data 128 0"
}
interposed_while_held thin
let_go thin extend
dmsetup remove "$P-pool"

bad=$(dm_create bad "0 $size error")
expects_dmesg 'Mirror' 'mirror' 'Write error on mirror'
dm_create low-mirror "0 $size mirror core 2 1024 nosync 2 $disk 0 $bad 0 1 handle_errors" >"$T_DIR/node"
interposed_while_held mirror
repair() {
	dmsetup load "$P-low-mirror" --table "0 $size linear $disk 0"
	dmsetup suspend --noflush "$P-low-mirror"
	dmsetup resume "$P-low-mirror"
}
let_go mirror repair

modprobe dm-round-robin
dm_create low-multipath "0 $size multipath 3 queue_if_no_path queue_mode bio 0 1 1 round-robin 0 1 0 $leg" >"$T_DIR/node"
dmsetup message "$P-low-multipath" 0 "fail_path $(devno "$leg")"
interposed_while_held multipath
let_go multipath dmsetup message "$P-low-multipath" 0 "reinstate_path $(devno "$leg")"

dm_create low-delay "0 $size delay $disk 0 60000" >"$T_DIR/node"
interposed_while_held delay
dm_reload low-delay "0 $size linear $disk 0"
let_go delay true
test_done
