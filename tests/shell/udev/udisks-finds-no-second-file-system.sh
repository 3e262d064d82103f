#!/bin/bash
# tier: full
# timeout: 240
# vm: --udev
# Given a mounted ext4, interposed, udevd with our rule, and udisks
# When a snapshot of it is made
# Then udisks finds the file system on the interposed device alone, and shows neither the snapshot, nor the mapped device,
#   nor the disk beneath; without the rule it finds it twice
. tests/lib/test.sh
. tests/lib/udev.sh
requires_target snapshot
requires busctl

UDISKS=/usr/libexec/udisks2/udisksd
NAME=org.freedesktop.UDisks2

udisks_stop() {
	local pid
	for pid in $(<"$T_DIR/pids"); do
		kill "$pid" || true
	done 2>/dev/null
}

udisks_answers() {
	busctl --timeout=5 get-property "$NAME" "/${NAME//.//}/Manager" "$NAME.Manager" Version
} >"$T_DIR/version" 2>&1

udisks_start() {
	[[ -x $UDISKS ]] || fail "$UDISKS is not installed"
	: >"$T_DIR/pids"
	cleanup udisks_stop
	mkdir -p /run/dbus
	dbus-daemon --system --fork --nopidfile --print-pid >>"$T_DIR/pids" 2>"$T_DIR/dbus.log"
	"$UDISKS" >"$T_DIR/udisks.log" 2>&1 </dev/null &
	echo $! >>"$T_DIR/pids"
	wait_until "udisks answers" 120 udisks_answers
}

# object NODE
object() {
	local node
	node=$(readlink -f "$1")
	node=${node##*/}
	echo "/${NAME//.//}/block_devices/${node//-/_2d}"
}

# has_file_system: the objects on which udisks finds it, one a line
has_file_system() {
	be_patient
	busctl --timeout=$((60 * patience)) call "$NAME" "/${NAME//.//}/Manager" "$NAME.Manager" ResolveDevice 'a{sv}a{sv}' 1 uuid s "$uuid" 0 |
		grep -o '"[^"]*"' | tr -d '"' | sort
}

# hint NODE: "b false" if it is to be shown; fails if udisks has nothing of the kind
hint() {
	be_patient
	busctl --timeout=$((60 * patience)) get-property "$NAME" "$(object "$1")" "$NAME.Block" HintIgnore
}

knows() {
	hint "$1" >"$T_DIR/hint" 2>&1
}

# hidden NODE: it has no object, or one that says so
hidden() {
	! knows "$1" || equal "what udisks says of $1" "b true" "$(<"$T_DIR/hint")"
}

finds() {
	[[ $(has_file_system | wc -l) -eq $1 ]]
}

udev_rule_install
dev=$(partition "$(scratch a)" 32)
cow=$(scratch b)
at=$(mkfs_mounted ext4 "$dev")
uuid=$(blkid -p -o value -s UUID "$dev")
udevadm trigger --settle --action=change "$dev"
udisks_start
equal "where the file system is" "$(object "$dev")" "$(has_file_system)"
interpose x "$dev" snapshot-origin >"$T_DIR/node"
snap=$(udev_snapshot x snap "$cow" --uuid "INTERPOSE-SNAP-$P-snap")
udev_settled
later=$(linear_create later "$(scratch c)") # it takes events one after the other
wait_until "udisks knows what came later" 60 knows "$later"
equal "what udisks says of an ordinary mapped device" "b false" "$(hint "$later")"
hidden "$snap"
hidden "/dev/mapper/$P-x"
hidden "$(interposer_beneath x)"
equal "where the file system is, with a snapshot" "$(object "$dev")" "$(has_file_system)"
dmsetup remove --retry "$P-later"
dmsetup remove --retry "$P-snap"

udev_rule_remove
snap=$(udev_snapshot x snap "$cow")
udev_settled
wait_until "without the rule it is found twice" 60 finds 2
udev_rule_install
dmsetup remove --retry "$P-snap"
dmsetup remove --retry "$P-x"
umount "$at"
test_done
