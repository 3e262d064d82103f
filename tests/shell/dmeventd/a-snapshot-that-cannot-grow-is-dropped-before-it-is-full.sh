#!/bin/bash
# tier: full
# timeout: 300
# vm: --udev
# Given a mounted ext4 under load, interposed, with a snapshot on a logical volume that has all of its volume group, which
#   dmeventd watches with our plugin, and udevd with our rule
# When it is filled to 95 %
# Then there is a warning, the snapshot is removed, the volume stays and is free, and the origin is unharmed
. tests/lib/test.sh
. tests/lib/dmeventd.sh
. tests/lib/udev.sh

warned() {
	said "snapshot $P-snap is 8[0-9] % full, and its volume group has no free space"
}

# fill_to PERCENT: a MiB at a time, so that it stops there, or when the snapshot is gone
fill_to() {
	local status
	while status=$(dmsetup status "$P-snap" 2>/dev/null) &&
		[[ $status =~ \ snapshot\ ([0-9]+)/([0-9]+)\  ]] &&
		((BASH_REMATCH[1] * 100 < BASH_REMATCH[2] * $1)); do
		dd if=/dev/zero of="$at/file" bs=1M count=1 oflag=append,direct conv=notrunc status=none
		pause 0.5 # slower than what the policy takes for full at the next look
	done
}

udev_rule_install
pv=$(partition "$(scratch b)" 68)
snapshot_fills "$pv" 256k 4
equal "free extents" 0 "$(vgs --noheadings -o vg_free_count "$P" | tr -d ' ')"
dmeventd_start
watched on --interval 1 "$P-snap"
fill_to 82
wait_until "there is a warning" 30 warned
[[ $(<"$T_DIR/dmeventd.log") != *removing* ]] || fail "it is removed too early"
fill_to 95
wait_until "the snapshot is gone" 60 snapshot_gone
said "snapshot $P-snap is 9[0-9] % full and cannot be extended: removing it" || fail "dmeventd does not say so"
dmesg_since_start
[[ $log != *"Invalidating snapshot"* ]] || fail "it had become full before"
unharmed
wait_until "nobody uses the volume" 10 lvremove -q --yes "$P/cow"
dmsetup remove --retry "$P-x"
test_done
