#!/bin/bash
# tier: full
# timeout: 240
# vm: --udev
# Given a mounted btrfs of two devices, one of them interposed, and udevd with our rule
# When a snapshot of that one is made
# Then nobody offers the kernel a third device for the file system, btrfs shows the two, and after an unmount they are
#   mounted again by the UUID; without the rule udevd offers the kernel the snapshot
# (Of a file system on one device Linux 6.12 registers none but the mounted one.)
. tests/lib/test.sh
. tests/lib/udev.sh
. tests/lib/found.sh
requires btrfs
requires_target snapshot
requires_module btrfs

# offered: the kernel has been told of another device with this file system
offered() {
	udev_settled
	dmesg_since_start
	[[ $log =~ BTRFS[^$'\n']*"/dev/"(dm-|mapper/|interpose)[^$'\n']* ]]
}

# right_devices: are mounted, shown, and what the link leads to
right_devices() {
	local source shown
	read -r source _ < <(grep " $at " /proc/mounts)
	[[ $source == "$dev" || $source == "$second" ]] || fail "$source is mounted"
	shown=$(btrfs filesystem show "$at" | sed -n 's/.* path //p')
	equal "btrfs shows" "$dev $second" "${shown//$'\n'/ }"
	udev_settled
	[[ $by_uuid -ef $dev || $by_uuid -ef $second ]] || fail "the link leads to $(readlink -f "$by_uuid")"
	! offered || fail "the kernel was told of a third device: ${BASH_REMATCH[0]}"
}

udev_rule_install
dev=$(partition "$(scratch a)" 128 128)
second=${dev%1}2
cow=$(scratch b)
at=$T_DIR/mnt
mkdir "$at"
asked mkfs.btrfs -q -f "$dev" "$second"
btrfs device scan "$dev" "$second" >"$T_DIR/log"
cleanup unmount_if_there "$at"
mount "$dev" "$at"
uuid=$(blkid -p -o value -s UUID "$dev")
by_uuid=$LINKS/by-uuid/$uuid
interpose x "$dev" snapshot-origin >"$T_DIR/node"
udev_snapshot x snap "$cow" --uuid "INTERPOSE-SNAP-$P-snap" >"$T_DIR/node"
udevadm trigger --settle --action=add "/dev/mapper/$P-snap"
udevadm trigger --settle --action=change "/dev/mapper/$P-snap" "$(interposer_beneath x)" "/dev/mapper/$P-x"
right_devices
umount "$at"
mount "UUID=$uuid" "$at"
right_devices

dmsetup remove --retry "$P-snap"
udev_rule_remove
udev_snapshot x snap "$cow" >"$T_DIR/node"
offered || fail "without the rule the kernel is not told either: the test is broken"
note "without the rule: ${BASH_REMATCH[0]}"
udev_rule_install
dmsetup remove --retry "$P-snap"
dmsetup remove --retry "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
