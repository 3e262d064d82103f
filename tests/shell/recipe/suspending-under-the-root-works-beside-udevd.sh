#!/bin/bash
# tier: full
# timeout: 240
# vm: --udev
# Given a mounted ext4 under load
# When udevd runs, and the document's commands for a suspend under the root file system are run
# Then they print what it shows, nobody waits for udevd while the device is suspended, and the load goes on without an
#   error
# (With a file system on which dmsetup itself lies: lifecycle/.)
. tests/lib/test.sh
. tests/lib/recipe.sh

[[ -e /run/udev/control && ! ${DM_DISABLE_UDEV:-} ]] || fail "udevd does not run"
under_the_root_begin
recipe_run "Under the root file system or swap"
under_the_root_end
test_done
