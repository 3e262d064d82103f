#!/bin/bash
# timeout: 120
# vm: --qemu "-drive if=none,id=shared,driver=null-co,size=64M,read-zeroes=on,snapshot=on -device nvme-subsys,id=two -device nvme,id=port1,serial=two,subsys=two -device nvme,id=port2,serial=two,subsys=two -device nvme-ns,drive=shared,bus=port1,nsid=1,shared=on"
# Given an NVMe disk with two ports, and an MD raid1 without statistics, both without a file system
# When they are interposed
# Then that is refused, since nobody can tell what they have in flight; the advice for the NVMe disk is its file system
#   alone, for MD also the statistics; done as it says, either attach works
. tests/lib/test.sh
requires mdadm

heads=(/sys/class/nvme-subsystem/*/nvme*n1)
[[ -e ${heads[0]} ]] || unmet "there is no NVMe disk with two ports"
head=${heads[0]##*/}
dev=/dev/$head

# refused DEV: sets $log
refused() {
	expect_error "in flight" EOPNOTSUPP -- dmsetup create "$P-x" --table "0 $(sectors "$1") interpose $1 linear $1 0"
	! dm_exists "$P-x" || dmsetup remove "$P-x"
	dmesg_since_start
}

cleanup dm_remove_if_there "$P-x"
refused "$dev"
[[ $log == *"the driver of $head does not report its I/O in flight; mount its file system first"* ]] ||
	fail "no hint for $head"
[[ $log != *iostats* ]] || fail "a hint that does not help: $head does not account all that it has in flight"
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev" >"$T_DIR/node"
random_fill "$at/file" 1
equal "state" attached "$(interposer_state x)"
dmsetup remove "$P-x"
umount "$at"

md=$(md_create 1 "$(partition "$(scratch c)" 64)" "$(partition "$(scratch d)" 64)")
echo 0 >"$(sysfs_dir "$md")/queue/iostats"
refused "$md"
[[ $log == *"${md#/dev/}"*"turn on its queue/iostats"* ]] || fail "no hint for ${md#/dev/}"
echo 1 >"$(sysfs_dir "$md")/queue/iostats"
interpose x "$md" >"$T_DIR/node"
equal "state" attached "$(interposer_state x)"
dmsetup remove "$P-x"
test_done
