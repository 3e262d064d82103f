#!/bin/bash
# timeout: 60
# Given an interposer without a pin
# When the messages "interpose pin" and "interpose unpin" are sent, each twice
# Then the status and the table show it, and remove gives EBUSY exactly while it is pinned
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 64)
interpose x "$dev"
unpinned="0 $(sectors "$dev") interpose $(devno "$dev") linear $(devno "$dev") 0"
for round in 1 2; do
	for again in 1 2; do
		dmsetup message "$P-x" 0 interpose pin
		equal "status after pin $round.$again" pinned "$(interposer_pinned x)"
	done
	equal "table while pinned" "${unpinned/ linear/ 1 pin linear}" "$(dmsetup table "$P-x")"
	expect_error "Device or resource busy" EBUSY -- dmsetup remove "$P-x"
	for again in 1 2; do
		dmsetup message "$P-x" 0 interpose unpin
		equal "status after unpin $round.$again" - "$(interposer_pinned x)"
	done
	equal "table" "$unpinned" "$(dmsetup table "$P-x")"
done
dmsetup remove "$P-x"
test_done
