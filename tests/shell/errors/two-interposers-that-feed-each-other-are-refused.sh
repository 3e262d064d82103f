#!/bin/bash
# timeout: 60
# Given a disk that is interposed with an inner target on a second disk
# When the second disk is to be interposed with an inner target on the first
# Then that is refused with ELOOP, before any I/O goes in circles, and the first interposer works on
. tests/lib/test.sh
. tests/lib/refusals.sh

one=$(scratch a) two=$(scratch b)
size=$(sectors "$one")
interpose x "$one" linear "$two" 0
refusals_begin
refused "a device of the inner target linear is on ${two#/dev/}" ELOOP "0 $size interpose $two linear $one 0"
undisturbed "$one"
equal "state" attached "$(interposer_state x)"
test_done
