#!/bin/bash
# tier: full
# timeout: 900
# kernel: debug
# Given tests that fail, hang, leak, provoke a warning, panic or reboot the guest
# When tests/run runs them in real guests
# Then each is reported as a failure with its reason, sound ones in between pass, and none goes missing
. tests/lib/test.sh
. tests/lib/meta.sh

run_fixtures guest DM_INTERPOSE_JOBS=1 # more would wait for their turn
ended_with 1
reported_in_full
reported_as_said guest
reported '^ok [0-9]+ - the guests stay alive'
test_done
