#!/bin/bash
# tier: full
# timeout: 240
# Given processes that use more memory than their control group may have, with verified contents, and a swap file on a
#   mounted ext4, past which the kernel writes to the disk
# When interposers come and go, and are suspended, on the device of the file system
# Then pages are swapped in and out through each, none is lost, and e2fsck finds nothing
. tests/lib/test.sh
. tests/lib/control_group.sh
. tests/lib/cycles.sh
. tests/lib/users.sh
requires_target interpose snapshot

disk=$(scratch a)
scratch b >/dev/null
dev=$(partition "$disk" 256)
at=$(mkfs_mounted ext4 "$dev")
dd if=/dev/zero of="$at/swap" bs=1M count=96 conv=fsync status=none
chmod 600 "$at/swap"
control_group memory
group_keeps 32M
swap_on "$at/swap"
swap_load_start load "$group" 64
wait_swapped "$disk" 200
cycles 2 "$dev" linear
cycles 1 "$dev" snapshot-origin
dmsetup create "$P-cycle" --table "0 $(sectors "$dev") interpose $dev linear $dev 0"
wait_swapped "$disk" 200
dmsetup suspend "$P-cycle"
dmsetup resume "$P-cycle"
wait_swapped "$disk" 200
dmsetup remove "$P-cycle"
wait_swapped "$disk" 200
fio_verify_check load
group_keeps max
swapoff "$at/swap"
fio_verify_stop load
umount "$T_DIR/memory-load"
umount "$at"
fsck_clean "$dev"
test_done
