#!/bin/bash
# timeout: 300
# Given a mounted ext4 under the load of fio, which verifies what it writes
# When an interposer with snapshot-origin is created and removed 20 times, each time with a snapshot that is written to
# Then no I/O fails, every block is verified, e2fsck finds nothing, and no device, reference or hook is left
. tests/lib/test.sh
. tests/lib/cycles.sh

cycles_on_ext4 20 snapshot-origin
test_done
