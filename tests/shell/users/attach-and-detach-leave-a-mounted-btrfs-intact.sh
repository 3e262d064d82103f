#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted btrfs, which cannot be frozen by way of its device, under a verified load that syncs
# When interposers with linear, snapshot-origin (and a snapshot), delay and era come and go
# Then I/O goes through each, none fails, every block is verified, btrfs check finds nothing, and nothing is left
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/users.sh

cycles_under_a_mounted btrfs
test_done
