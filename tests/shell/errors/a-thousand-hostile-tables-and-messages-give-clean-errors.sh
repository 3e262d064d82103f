#!/bin/bash
# tier: full
# timeout: 180
# Given a mounted ext4 that is interposed and under load, a free disk, a partition, and a disk that comes and goes
# When tables (of up to two hundred lines), messages and ioctls come that are huge, empty, binary, of wrong counts and
#   types, that name themselves, the taken device or what is beneath it (as many as the first argument says, from the
#   seed in the second)
# Then each is refused with a clean error or works, each kind does both, none works that is known to be wrong, right
#   ones go on to work, nothing is left behind, and the file system under load does not notice
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose era flakey delay snapshot

count=${1:-1000} seed=${2:-1}
hostile=$(program hostile)
# what is tried as an inner target, so that it need not be looked for each time
modprobe -a dm-raid dm-mirror dm-dust dm-ebs dm-unstriped dm-crypt dm-cache dm-clone dm-integrity dm-thin-pool dm-verity \
	dm-writecache dm-log-writes dm-multipath dm-zero || fail "a module of device-mapper is missing"
modprobe_path=$(</proc/sys/kernel/modprobe)
cleanup eval "echo $modprobe_path >/proc/sys/kernel/modprobe"
echo >/proc/sys/kernel/modprobe # and none for names that do not exist
read -r loglevel _ </proc/sys/kernel/printk
cleanup eval "echo $loglevel >/proc/sys/kernel/printk"
echo 3 >/proc/sys/kernel/printk # thousands of errors are kept in the log, but not sent through an emulated serial line

whole=$(scratch a)
taken=$(partition "$whole" 128)
disk=$(scratch b)
partition=$(partition "$(scratch c)" 256)
metadata=$(partition "$(scratch d)" 16)
vanishing=$(null_blk_create vanishing size=64 memory_backed=1)
references_note
at=$(mkfs_mounted ext4 "$taken")
interpose x "$taken" era "$metadata" "$taken" 128
beneath=$(interposer_beneath x)
fio_verify_start load "$at" --rate_iops=50

"$hostile" --seed "$seed" --count "$count" --prefix "$P-" --log "$T_DIR/hostile.log" "${disk#/dev/}" \
	"${partition#/dev/}" "${taken#/dev/}" "${whole#/dev/}" "$P-x" "${beneath#/dev/}" "${vanishing#/dev/}" || {
	tail -n 20 "$T_DIR/hostile.log"
	fail "seed $seed: see above"
}

fio_verify_stop load
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$taken"
references_back "$whole" "$disk" "$(disk c)" "$(disk d)"
test_done
