#!/bin/bash
# tier: full
# timeout: 240
# Given an ext4, two loop devices with files on it, one with direct I/O, and loads on both: an ext4 and a raw one
# When the lower file system's partition is interposed, one loop device as well, and both are freed again
# Then all I/O goes through, none fails, every block is verified, and both file systems are clean
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose snapshot delay

scratch b >/dev/null
dev=$(partition "$(scratch a)" 256)
at=$(mkfs_mounted ext4 "$dev")
for name in fs raw; do
	truncate -s 64M "$at/$name"
	cleanup loop_remove "$at/$name"
done
buffered=$(losetup -f --show "$at/fs")
direct=$(losetup -f --show --direct-io=on "$at/raw")
upper=$(mkfs_mounted ext4 "$buffered")
fio_verify_start upper "$upper" --size=16M --fdatasync=32
fio_verify_start raw "$direct" --size=32M
cycles 2 "$dev" linear
cycles 1 "$dev" snapshot-origin
cycles 1 "$dev" delay
interpose x "$dev"
interpose y "$buffered"
interpose z "$direct"
for name in x y z; do
	wait_redirected "$name" 30
done
dmsetup remove "$P-x"
wait_redirected y 30
interpose x "$dev"
dmsetup remove "$P-y"
dmsetup remove "$P-z"
wait_redirected x 30
dmsetup remove "$P-x"
fio_verify_stop upper
fio_verify_stop raw
umount "$upper"
fsck_clean "$buffered"
losetup -d "$buffered"
losetup -d "$direct"
umount "$at"
fsck_clean "$dev"
test_done
