#!/bin/bash
# Given a test that fails, and a machine that stops for a while when half of its exit status has been written
# When the runner waits for the status, some seconds at a time
# Then it has all of it
. tests/lib/test.sh

echo 'exit 3' >"$T_DIR/test"
status=$(
	set +eE
	trap - ERR
	. tests/lib/one.sh
	echo() {
		printf %s "$1"
		sleep 5
		printf '\n'
	}
	run_with_limit "$T_DIR/test" 60 "$T_DIR/out"
	printf %s "$status"
)
equal "the status" 3 "$status"
test_done
