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

md_assembled() {
	udev_settled
	compgen -G "/sys/block/md*/md" >"$T_DIR/arrays"
}

arrays_stopped() {
	! md_assembled || mdadm --stop --scan --quiet
}

# snapshots_made: of both
snapshots_made() {
	udev_snapshot x snap-md "$(part "$cow" 1)" >"$T_DIR/node"
	udev_snapshot y snap-pv "$(part "$cow" 2)" >"$T_DIR/node"
	cleanup arrays_stopped
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
interpose x "$first" snapshot-origin >"$T_DIR/node"
interpose y "${first%1}2" snapshot-origin >"$T_DIR/node"
snapshots_made
! md_assembled || fail "an array was assembled: $(<"$T_DIR/arrays")"
leads_to "$pv" "${first%1}2"
snapshots_removed

udev_rule_remove
snapshots_made
md_assembled || fail "without the rule no array is assembled either: the test is broken"
leads_to "$pv" "/dev/mapper/$P-snap-pv"
arrays_stopped
snapshots_removed
dmsetup remove --retry "$P-x"
dmsetup remove --retry "$P-y"
test_done
