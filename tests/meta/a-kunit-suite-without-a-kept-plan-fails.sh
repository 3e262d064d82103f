#!/bin/bash
# Given KTAP in which suites lack a plan, a case, or all of themselves
# When tests/run judges the suites
# Then only the complete ones pass, and none does if the program that ran them failed
. tests/lib/test.sh
. tests/lib/meta.sh

kunit=$T_DIR/kunit
# shellcheck disable=SC2016 # for the script to expand
printf '#!/bin/sh\ncat %q\nexit "${KUNIT_STATUS:-0}"\n' "$fixtures/suites/ktap" >"$kunit"
chmod +x "$kunit"

run_fixtures suites DM_INTERPOSE_KUNIT="$kunit"
ended_with 1
reported_in_full
reported '^ok [0-9]+ - kunit on uml: good # 2 cases'
reported '^not ok [0-9]+ - kunit on uml: missing # no such suite'
reported '^not ok [0-9]+ - kunit on uml: planless # no plan'
reported '^not ok [0-9]+ - kunit on uml: short # planned 3 cases, saw 2'
reported '^not ok [0-9]+ - kunit on uml: empty # no case'
reported '^not ok [0-9]+ - kunit on uml: failing # 1 of 2 cases failed'
reported '^#   .*EXPECTATION FAILED at here'
reported '^not ok [0-9]+ - kunit on uml: skipping # 1 cases skipped'
reported '^not ok [0-9]+ - kunit on uml: parameter # 1 cases skipped'
reported '^ok [0-9]+ - kunit on uml: excused # 2 cases, 1 skipped'

run_fixtures suites DM_INTERPOSE_KUNIT="$kunit" KUNIT_STATUS=1
reported '^not ok [0-9]+ - kunit on uml: good # tools/kunit ended with status 1'
test_done
