#!/bin/bash
# timeout: 300
# Given a disk with an ext4 mounted from one partition and a raw load on another
# When the first, and then the second, is interposed and freed again
# Then only the I/O of that one goes through, and no I/O of either fails
. tests/lib/test.sh
requires_target interpose

fs=$(partition "$(scratch a)" 96 96)
raw=${fs%1}2
at=$(mkfs_mounted ext4 "$fs")
fio_verify_start raw "$raw"
# the file system is idle and clean: what goes through its interposer would be the other's
sync -f "$at"
interpose x "$fs"
redirected=$(interposer_redirected x)
wait_io "$raw" 300
((($(interposer_redirected x) - redirected) < 100)) || fail "I/O of $raw goes through the interposer of $fs"
fio_verify_start fs "$at" --fdatasync=16
wait_redirected x
interpose y "$raw"
wait_redirected y
dmsetup remove "$P-x"
wait_io "$fs"
wait_redirected y
dmsetup remove "$P-y"
wait_io "$raw"
fio_verify_stop fs
fio_verify_stop raw
umount "$at"
fsck_clean "$fs"
test_done
