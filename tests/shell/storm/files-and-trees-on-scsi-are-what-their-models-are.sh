#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 240
# disks: virtio-scsi (its memory need not be aligned to sectors)
# Given ext4, xfs and btrfs on SCSI disks, on each a file that is read and written, directly, by AIO, io_uring and mapping,
#   cut, copied and punched, and trees of files, each operation beside a model; and the writers of the storm
# When they are interposed, suspended, reloaded, snapshotted and detached at random
# Then no operation fails, what is read is what the model has, and the file systems are in order
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/storm.sh
. tests/lib/files.sh

files_under_the_storm 200 40 0 "${1:-1}"
test_done
