#!/bin/bash
# timeout: 90
# Given a partition that is interposed, under verified load
# When another mapped device is to interpose it too, or the whole disk that it is on
# Then that is refused with EBUSY and the name of the first one, whose work goes on; a second partition of the disk
#   can be interposed beside it
. tests/lib/test.sh
. tests/lib/refusals.sh

disk=$(scratch a)
dev=$(partition "$disk" 64 64)
interpose x "$dev"
fio_verify_start load "$dev"
refusals_begin
first=$(devno "/dev/mapper/$P-x")
refused "${dev#/dev/} is already interposed (${dev#/dev/}, by $first)" EBUSY \
	"0 $(sectors "$dev") interpose $dev linear $dev 0"
refused "${disk#/dev/} is already interposed (${dev#/dev/}, by $first)" EBUSY \
	"0 $(sectors "$disk") interpose $disk linear $disk 0"
interpose y "$(part "$disk" 2)"
equal "state of the second partition's interposer" attached "$(interposer_state y)"
dmsetup remove "$P-y"
undisturbed "$(part "$disk" 2)"
equal "state" attached "$(interposer_state x)"
wait_redirected x
fio_verify_stop load
test_done
