#!/bin/bash
# tier: full
# timeout: 400
# vm: --udev
# Given a mounted ext4 whose device is a logical volume, udevd, and a volume group with room on another disk
# When interposectl makes a snapshot with the space in that group, and then in the group of the device itself, where
#   the new volume would lie on the same disk as the device but not on the device
# Then each has what was there; removing it removes the volume, also after a monitor has removed the snapshot before it was
#   full; a group without room is refused, with nothing left
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
requires lvm

lvm_gone() {
	vgremove -qq --force "$P-own" "$P-other" >"$T_DIR/vgremove.log" 2>&1 || true
}

# volumes_are VG/LV…
volumes_are() {
	local volumes
	volumes=$(lvs --noheadings -o lv_full_name | tr -d ' ' | sort)
	equal "the volumes" "$(printf '%s\n' "$@" | sort)" "$volumes"
}

cleanup lvm_gone
interposectl_cleans
vgcreate -qq --yes "$P-own" "$(scratch a)"
vgcreate -qq --yes "$P-other" "$(scratch b)"
lvcreate -qq --yes --name lv --size 48M "$P-own"
dev=/dev/$P-own/lv
at=$(mkfs_mounted ext4 "$dev")
mkdir "$T_DIR/look"
cleanup unmount_if_there "$T_DIR/look"
for group in "$P-other" "$P-own"; do
	echo old >"$at/file"
	interposectl_status 0 snapshot --name "$P-snap" --vg "$group" --size 32M "$at"
	echo new >"$at/file"
	volumes_are "$P-own/lv" "$group/$P-snap-cow"
	mount -o ro "/dev/mapper/$P-snap" "$T_DIR/look"
	equal "the file in the snapshot" old "$(<"$T_DIR/look/file")"
	umount "$T_DIR/look"
	interposectl_status 0 snapshot --remove "$P-snap"
	volumes_are "$P-own/lv"
done
interposectl_status 0 snapshot --name "$P-snap" --vg "$P-own" --size 8M "$at"
says "interposectl monitor"
rm "$at/file"
lvcreate -qq --yes --name rest --extents 100%FREE "$P-own"
dd if=/dev/urandom of="$at/file" bs=1M count=6 conv=fsync status=none
interposectl_status 0 monitor --once --warn 10 --drop 10 "$P-snap"
says "cannot be extended: removing it"
[[ ! -e /dev/mapper/$P-snap ]] || fail "it is still there"
interposectl_status 0 snapshot --remove "$P-snap"
lvremove -qq --yes "$P-own/rest"
volumes_are "$P-own/lv"
interposectl_status 0 list -n
equal "what is interposed" "" "$said"

interposectl_status 1 snapshot --name "$P-snap" --vg "$P-other" --size 2G "$at"
says "lvcreate failed"
volumes_are "$P-own/lv"
interposectl_status 1 snapshot --name "$P-snap" --vg "$P-none" "$at"
interposectl_status 0 list -n
equal "what is interposed" "" "$said"
umount "$at"
fsck_clean "$dev"
vgremove -qq --force "$P-own" "$P-other"
test_done
