#!/bin/bash
# tier: full
# timeout: 1500
# disks: nvme (its memory need not be aligned to sectors)
# Given ext4, xfs and btrfs on NVMe disks, on each a file and trees that are worked on in all ways, beside models of them
# When they are interposed, suspended, reloaded, snapshotted and detached at random, for ten minutes and 500 times, or as
#   often as the first argument says, for as many seconds as the second, from the seed in the third
# Then no operation fails, what is read is what the models have, and the file systems are in order
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/storm.sh
. tests/lib/files.sh

files_under_the_storm 1000 "${1:-500}" "${2:-600}" "${3:-1}"
test_done
