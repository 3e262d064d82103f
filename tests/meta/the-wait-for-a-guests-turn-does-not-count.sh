#!/bin/bash
# Given tests with a guest of their own that waits for its turn, since as many run as there are processors
# When that takes longer than the test's limit
# Then the test has all of its time when its turn has come; what hangs then is still reported
. tests/lib/test.sh
. tests/lib/meta.sh

run_fixtures queued
reported_as_said queued
reported_in_full
ended_with 1
test_done
