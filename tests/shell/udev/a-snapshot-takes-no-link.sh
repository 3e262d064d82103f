#!/bin/bash
# timeout: 100
# vm: --udev
# Given a mounted ext4 with a label, interposed, and udevd with our rule
# When a snapshot is made, with our UUID or of plain dmsetup, and a mapped device on that
# Then the links by UUID and label lead to the interposed device, blkid finds that one, and neither systemd nor udisks
#   is told of a second file system; without the rule the snapshot takes the links
. tests/lib/test.sh
. tests/lib/udev.sh
requires_target snapshot

all_lead_to() {
	leads_to "$by_uuid" "$1"
	leads_to "$by_label" "$1"
	equal "blkid -U" "$1" "$(blkid -U "$uuid" | xargs readlink -f)"
	equal "blkid -L" "$1" "$(blkid -L "$P" | xargs readlink -f)"
}

# hidden NODE: from who asks udev
hidden() {
	udev_settled
	[[ /dev/interpose/${1##*/} -ef $1 ]] || fail "$1 has no link in /dev/interpose"
	equal "what udev says of the file system on $1" "" "$(udev_property "$1" ID_FS_TYPE)"
	equal "UDISKS_IGNORE of $1" 1 "$(udev_property "$1" UDISKS_IGNORE)"
	[[ $(udev_property "$1" DEVLINKS) != *"$LINKS"* ]] || fail "$1 has links: $(udev_property "$1" DEVLINKS)"
	[[ $(udev_property "$1" SYSTEMD_READY) != 0 ]] || fail "systemd would unmount $1"
}

udev_rule_install
dev=$(partition "$(scratch a)" 32)
cow=$(scratch b)
at=$(mkfs_mounted ext4 "$dev")
tune2fs -L "$P" "$dev" >"$T_DIR/log"
uuid=$(blkid -p -o value -s UUID "$dev")
by_uuid=$LINKS/by-uuid/$uuid by_label=$LINKS/by-label/$P
udevadm trigger --settle --action=change "$dev"
interpose x "$dev" snapshot-origin >"$T_DIR/node"
beneath=$(interposer_beneath x)
all_lead_to "$dev"
hidden "/dev/mapper/$P-x"
equal "SYSTEMD_READY of $beneath" 0 "$(udev_property "$beneath" SYSTEMD_READY)"
equal "UDISKS_IGNORE of $beneath" 1 "$(udev_property "$beneath" UDISKS_IGNORE)"

snap=$(udev_snapshot x snap "$cow" --uuid "INTERPOSE-SNAP-$P-snap")
hidden "$snap"
upper=$(linear_create upper "$snap")
hidden "$upper"
udevadm trigger --settle --action=add "$snap" "$upper" # as at boot
hidden "$snap"
hidden "$upper"
all_lead_to "$dev"
dmsetup remove --retry "$P-upper"
dmsetup remove --retry "$P-snap"

snap=$(udev_snapshot x snap "$cow")
hidden "$snap"
all_lead_to "$dev"
dmsetup remove --retry "$P-snap"

udev_rule_remove
snap=$(udev_snapshot x snap "$cow")
snap=$(readlink -f "$snap")
all_lead_to "$snap"
udev_rule_install
udevadm trigger --settle --action=change "$snap"
all_lead_to "$dev"
dmsetup remove --retry "$P-snap"
dmsetup remove --retry "$P-x"
all_lead_to "$dev"
umount "$at"
test_done
