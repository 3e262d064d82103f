#!/bin/bash
# timeout: 90
# Given a raw partition with the load of the storm
# When what is interposed there loses writes
# Then the storm ends with a verify error, and leaves nothing interposed
. tests/lib/test.sh
. tests/lib/refusals.sh
. tests/lib/storm.sh
requires_target interpose flakey

storm=$(program storm)
raw=$(partition "$(scratch a)" 128)
spare=$(partition "$(scratch b)" 16 220)
storm_devices=("raw,$raw,-,$spare,${spare%1}2,$(disk a)")
cleanup storm_clear
not storm_run --drop-writes --switches 100000 --seed 1
grep "FAILED with seed 1 .* VERIFY ERROR in $raw" "$T_DIR/storm.out" || fail "it does not say that a write was lost"
equal "what is left" "No devices found" "$(dmsetup ls)"
wait_until "the hook is off again" 10 hook_is_settled
test_done
