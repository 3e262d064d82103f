#!/bin/bash
# tier: full
# timeout: 300
# vm: --udev
# Given a physical volume, interposed, with a snapshot of it, a volume with a mounted ext4 under load, and udevd with our
#   rule
# When LVM, with the documented filter line, or with a devices file, creates, extends, deactivates, activates and removes
#   volumes there
# Then it does so, finds the physical volume where it was and nothing else, and the load goes on; without both it
#   refuses, since the snapshot is a duplicate
. tests/lib/test.sh
. tests/lib/udev.sh
requires lvm
requires_target snapshot

# lvm_configured DEVICES: what the section "devices" has
lvm_configured() {
	cat >"$LVM_SYSTEM_DIR/lvm.conf" <<-END
		devices { $1 }
		activation { monitoring=0 }
		backup { backup=0 archive=0 }
	END
}

group_remove() {
	lvm_configured "use_devicesfile=0 $line"
	! vgs "$P" >"$T_DIR/vgs" 2>&1 || vgremove -q --force --yes "$P"
}

# quiet COMMAND…: it succeeds, and what it says names none of ours, and no duplicate
quiet() {
	"$@" >"$T_DIR/said" 2>&1 {T_NEVER}>&- || fail "status $? from $*: $(<"$T_DIR/said")"
	[[ ! $(<"$T_DIR/said") =~ interpose|"$P-x"|"$P-snap"|[Dd]uplicate ]] || fail "$* says: $(<"$T_DIR/said")"
}

group_changes() {
	local found
	quiet lvcreate --yes --size 16M --name "$1" "$P"
	quiet lvextend -L +8M "$P/$1"
	quiet lvchange -an "$P/$1"
	quiet vgchange -ay "$P"
	equal "sectors of the volume" 49152 "$(sectors "/dev/mapper/$P-$1")"
	quiet lvs
	quiet pvscan
	quiet pvs --noheadings -o pv_name
	found=$(<"$T_DIR/said")
	equal "physical volumes" "$dev" "${found//[[:space:]]/}"
	quiet lvremove --yes "$P/$1"
}

line=$(sed -n 's/^  \(global_filter = .*\)/\1/p' Documentation/admin-guide/device-mapper/dm-interpose.rst)
[[ $line ]] || fail "the document has no filter line"
export LVM_SYSTEM_DIR=$T_DIR/lvm
mkdir -p "$LVM_SYSTEM_DIR"
udev_rule_install
dev=$(partition "$(scratch a)" 200)
cow=$(scratch b)
cleanup group_remove
lvm_configured "use_devicesfile=0 $line"
quiet pvcreate "$dev"
quiet vgcreate "$P" "$dev"
quiet lvcreate --yes --size 64M --name root "$P"
at=$(mkfs_mounted ext4 "/dev/mapper/$P-root")
fio_verify_start load "$at" --size=16M
interpose x "$dev" snapshot-origin >"$T_DIR/node"

lvm_configured "use_devicesfile=0"
equal "physical volumes without the line" "$dev" "$(pvs --noheadings -o pv_name 2>"$T_DIR/said" | tr -d ' ')"
note "without the line LVM says: $(<"$T_DIR/said")"
udev_snapshot x snap "$cow" --uuid "INTERPOSE-SNAP-$P-snap" >"$T_DIR/node"
udev_settled
expect_error "duplicate PV" -- lvcreate --yes --size 16M --name refused "$P"

lvm_configured "use_devicesfile=0 $line"
group_changes filtered
mkdir -p "$LVM_SYSTEM_DIR/devices"
lvm_configured "use_devicesfile=1"
quiet lvm lvmdevices --yes --adddev "$dev"
group_changes listed

dmsetup remove --retry "$P-snap"
dmsetup remove --retry "$P-x"
fio_verify_stop load
umount "$at"
fsck_clean "/dev/mapper/$P-root"
test_done
