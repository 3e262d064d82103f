#!/bin/bash
# timeout: 60
# Given a mapped device on a disk, and another one on that
# When the disk is to be interposed with an inner target that uses one of them
# Then that is refused with ELOOP and says so: at the resume of a first table, and at the load of a further one
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a)
lower=$(linear_create lower "$dev")
upper=$(linear_create upper "$lower")
refusals_begin
line="0 $(sectors "$dev") interpose $dev"
reason="a device of the inner target linear is on ${dev#/dev/}"
refused "$reason" ELOOP "$line linear $upper 0"
dmsetup remove "$P-upper"
VISIBLE=$(visible)
refused "$reason" ELOOP "$line linear $lower 0"

interpose x "$dev"
VISIBLE=$(visible)
expect_error "$reason" ELOOP -- dmsetup load "$P-x" <<<"$line linear $lower 0"
equal "table that waits for a resume" "" "$(dmsetup table --inactive "$P-x")"
nothing_came_of_it
equal "state" attached "$(interposer_state x)"
dmsetup remove "$P-x"
dmsetup remove "$P-lower"
VISIBLE=$(visible)
undisturbed "$dev"
test_done
