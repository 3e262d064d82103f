#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted xfs under a verified load that syncs
# When interposers with linear, snapshot-origin (and a snapshot), delay and era come and go
# Then I/O goes through each, none fails, every block is verified, xfs_repair finds nothing, and nothing is left
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/users.sh

cycles_under_a_mounted xfs
test_done
