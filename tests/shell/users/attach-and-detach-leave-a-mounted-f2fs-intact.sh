#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted f2fs under a verified load that syncs
# When interposers with linear, snapshot-origin (and a snapshot), delay and era come and go
# Then I/O goes through each, none fails, every block is verified, fsck.f2fs finds nothing, and nothing is left
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/users.sh
requires mkfs.f2fs fsck.f2fs

cycles_under_a_mounted f2fs
test_done
