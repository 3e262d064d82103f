#!/bin/bash
# tier: full
# timeout: 240
# disks: virtio-scsi (scsi_debug and NVMe disks in one guest are more than lockdep bears, see scsi_disk_create)
# Given a SCSI disk with an ext4 and a raw partition, both interposed and under load, and both interposers suspended
# When the disk is deleted, and the interposers are then removed, or resumed
# Then the deletion, which has waited for the file system's flush, comes to its end, the loads get errors, and
#   everything can be taken away
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/vanish.sh
requires_target interpose

deleted() {
	[[ -e $T_DIR/deleted ]]
}

# given_two_suspended: x with the file system frozen, y (--noflush) with bios at its gate
given_two_suspended() {
	disk=$(scsi_disk_create)
	vanish_errors "${disk#/dev/}"
	dev=$(partition "$disk" 64 32)
	at=$(mkfs_mounted ext4 "$dev")
	interpose x "$dev"
	interpose y "${dev%1}2"
	fio_verify_start fs "$at" --size=8M
	fio_verify_start raw "${dev%1}2" --size=16M
	wait_redirected x
	wait_redirected y
	dmsetup suspend "$P-x"
	dmsetup suspend --noflush "$P-y"
	wait_until "bios wait at the gate" 10 has_held y
	rm -f "$T_DIR/deleted"
	{
		scsi_disk_delete "$disk"
		: >"$T_DIR/deleted"
	} &
	wait_until "the deletion waits for a flush" 30 has_held x
	! deleted || fail "the deletion has not waited"
}

has_held() {
	(($(interposer_held "$1") > 0))
}

modprobe -q dm-interpose
references_note

given_two_suspended
dmsetup remove "$P-x"
dmsetup remove "$P-y"
wait_until "the deletion is through" 60 deleted
fio_fails fs
fio_fails raw
umount "$at"
modprobe -r scsi_debug
references_back

given_two_suspended
dmsetup resume "$P-y"
dmsetup resume "$P-x"
wait_until "the deletion is through" 60 deleted
fio_fails fs
fio_fails raw
equal "held" "0 0" "$(interposer_held x) $(interposer_held y)"
umount "$at"
dmsetup remove "$P-y"
dmsetup remove "$P-x"
modprobe -r scsi_debug
references_back
test_done
