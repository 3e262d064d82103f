#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted xfs on a blk-mq disk under load that syncs numbered blocks, and a record of all that reaches its disk
# When interposers are attached, suspended, reloaded and detached, and the power fails at some moment of each command
# Then the journal can be replayed, xfs_repair finds nothing wrong, and every number that was synced is there
# (SEED=… chooses the moments.)
. tests/lib/test.sh
. tests/lib/power_cut.sh

power_cut_life xfs 320 loop
test_done
