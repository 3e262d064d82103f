#!/bin/bash
# tier: full
# timeout: 240
# Given processes that use more memory than their control group may have, with verified contents, and a swap partition
# When interposers come and go on the swap while it is in use, and when swap is turned on and off on an interposed one
# Then pages are swapped in and out through each, and none is lost
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/control_group.sh
. tests/lib/users.sh
requires_target interpose snapshot delay

disk=$(scratch a)
scratch b >/dev/null
dev=$(partition "$disk" 256)
control_group memory
group_keeps 32M

swap_on "$dev"
swap_load_start before "$group" 64
wait_swapped "$disk" 200
cycles 2 "$dev" linear
cycles 2 "$dev" snapshot-origin
cycles 1 "$dev" delay
dmsetup create "$P-cycle" --table "0 $(sectors "$dev") interpose $dev linear $dev 0"
wait_swapped "$disk" 200
dmsetup suspend "$P-cycle"
dmsetup resume "$P-cycle"
wait_swapped "$disk" 200
fio_verify_check before
group_keeps max
swapoff "$dev" # what was written without an interposer is read through it
fio_verify_stop before
umount "$T_DIR/memory-before"

swap_on "$dev"
group_keeps 32M
swap_load_start after "$group" 64
wait_redirected cycle 200
dmsetup remove "$P-cycle"
wait_swapped "$disk" 200
fio_verify_check after
group_keeps max
swapoff "$dev" # and the other way round
fio_verify_stop after
umount "$T_DIR/memory-after"
blockdev --rereadpt "$disk"
test_done
