#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 240
# disks: virtio-scsi (scsi_debug and NVMe disks in one guest are more than lockdep bears, see scsi_disk_create)
# Given an ext4 under load on a partition of a SCSI disk, interposed with snapshot-origin, and a snapshot of it
# When the disk is deleted
# Then the load gets errors and the kernel no splat; the interposer is suspended and resumed, gives back its table, and
#   refuses another; what was loaded before can be resumed; the snapshot, the interposers, and the mount can be taken
#   away in any order, and nothing is left
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/vanish.sh
requires_target interpose snapshot

# given_a_dead_disk: sets disk, dev and at
given_a_dead_disk() {
	disk=$(scsi_disk_create)
	vanish_errors "${disk#/dev/}"
	dev=$(partition "$disk" 96 16)
	at=$(mkfs_mounted ext4 "$dev")
	fio_verify_start load "$at" --size=16M --numjobs=2 --fdatasync=16
	interpose x "$dev" snapshot-origin
	cow=$(scratch b)
	dmsetup suspend "$P-x"
	dm_create snap "0 $(sectors "$dev") snapshot $(interposer_beneath x) $cow N 32" >"$T_DIR/snap"
	dmsetup resume "$P-x"
	wait_redirected x
	dm_create late "" --notable >"$T_DIR/late"
	dmsetup load "$P-late" --table "0 32768 interpose ${dev%1}2 linear ${dev%1}2 0"
	scsi_disk_delete "$disk"
	fio_fails load
	gone "$dev"
}

modprobe -q dm-interpose
references_note

given_a_dead_disk
equal "state" attached "$(interposer_state x)"
table=$(dmsetup table "$P-x")
dmsetup suspend "$P-x"
equal "state" held "$(interposer_state x)"
dmsetup resume "$P-x"
expect_error "cannot open" ENXIO -- dmsetup load "$P-x" --table "$table"
expect_error "no block device" -- dmsetup create "$P-y" --table "0 8 interpose $dev linear $(disk c) 0"
not dd if="$(<"$T_DIR/snap")" of=/dev/null bs=4k iflag=direct status=none
dmsetup resume "$P-late"
dmsetup remove "$P-late"
dmsetup remove "$P-snap"
dmsetup remove "$P-x"
umount "$at"
modprobe -r scsi_debug
references_back

given_a_dead_disk
umount "$at"
dmsetup remove "$P-x"
dmsetup remove "$P-snap"
dmsetup remove "$P-late"
modprobe -r scsi_debug
references_back
test_done
