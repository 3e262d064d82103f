#!/bin/bash
# timeout: 60
# Given a mounted partition that is interposed
# When dmsetup deps and ls --tree, lsblk, and sysfs are asked for the stack
# Then they show the partition, on it the disk beneath the hook, and on that the mapped device; after the removal
#   nothing of it
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev"
beneath=$(interposer_beneath x)
beneath=${beneath#/dev/}
upper=$(dmsetup info -c --noheadings -o blkdevname "$P-x")

equal "dmsetup deps" "1 dependencies"$'\t'": ($beneath)" "$(dmsetup deps -o blkdevname "$P-x")"
tree=$(dmsetup ls --tree -o blkdevname,ascii)
[[ $tree == *"$P-x <$upper> "*"$beneath"* ]] || fail "dmsetup ls --tree: $tree"
equal "lsblk" "vda1 $beneath $P-x " "$(lsblk -rno NAME "$dev" | tr '\n' ' ')"
equal "lsblk upwards" "$P-x $beneath vda1 vda " "$(lsblk -srno NAME "/dev/mapper/$P-x" | tr '\n' ' ')"
for link in vda1/holders/"$beneath" "$beneath"/slaves/vda1 "$beneath/holders/$upper" "$upper/slaves/$beneath"; do
	[[ -e /sys/class/block/$link/dev ]] || fail "there is no /sys/class/block/$link"
done

dmsetup remove "$P-x"
left=$(printf '%s\n' /sys/class/block/{vda,vda1}/holders/* /sys/class/block/interpose* /dev/interpose* /dev/mapper/*)
equal "left" "/sys/class/block/vda/holders/*
/sys/class/block/vda1/holders/*
/sys/class/block/interpose*
/dev/interpose*
/dev/mapper/control" "$left"
equal "lsblk" vda1 "$(lsblk -rno NAME "$dev")"
umount "$at"
test_done
