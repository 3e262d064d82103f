#!/bin/bash
# tier: full
# timeout: 1800
# Given a mounted ext4 under verified load
# When each call of each function that may fail, of those that dm-interpose calls, and of the steps of device-mapper and
#   the inner target before and after, fails in turn in each ioctl of an interposer's life, and at modprobe
# Then the ioctl either succeeds or says so, succeeds when it is repeated, nothing is left behind, and no I/O fails
. tests/lib/test.sh
. tests/lib/fail_nth.sh
requires_target snapshot-origin

modprobe dm-interpose
each_call_has_its_line
fail_each_step
fail_each_step_of_modprobe
test_done
