#!/bin/bash
# timeout: 60
# Given a mounted ext4 on a disk in write-through mode, interposed with a mirror of it: reads from the disk, writes to
#   a second disk with a write cache too
# When a file is synced
# Then the second disk is flushed before the sync returns
. tests/lib/test.sh
requires_target mirror

disk=$(scratch a)
dev=$(partition "$disk" 64)
cached=$(scratch b)
cache=/sys/block/${disk#/dev/}/queue/write_cache
cleanup eval "echo 'write back' >$cache"
echo 'write through' >"$cache"
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev" mirror core 2 1024 nosync 2 "$dev" 0 "$cached" 0
first=$(io_stat "$disk" flushes) second=$(io_stat "$cached" flushes)
random_fill "$at/file" 1
sync -f "$at/file"
(($(io_stat "$cached" flushes) > second)) || fail "the second disk has not been flushed"
equal "flushes of the write-through disk" "$first" "$(io_stat "$disk" flushes)"
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
