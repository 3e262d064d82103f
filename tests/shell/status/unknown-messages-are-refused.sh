#!/bin/bash
# timeout: 60
# Given an interposer with linear, which takes no messages
# When it is sent a message of the interposer's own that does not exist, with too many words, or one for linear
# Then each is refused with EINVAL and the kernel log says what there is, and the interposer works on
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 64)
interpose x "$dev"
known="unknown message; known: interpose pin, interpose unpin"
expect_error "$known" EINVAL -- dmsetup message "$P-x" 0 interpose frobnicate
expect_error "$known" EINVAL -- dmsetup message "$P-x" 0 interpose
expect_error "$known" EINVAL -- dmsetup message "$P-x" 0 interpose pin now
expect_error "the inner target linear does not support messages" EINVAL -- dmsetup message "$P-x" 0 frobnicate
equal "pinned" - "$(interposer_pinned x)"
equal "state" attached "$(interposer_state x)"
test_done
