#!/bin/bash
# tier: full
# timeout: 240
# disks: virtio-blk (each of them has a slot of its own, and a number that is not given to another meanwhile)
# Given an xfs under load on a partition of a virtio disk, and the whole disk interposed
# When the disk is unplugged from its PCI slot, and plugged in again
# Then the load gets errors and the kernel no splat; the disk comes back as another one, which can be mounted and
#   interposed while the old interposer still exists; file system and interposer of the old one can be taken away
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/vanish.sh
requires_target interpose delay

replug() {
	echo 1 >/sys/bus/pci/rescan
	wait_until "the disk is back" 30 returned
}

# returned: sets back to the node of the disk that was not there before
returned() {
	local name
	for name in $(disks); do
		[[ $name != vd* || " $left " == *" $name "* ]] || back=/dev/$name
	done
	[[ $back && -b $back ]]
}

modprobe -q dm-interpose
references_note
disk=$(scratch d)
slot=$(realpath "/sys/block/${disk#/dev/}/device/..")
dev=$(partition "$disk" 320)
at=$(mkfs_mounted xfs "$dev")
vanish_errors "${disk#/dev/}"
fio_verify_start load "$at" --size=16M
interpose x "$disk" delay "$disk" 0 20
wait_redirected x

echo 1 >"$slot/remove"
fio_fails load
gone "$dev"
left=$(disks) back=''
replug
note "$disk has come back as $back"
[[ $back != "$disk" ]] || fail "the name of a disk that is still open has been given to another"
equal "state of the old interposer" attached "$(interposer_state x)"
blkdiscard -z "$back"
interpose y "$back"
fio_verify_start again "$back" --size=32M
wait_redirected y
umount "$at"
dmsetup remove "$P-x"
wait_redirected y
fio_verify_stop again
dmsetup remove "$P-y"

# under its own name, for the tests that follow
echo 1 >"$(realpath "/sys/block/${back#/dev/}/device/..")/remove"
wait_until "$back is gone" 30 gone "$back"
left=$(disks) back=''
replug
equal "the disk's name" "$disk" "$back"
references_back "$disk"
test_done
