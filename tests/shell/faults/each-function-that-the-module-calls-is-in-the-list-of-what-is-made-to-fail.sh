#!/bin/bash
# timeout: 60
# Given the list of functions that tests make fail, and of those that cannot: tests/faults/steps
# When the functions that the module dm-interpose calls are looked up there
# Then each of them is in it, so none is left out when each step is made to fail (a test of the full tier)
. tests/lib/test.sh
. tests/lib/fail_nth.sh

modprobe dm-interpose
each_call_has_its_line
test_done
