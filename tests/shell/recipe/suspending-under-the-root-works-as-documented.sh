#!/bin/bash
# tier: full
# Given a mounted ext4 under load
# When the document's commands for a suspend under the root file system are run
# Then they print what it shows, and the load goes on without an error
# (With a file system on which dmsetup itself lies: lifecycle/.)
. tests/lib/test.sh
. tests/lib/recipe.sh

under_the_root_begin
recipe_run "Under the root file system or swap"
under_the_root_end
test_done
