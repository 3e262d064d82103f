#!/bin/bash
# tier: full
# timeout: 400
# Given a mounted ext4, and a disk without anything, with a volume group, or with a file system
# When snapshots are taken, and backups are made, without a word on where the COW store is to be
# Then it is a volume in the group, if there is room and the group lies on no origin; else a file on another file system;
#   else a file on the first one itself; else memory; it is named, and gone afterwards
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
requires vgcreate pvcreate qemu-img qemu-nbd

group_goes() {
	vgremove -qqff "$vg" >"$T_DIR/vgremove" 2>&1 || true
	wipefs -qa "$@"
}

interposectl_cleans
dev=$(partition "$(scratch a)" 48 200)
rest=${dev%1}2
spare=$(partition "$(scratch b)" 128)
at=$(mkfs_mounted ext4 "$dev")
vg=${P}vg
interposectl_status 0 snapshot --name "$P-snap" "$at"
says "the COW store is the file $at/.interposectl-$P-snap.cow, on the disk of the snapshot itself"
take_writes "$at"
interposectl_status 0 snapshot --remove "$P-snap"
# what is in the free space is not copied from where the COW store is
dd if=/dev/urandom of="$at/gone" bs=1M conv=fsync status=none 2>"$T_DIR/full" || grep -q "No space left" "$T_DIR/full"
rm "$at/gone"
sync -f "$at"
interposectl_status 0 backup --ram --name all --to "$T_DIR/alone" "$at"
interposectl_status 0 backup --name less --to "$T_DIR/alone" "$at"
says "the COW store is the file $at/.interposectl-backup-" "full backup of"
interposectl_status 0 backup verify "$T_DIR/alone"
all=$(stat -c %s "$T_DIR"/alone/all.*.qcow2) less=$(stat -c %s "$T_DIR"/alone/less.*.qcow2)
((less + (7 << 20) < all)) || fail "$less bytes are not much less than $all"
equal "files that are left" $'lost+found\nwritten' "$(ls -A "$at")"
interposectl_status 0 snapshot --name "$P-snap" "$spare"
says "of memory for the COW store"
interposectl_status 0 snapshot --remove "$P-snap"
# on another partition of the origin's disk, it lies apart
pvcreate -qq "$rest"
cleanup group_goes "$rest" "$spare"
vgcreate -qq "$vg" "$rest"
interposectl_status 0 snapshot --name "$P-snap" "$at"
says "the COW store is made in the volume group $vg"
interposectl_status 0 snapshot --remove "$P-snap"
equal "volumes that are left" "" "$(lvs --noheadings -o lv_name "$vg")"
mkfs.ext4 -qF "$spare"
mkdir "$T_DIR/spare"
cleanup unmount_if_there "$T_DIR/spare"
mount "$spare" "$T_DIR/spare"
interposectl_status 1 snapshot --name "$P-snap" --size 100G "$at"
says "there is no place for its COW store" "--vg, --cow, --file or --ram"
interposectl_status 0 snapshot --name "$P-snap" --size 16M "$at"
says "volume group $vg"
interposectl_status 0 snapshot --remove "$P-snap"
group_goes "$rest"
interposectl_status 0 backup --to "$T_DIR/store" "$at"
says "the COW store is the file $T_DIR/spare/.interposectl-backup-" "full backup of"
[[ ! $(echo "$T_DIR/spare"/.interposectl*) == *.cow ]] || fail "the file is left"
# as a last resort it is on the origin
interposectl_status 0 snapshot --name "$P-snap" --size 24M "$T_DIR/spare"
says "the COW store is the file $T_DIR/spare/.interposectl-$P-snap.cow, on the disk of the snapshot itself"
interposectl_status 0 snapshot --remove "$P-snap"
umount "$T_DIR/spare" "$at"
test_done
