#!/bin/bash
# tier: full
# timeout: 300
# vm: --udev
# Given a mounted ext4, and a volume group with room on another disk
# When it is tracked with the record in that group, tracked no more, and tracked again with the volume of the first time;
#   and when that is tried in a group without room, and of a device that cannot be interposed
# Then there is a volume of the size that is needed, the points of the first time are from before a gap, since the device
#   was mounted meanwhile; and what fails leaves no volume
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires lvm era_restore era_invalidate

volumes_are() {
	equal "the volumes" "$*" "$(lvs --noheadings -o lv_name "$P-vg" | xargs)"
}

cleanup eval "vgremove -qq --force '$P-vg' >'$T_DIR/vgremove.log' 2>&1 || true"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
vgcreate -qq --yes "$P-vg" "$(scratch b)"
dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
track=(track on --tab "$T_DIR/tab" --name "$P-x")
interposectl_status 0 --dry-run "${track[@]}" --vg "$P-vg" "$dev"
says "lvcreate" "era /dev/$P-vg/$P-x-era $dev 128"
volumes_are
interposectl_status 0 "${track[@]}" --vg "$P-vg" "$dev"
volumes_are "$P-x-era"
equal "the line" "$P-x $dev nofail,pin era" "$(cut -d ' ' -f 1-4 "$T_DIR/tab" | sed "s, UUID=[^ ]*, $dev,")"
point=$(interposectl changed --mark "$at")
interposectl_status 0 track status --json "$at"
says_json "\"since\":\"${point%:*}:1\"" '"gap":null'
interposectl_status 0 track off --tab "$T_DIR/tab" "$at"
volumes_are "$P-x-era"
interposectl_status 1 "${track[@]}" --vg "$P-vg" "$dev"
says "already exists"
interposectl_status 0 "${track[@]}" --meta "$P-vg/$P-x-era" "$dev"
says "full backup needed: it was in use when it was detached"
interposectl_status 4 changed --since "$point" "$at"
interposectl_status 0 track off --tab "$T_DIR/tab" "$at"
lvremove -qq --yes "$P-vg/$P-x-era"
interposectl_status 1 "${track[@]}" --vg "$P-none" "$dev"
interposectl_status 1 track on --tab "$T_DIR/tab" --name "$P-x" --vg "$P-vg" "$(disk b)"
says "recording a write would be a write to be recorded"
volumes_are
umount "$at"
fsck_clean "$dev"
test_done
