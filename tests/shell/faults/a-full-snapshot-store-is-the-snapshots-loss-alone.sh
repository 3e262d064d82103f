#!/bin/bash
# timeout: 120
# Given a mounted ext4 under verified load and a snapshot of it with room for only a few chunks
# When the copy-on-write store overflows
# Then the snapshot becomes invalid and says so, no I/O of the file system fails, and the interposer goes on and detaches
. tests/lib/test.sh
requires_target snapshot-origin

dev=$(partition "$(scratch a)" 128)
store=$(partition "$(scratch b)" 1)
at=$(mkfs_mounted ext4 "$dev")
# what reads the snapshot when it is gone
expects_dmesg 'Invalidating snapshot: (Unable to allocate exception|Error)' 'I/O error, dev dm-'
interpose x "$dev" snapshot-origin
dmsetup suspend "$P-x"
snap=$(dm_create snap "0 $(sectors "$dev") snapshot $(interposer_beneath x) $store N 8")
dmsetup resume "$P-x"
fio_verify_start load "$at" --size=16M

is_invalid() {
	[[ $(dmsetup status "$P-snap") == *" snapshot Invalid" ]]
}

wait_until "the store has overflowed" 60 is_invalid
wait_redirected x 200
expect_error "Input/output error" EIO -- dd if="$snap" of="$T_DIR/block" bs=4k count=1 iflag=direct
fio_verify_check load
equal "state" attached "$(interposer_state x)"
dmsetup remove "$P-snap"
wait_redirected x 100
dmsetup remove "$P-x"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
