#!/bin/bash
# timeout: 60
# Given a mapped device on a disk, and an interposer of that mapped device
# When the disk is to be interposed with an inner target on the disk beneath that interposer
# Then that is refused with ELOOP, before any I/O goes in circles, and the first interposer works on
. tests/lib/test.sh
. tests/lib/refusals.sh

disk=$(scratch a)
size=$(sectors "$disk")
upper=$(linear_create upper "$disk")
interpose y "$upper"
refusals_begin
refused "a device of the inner target linear is on ${disk#/dev/}" ELOOP \
	"0 $size interpose $disk linear $(interposer_beneath y) 0"
undisturbed "$upper"
equal "state" attached "$(interposer_state y)"
test_done
