#!/bin/bash
# timeout: 300
# Given a mounted ext4 under load that syncs numbered blocks, and a record of all that reaches its disk
# When interposers are attached, suspended, reloaded and detached, and the power fails at some moment of each command
# Then the journal can be replayed, e2fsck finds nothing wrong, and every number that was synced is there
# (SEED=… chooses the moments.)
. tests/lib/test.sh
. tests/lib/power_cut.sh

power_cut_life ext4 48
test_done
