#!/bin/bash
# Given a directory without tests, or a name that no test has
# When tests/run runs
# Then it fails, whatever it counted
. tests/lib/test.sh
. tests/lib/meta.sh

run_fixtures empty
ended_with 1
reported '^1\.\.0$'
reported '^0 passed, 0 failed, 0 skipped$'

not env DM_INTERPOSE_TESTS="$fixtures/host" tests/run T=no-such-name >"$report"
reported 'no test matches'
test_done
