#!/bin/bash
# timeout: 300
# Given a mounted ext4 that is written to, with a delay of an hour inside: freezing it takes hours
# When the interposer is removed, right after its creation and again with writes queued inside
# Then that does not wait for the hour to end, no write fails, and the file system is thawed and in order
. tests/lib/test.sh
requires_target interpose delay

dev=$(scratch a)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --ioengine=psync --iodepth=1 --fsync=1 --size=8M
wait_io "$dev" 20

for queued in 0 1; do
	interpose x "$dev" delay "$dev" 0 3600000
	wait_until "$queued writes are queued" 40 has_redirected x "$queued"
	in_time 60 dmsetup remove "$P-x" || fail "the removal waits, with $queued writes queued"
	in_time 30 touch "$at/thawed-$queued" || fail "the file system is still frozen"
done

fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
