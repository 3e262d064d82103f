#!/bin/bash
# timeout: 240
# Given a mounted ext4 under verified load
# When each place in the resume that attaches, and in the removal, that allocates memory fails in turn
# Then the ioctl either succeeds or says so, succeeds when it is repeated, nothing is left behind, and no I/O fails
. tests/lib/test.sh
. tests/lib/fail_nth.sh
requires_target snapshot-origin

fail_each_allocation attach detach
test_done
