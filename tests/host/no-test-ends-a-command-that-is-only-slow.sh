#!/bin/bash
# Given the tests that run in a guest, and what they share
# When a command is looked for that is ended, or given up, after a fixed number of seconds
# Then there is none: how long a busy machine takes only in_time, wait_until and $patience know
. tests/lib/test.sh

# fixed FILE…: the lines with such a command. "dmsetup wait" waits for what never comes, and is ended on purpose.
fixed() {
	grep -nE '(^|[^[:alnum:]_#-])timeout( -[a-z]+ [A-Z]+)* [0-9]+ |settle --timeout=[0-9]' "$@" | grep -v 'timeout [0-9]* dmsetup wait' || true
}

# the control: what it must find, and what not
printf '%s\n' 'timeout 60 dmsetup remove x' '! timeout -s KILL 60 true' 'udevadm settle --timeout=60' >"$T_DIR/bad"
# shellcheck disable=SC2016
printf '%s\n' '# timeout: 60' 'in_time 60 true' 'timeout $((60 * patience)) true' 'snapshot --timeout 60 x' >"$T_DIR/good"
equal "found of what it must find" 3 "$(fixed "$T_DIR/bad" | wc -l)"
equal "found of what is right" 0 "$(fixed "$T_DIR/good" | wc -l)"

# one.sh writes down how a test hangs that has had its time
mapfile -t files < <(find tests/shell tests/boot tests/lib -type f ! -path tests/lib/one.sh)
((${#files[@]} > 250)) || fail "only ${#files[@]} files are looked at: the test is broken"
found=$(fixed "${files[@]}")
[[ ! $found ]] || fail "a command that is only slow would fail: $found"
test_done
