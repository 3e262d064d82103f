#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4 under the load of fio, which verifies what it writes
# When an interposer with linear is created and removed 20 times
# Then no I/O fails, every block is verified, e2fsck finds nothing, and no device, reference or hook is left
. tests/lib/test.sh
. tests/lib/cycles.sh

cycles_on_ext4 20 linear
test_done
