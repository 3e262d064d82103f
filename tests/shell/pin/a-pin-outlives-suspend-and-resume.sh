#!/bin/bash
# timeout: 60
# Given an interposer that a message has pinned, and one with the feature that a message has unpinned
# When they are suspended and resumed
# Then the first is still pinned, and the second still is not
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 64 64)
interpose x "$dev"
dmsetup message "$P-x" 0 interpose pin
dmsetup suspend "$P-x"
equal "first while suspended" pinned "$(interposer_pinned x)"
dmsetup resume "$P-x"
equal "first" pinned "$(interposer_pinned x)"
expect_error "Device or resource busy" EBUSY -- dmsetup remove "$P-x"
dmsetup message "$P-x" 0 interpose unpin

interpose y "$(part a 2)" 1 pin linear "$(part a 2)" 0
dmsetup message "$P-y" 0 interpose unpin
unpinned="0 $(sectors "$(part a 2)") interpose $(devno "$(part a 2)") linear $(devno "$(part a 2)") 0"
equal "table of the second" "$unpinned" "$(dmsetup table "$P-y")"
dmsetup suspend "$P-y"
dmsetup resume "$P-y"
equal "second" - "$(interposer_pinned y)"
equal "table of the second" "$unpinned" "$(dmsetup table "$P-y")"
dmsetup remove "$P-y"
test_done
