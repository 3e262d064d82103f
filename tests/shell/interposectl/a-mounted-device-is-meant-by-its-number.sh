#!/bin/bash
# timeout: 200
# Given a mapped device with a mounted ext4, which was renamed, and whose name another mapped device has taken
# When interposectl is given the mount point in any spelling: with a slash at its end, relative, through a symbolic link,
#   a directory below it, a bind mount, and one with a blank; also where another mount hides the first one
# Then it means the device that is mounted there, which no name leads to any more
. tests/lib/test.sh
. tests/lib/interposectl.sh

# means WORD DEVICE
means() {
	interposectl_status 0 --dry-run attach --name "$P-x" "$1"
	says " interpose $(kernel_node "$2") "
}

dev=$(partition "$(scratch a)" 64)
other=$(partition "$(scratch b)" 64)
mapped=$(linear_create home "$dev")
at=$(mkfs_mounted ext4 "$mapped")
dmsetup rename "$P-home" "$P-old"
cleanup dm_remove_if_there "$P-old"
linear_create home "$other" >"$T_DIR/node"
[[ $(findmnt -no SOURCE "$at") == *-home ]] || note "the mount table has: $(findmnt -no SOURCE "$at")"
mkdir -p "$at/below/deep" "$T_DIR/bind" "$T_DIR/with a blank"
ln -s "$at" "$T_DIR/link"
cleanup unmount_if_there "$T_DIR/bind"
mount --bind "$at/below" "$T_DIR/bind"
cleanup unmount_if_there "$T_DIR/with a blank"
mount --bind "$at" "$T_DIR/with a blank"
cd "$at" || exit
for word in "$at" "$at/" "$at//." . below "$at/below/deep" "$T_DIR/link" "$T_DIR/bind" "$T_DIR/with a blank" \
	"${T_DIR}/with\\040a\\040blank"; do
	means "$word" "/dev/mapper/$P-old"
done
cd "$REPO" || exit
means "/dev/mapper/$P-home" "/dev/mapper/$P-home"
means "$P-home" "/dev/mapper/$P-home"

mkdir "$T_DIR/bind/x"
umount "$T_DIR/bind"
mount --bind "$at" "$T_DIR/bind"
mkfs.ext4 -qF "/dev/mapper/$P-home"
cleanup unmount_if_there "$T_DIR/bind"
mount "/dev/mapper/$P-home" "$T_DIR/bind"
means "$T_DIR/bind" "/dev/mapper/$P-home"
means "$at" "/dev/mapper/$P-old"
umount "$T_DIR/bind"

cleanup dm_remove_if_there "$P-x"
interposectl_status 0 attach --name "$P-x" "$at"
says "/dev/mapper/$P-old is interposed by $P-x"
equal "the device" "$(devno "/dev/mapper/$P-old")" "$(interposer_origin x)"
interposectl_status 1 detach "/dev/mapper/$P-home"
says "/dev/mapper/$P-home is not interposed"
interposectl_status 0 detach "$T_DIR/link"
umount "$T_DIR/bind" "$T_DIR/with a blank" "$at"
test_done
