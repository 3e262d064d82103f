#!/bin/bash
# tier: full
# timeout: 240
# vm: --udev
# Given partitions that are a part of an MD array and a physical volume, not in use, interposed, and udevd with our rule
# When snapshots of them are made
# Then udevd assembles no array from them, and its rules for LVM, which make a link for a physical volume and activate
#   what is on it, do not see them; without the rule it is so
. tests/lib/test.sh
. tests/lib/udev.sh
. tests/lib/found.sh
requires mdadm lvm
requires_target snapshot
requires_module raid1

# arrays_seen: sets $arrays to what all arrays that there are now are made of
arrays_seen() {
	local part
	udev_settled
	arrays=''
	for part in /sys/block/md*/slaves/*; do
		[[ ! -L $part ]] || arrays+="${part##*/} "
	done
}

arrays_stopped() {
	arrays_seen
	[[ ! $arrays ]] || mdadm --stop --scan --quiet
}

# snapshots_made: of both, and sets $arrays. An event of the origin itself that is worked on late makes an array of the
# origin, which is right, but then none can come from the snapshot: that array is stopped, and all done again.
snapshots_made() {
	local round
	for round in 1 2 3 4 5; do
		udev_snapshot x snap-md "$(part "$cow" 1)" >"$T_DIR/node"
		udev_snapshot y snap-pv "$(part "$cow" 2)" >"$T_DIR/node"
		cleanup arrays_stopped
		arrays_seen
		[[ " $arrays" == *" ${first##*/} "* ]] || return 0
		note "round $round: an array of the origin"
		arrays_stopped
		snapshots_removed
	done
	fail "each time an array of the origin is assembled"
}

snapshots_removed() {
	dmsetup remove --retry "$P-snap-md"
	dmsetup remove --retry "$P-snap-pv"
}

udev_rule_install
unset MDADM_NO_UDEV
first=$(partition "$(scratch a)" 32 32)
cow=$(scratch b)
partition "$cow" 32 32 >"$T_DIR/node"
signature md "$first"
signature lvm "${first%1}2"
udevadm trigger --settle --action=change "${first%1}2"
pv=$(compgen -G "$LINKS/by-id/lvm-pv-uuid-*")
leads_to "$pv" "${first%1}2"
arrays_stopped
interpose x "$first" snapshot-origin >"$T_DIR/node"
interpose y "${first%1}2" snapshot-origin >"$T_DIR/node"
snapshots_made
equal "parts of arrays" "" "$arrays"
leads_to "$pv" "${first%1}2"
snapshots_removed

udev_rule_remove
snapshots_made
snapshot=$(readlink -f "/dev/mapper/$P-snap-md")
equal "parts of arrays without the rule (the test is broken)" "${snapshot##*/} " "$arrays"
leads_to "$pv" "/dev/mapper/$P-snap-pv"
arrays_stopped
snapshots_removed
dmsetup remove --retry "$P-x"
dmsetup remove --retry "$P-y"
test_done
