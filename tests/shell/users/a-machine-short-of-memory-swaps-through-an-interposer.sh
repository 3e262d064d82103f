#!/bin/bash
# tier: full
# timeout: 300
# vm: --mem 768M
# Given a machine whose processes use more memory than it has, so that every allocation may have to wait for the swap
# When interposers on the swap come and go, and are suspended, reloaded and resumed
# Then all of this comes to its end, and no page is lost
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/users.sh
requires_target interpose snapshot delay

available() {
	local name value
	while read -r name value _; do
		[[ $name != MemAvailable: ]] || echo $((value / 1024))
	done </proc/meminfo
}

# virtio-blk has a way without it, but the failure of an allocation that cannot wait is a complaint in the log
reserve=/proc/sys/vm/min_free_kbytes
cleanup eval "echo $(<"$reserve") >$reserve"
echo 24576 >"$reserve"

disk=$(scratch a)
scratch b >/dev/null
dev=$(partition "$disk" 960)
swap_on "$dev"
ballast=$T_DIR/ballast # what lies there cannot be swapped out
mkdir "$ballast"
cleanup unmount_if_there "$ballast"
mount -t ramfs ramfs "$ballast"
dd if=/dev/zero of="$ballast/file" bs=1M count=$(($(available) - 48)) status=none
note "$(available) MiB of memory are left"
swap_load_start load /sys/fs/cgroup 80
wait_swapped "$disk" 1000
cycles 3 "$dev" linear
cycles 2 "$dev" snapshot-origin
cycles 1 "$dev" delay
dmsetup create "$P-cycle" --table "0 $(sectors "$dev") interpose $dev linear $dev 0"
for inner in "delay $dev 0 20" "linear $dev 0"; do
	dm_reload cycle "0 $(sectors "$dev") interpose $dev $inner"
	wait_redirected cycle
done
dmsetup remove "$P-cycle"
fio_verify_stop load
umount "$T_DIR/memory-load"
umount "$ballast"
swapoff "$dev"
test_done
