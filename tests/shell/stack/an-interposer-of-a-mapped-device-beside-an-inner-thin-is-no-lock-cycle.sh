#!/bin/bash
# timeout: 120
# Given lockdep, an interposer of a mapped device, and one whose inner target is a thin device
# When the pool of that is suspended and resumed, which suspends and resumes the second interposer, and both come and go
#   in either order
# Then lockdep finds no cycle, and both are at work; the harness fails for what lockdep says
. tests/lib/test.sh
requires_target thin-pool

meta=$(partition "$(scratch b)" 8)
dd if=/dev/zero of="$meta" bs=1M count=4 status=none conv=fsync
pool=$(dm_create pool "0 65536 thin-pool $meta $(scratch c) 128 0")
dmsetup message "$pool" 0 "create_thin 0"
base=$(linear_create base "$(scratch a)" 0 65536)
low=$(linear_create low "$(scratch d)" 0 65536)

both_at_work() {
	local name
	for name in x y; do
		wait_until "$name is at work" 30 is_attached "$name"
	done
	random_fill "$low" 2
	random_fill "$base" 2
}

is_attached() {
	[[ $(interposer_state "$1") == attached ]]
}

for order in "x y" "y x"; do
	for name in $order; do
		case $name in
		x) interpose x "$low" >"$T_DIR/node" ;;
		y) interpose y "$base" thin "$pool" 0 "$base" >"$T_DIR/node" ;;
		esac
	done
	dmsetup suspend "$pool"
	dmsetup resume "$pool"
	both_at_work
	dm_reload x "0 65536 interpose $low flakey $low 0 3600 0"
	dmsetup suspend --noflush "$pool"
	dmsetup resume "$pool"
	both_at_work
	for name in $order; do
		dmsetup remove "$P-$name"
	done
done
test_done
