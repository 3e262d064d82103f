#!/bin/bash
# timeout: 240
# Given a suspended interposer of a disk or of a partition, and somebody who closes that device, or a partition of the
#   disk, while pages of it wait at the gate: dirty ones, or some that are being read
# When x is resumed, removed, removed by force, wiped, or gets another table and is resumed
# Then that works, the close ends, and the data is there; who opens the interposed device meanwhile does not wait
. tests/lib/test.sh
requires xfs_io

disk=$(scratch a)
part=$(partition "$disk" 64)
other=$(scratch b)

# waits PID: in the kernel, where nobody can end it
waits() {
	local stat
	[[ -e /proc/$1 ]] || fail "it was closed without its pages being written back or waited for"
	stat=$(<"/proc/$1/stat")
	[[ ${stat##*) } == D* ]]
}

ended() {
	[[ ! -e /proc/$1 ]]
}

ends_by_resume() { dmsetup resume "$P-x"; }
ends_by_remove() { dmsetup remove "$P-x"; }
ends_by_force() { dmsetup remove --force "$P-x"; }
ends_by_wipe() { dmsetup wipe_table "$P-x"; }
ends_by_load() {
	dmsetup load "$P-x" <<<"0 $(sectors "$1") interpose $1 linear $1 0"
	dmsetup resume "$P-x"
}

close_dirty() {
	exec dd if="$T_DIR/pattern" of="$1" bs=64k conv=notrunc status=none
}

close_reading() {
	exec xfs_io -r -c "fadvise -w 0 65536" "$1"
}

# waiting_close HOW INTERPOSED USED dirty|reading
waiting_close() {
	local how=$1 dev=$2 used=$3
	dd if=/dev/urandom of="$T_DIR/pattern" bs=64k count=1 status=none
	interpose x "$dev"
	dmsetup suspend "$P-x"
	"close_$4" "$used" &
	wait_until "the close waits ($*)" 30 waits $!
	# the last close of what has no interposer of its own keeps others from opening the disk, as it always does
	if [[ $dev == "$used" ]]; then
		exec 6<"$used"
		[[ $dev != "$part" ]] || blockdev --getsize64 "$disk" >"$T_DIR/size"
	fi
	"ends_by_$how" "$dev"
	exec 6<&-
	wait_until "the close has ended ($*)" 30 ended $!
	wait $!
	[[ $4 != dirty ]] || dd if="$used" bs=64k count=1 iflag=direct status=none | cmp - "$T_DIR/pattern"
	! dm_exists "$P-x" || dmsetup remove "$P-x"
}

for how in resume remove force wipe load; do
	waiting_close "$how" "$part" "$part" dirty
	waiting_close "$how" "$disk" "$part" reading
done
waiting_close load "$part" "$part" reading
waiting_close remove "$other" "$other" dirty
waiting_close resume "$other" "$other" reading
test_done
