#!/bin/bash
# tier: full
# timeout: 600
# Given snapshots of a mounted ext4, with their space in a file, in memory or in a logical volume
# When somebody else removes or renames the snapshot, the interposer, the file, the loop device or the volume, or gives
#   their names to other things, and then interposectl removes the snapshot
# Then nothing of the snapshot is left, and what is somebody else's stays; no space is taken from a snapshot that lives,
#   whatever the record says; a volume that was there before is not removed
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/left.sh
requires_target snapshot
requires lvm

remake() {
	interposectl -q snapshot --name "$P-snap" --size 8M "$@" "$at"
	record=/run/interposectl/$P-snap
}

file_snapshot() {
	remake --file "$space/cow"
	loop=$(losetup -nO NAME -j "$space/cow")
}

interposectl_cleans
lvm_space_begin
dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
interposer=interpose-${dev##*/}

# each step of somebody else, before the removal
file_snapshot; dmsetup remove "$P-snap"; removed
file_snapshot; dmsetup remove "$P-snap"; losetup -d "$loop"; removed
file_snapshot; rm "$space/cow"; removed
file_snapshot; losetup -d "$loop"; removed
file_snapshot; dmsetup rename "$P-snap" "$P-other"; removed
file_snapshot; dmsetup rename "$interposer" "$P-x"; dmsetup rename "$P-snap" "$P-other"; removed
remake --ram; dmsetup remove "$P-snap"; dmsetup remove "$interposer"; removed
remake --ram; dmsetup remove "$P-snap"; losetup -d "$(losetup -nO NAME)"; umount "/run/interposectl/ram-$P-snap"; removed
remake --vg "$P-vg"; dmsetup remove "$P-snap"; lvremove -qq --yes "$P-vg/$P-snap-cow"; removed
remake --vg "$P-vg"; lvrename -qq "$P-vg" "$P-snap-cow" renamed; removed

# names that are somebody else's by now
file_snapshot
dmsetup remove "$P-snap"
losetup -d "$loop"
rm "$space/cow"
echo mine >"$space/cow"
dmsetup remove "$interposer"
interposectl -q attach --name "$interposer" "$dev"
linear_create snap "$(partition "$(scratch c)" 64)" >/dev/null
interposectl_status 0 snapshot --remove "$P-snap"
says "$space/cow is a different file now, and is left alone"
equal "the file" mine "$(<"$space/cow")"
equal "mapped devices" "$(printf '%s\n' "$P-snap" "$interposer" | sort)" "$(dmsetup ls | cut -f 1 | sort)"
rm "$space/cow"
dmsetup remove "$P-snap"
interposectl -q detach "$interposer"
lvcreate -qq --yes --name "$P-snap-cow" --size 8M "$P-vg"
lvchange -qq -an "$P-vg/$P-snap-cow"
interposectl_status 1 snapshot --name "$P-snap" --size 8M --vg "$P-vg" "$at"
equal "the volume" "$P-snap-cow" "$(lvs --noheadings -o lv_name "$P-vg" | tr -d ' ')"
lvremove -qq --yes "$P-vg/$P-snap-cow"
remake --vg "$P-vg"
dmsetup remove "$P-snap"
vgremove -qq --force "$P-vg"
interposectl_status 0 snapshot --remove "$P-snap"
says "volume group $P-vg is gone; if it comes back: lvremove $P-vg/$P-snap-cow"
vgcreate -qq --yes "$P-vg" "$pv"
nothing_is_left

# a record that has lost its end, and so the snapshot
for kind in file ram vg; do
	case $kind in
	file) file_snapshot ;;
	ram) remake --ram ;;
	vg) remake --vg "$P-vg" ;;
	esac
	whole=$(<"$record")
	sed -i '/undo snapshot/,$d' "$record"
	sum=$(device_sum "/dev/mapper/$P-snap" 8)
	interposectl_status 1 recover
	says "'$P-snap' was not completed, and cannot be undone" "in use by $P-snap"
	dd if=/dev/urandom of="$at/file" bs=64k count=4 conv=fsync status=none
	equal "the snapshot" "$sum" "$(device_sum "/dev/mapper/$P-snap" 8)"
	printf '%s\n' "$whole" >"$record"
	removed
done
umount "$at"
fsck_clean "$dev"
lvm_space_end
test_done
