#!/bin/bash
# timeout: 300
# disks: virtio-scsi (scsi_debug and NVMe disks in one guest are more than lockdep bears, see scsi_disk_create)
# Given ext4 on a SCSI disk with mirror, integrity or crypt as the inner target
# When an ordinary user writes and reads a file with O_DIRECT and memory aligned to four bytes
# Then it is right, as it is without an interposer, also across suspends, a detach and an attach
. tests/lib/test.sh
. tests/lib/vanish.sh
. tests/lib/inner.sh

dev=$(partition "$(scsi_disk_create delay=0)" 64)
unaligned=$(program unaligned)
at=$(mkfs_mounted ext4 "$dev")
chmod 755 "$at" "$T_DIR"
head -c 6M /dev/zero >"$at/file"
chown 65534 "$at/file"

as_user() {
	setpriv --reuid 65534 --clear-groups "$unaligned" "$at/file" 4 4 7 >"$T_DIR/said" || {
		cat "$T_DIR/said" >&2
		fail "an ordinary user's I/O $1"
	}
}

ended() {
	! kill -0 "$user" 2>/dev/null
}

# The table is attached while the user is at it, and I/O waits at the gate
beside_the_user() {
	rm -f "$T_DIR/enough"
	while [[ ! -e $T_DIR/enough ]]; do as_user "with $1"; done &
	user=$!
	dm_create x "0 $(sectors "$dev") interpose $dev $inner" >/dev/null
	dmsetup suspend --noflush "$P-x"
	dmsetup resume "$P-x"
	wait_redirected x 20
	: >"$T_DIR/enough"
	wait_until "the user is done" 100 ended
	wait "$user"
}

as_user "without an interposer"
for name in mirror integrity-J integrity-B crypt; do
	[[ $name != crypt ]] || umount "$at" # what is read through it is not what is beneath
	inner_arguments "$name" "$dev"
	if [[ $name == crypt ]]; then
		dm_create x "0 $(sectors "$dev") interpose $dev $inner" >/dev/null
		at=$(mkfs_mounted ext4 "$dev")
		chmod 755 "$at"
		install -o 65534 <(head -c 6M /dev/zero) "$at/file"
		as_user "with $name"
		umount "$at"
	else
		beside_the_user "$name"
	fi
	dmsetup remove "$P-x"
	[[ $name == crypt ]] || as_user "after $name"
done
test_done
