# shellcheck shell=bash
# Space for snapshots in a file system and in a volume group, and what is left of them. Source it after interposectl.sh.

lvm_space_gone() {
	vgremove -qq --force "$P-vg" >"$T_DIR/vgremove.log" 2>&1 || true
}

# lvm_space_begin: $space is a directory, $P-vg a volume group on $pv, both on the second disk
lvm_space_begin() {
	local spare
	spare=$(partition "$(scratch b)" 64 64)
	space=$T_DIR/space
	pv=${spare%1}2
	mkdir "$space"
	cleanup unmount_if_there "$space"
	mkfs.ext4 -qF "$spare"
	mount "$spare" "$space"
	rmdir "$space/lost+found"
	cleanup lvm_space_gone
	vgcreate -qq --yes "$P-vg" "$pv"
}

lvm_space_end() {
	umount "$space"
	vgremove -qq --force "$P-vg"
}

# removed: by interposectl, with nothing left of it
removed() {
	interposectl_status 0 snapshot --remove "$P-snap"
	nothing_is_left
}

nothing_is_left() {
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "loop devices" "" "$(losetup -nO NAME)"
	equal "files" "" "$(ls "$space")"
	equal "records" "" "$(ls /run/interposectl)"
	equal "volumes" "" "$(lvs --noheadings -o lv_name "$P-vg")"
}
