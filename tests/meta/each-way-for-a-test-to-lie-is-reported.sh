#!/bin/bash
# Given tests that end early, die by a signal, take death for an expected failure, lack what they need, leave things behind
# When tests/run runs them
# Then each is reported as a failure with its reason, and the sound one passes
. tests/lib/test.sh
. tests/lib/meta.sh

run_fixtures host
ended_with 1
reported_in_full
reported_as_said host
test_done
