#!/bin/bash
# timeout: 60
# Given a mounted partition that is interposed
# When dmsetup deps and ls --tree, lsblk, and sysfs are asked for the stack
# Then they show the partition, on it the disk beneath the hook, and on that the mapped device; after the removal
#   nothing of it
. tests/lib/test.sh

# shown: all that could be there of an interposer
shown() {
	printf '%s\n' /sys/class/block/{"${disk#/dev/}","$name"}/holders/* /sys/class/block/interpose* /dev/interpose* \
		/dev/mapper/*
}

disk=$(scratch a)
dev=$(partition "$disk" 64)
name=${dev#/dev/}
dmsetup mknodes # a command that was killed leaves its node
before=$(shown)
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev"
beneath=$(interposer_beneath x)
beneath=${beneath#/dev/}
upper=$(dmsetup info -c --noheadings -o blkdevname "$P-x")

equal "dmsetup deps" "1 dependencies"$'\t'": ($beneath)" "$(dmsetup deps -o blkdevname "$P-x")"
tree=$(dmsetup ls --tree -o blkdevname,ascii)
[[ $tree == *"$P-x <$upper> "*"$beneath"* ]] || fail "dmsetup ls --tree: $tree"
equal "lsblk" "$name $beneath $P-x " "$(lsblk -rno NAME "$dev" | tr '\n' ' ')"
equal "lsblk upwards" "$P-x $beneath $name ${disk#/dev/} " "$(lsblk -srno NAME "/dev/mapper/$P-x" | tr '\n' ' ')"
for link in "$name/holders/$beneath" "$beneath/slaves/$name" "$beneath/holders/$upper" "$upper/slaves/$beneath"; do
	[[ -e /sys/class/block/$link/dev ]] || fail "there is no /sys/class/block/$link"
done

dmsetup remove "$P-x"
equal "left" "$before" "$(shown)"
equal "lsblk" "$name" "$(lsblk -rno NAME "$dev")"
umount "$at"
test_done
