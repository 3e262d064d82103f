#!/bin/bash
# timeout: 60
# Given an interposer with era
# When it is sent era's message "checkpoint"
# Then era begins a new era; a message that era does not know gets era's own error
. tests/lib/test.sh
requires_target era

dev=$(partition "$(scratch a)" 64)
interpose x "$dev" era "$(scratch b)" "$dev" 128
era() {
	local status
	read -ra status <<<"$(interposer_inner_status x)"
	echo "${status[2]}"
}
before=$(era)
dmsetup message "$P-x" 0 checkpoint
equal "era" $((before + 1)) "$(era)"
expect_error "frobnicate" EINVAL -- dmsetup message "$P-x" 0 frobnicate
equal "era" $((before + 1)) "$(era)"
test_done
