#!/bin/bash
# timeout: 90
# Given a disk that is interposed and under verified load
# When the mapped device that interposes it is to be interposed too; or when one that is interposed is to become an
#   interposer
# Then that is refused with EBUSY, and the first interposer works on
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a)
interpose x "$dev"
fio_verify_start load "$dev" --size=64M
refusals_begin
upper=/dev/mapper/$P-x
refused "already interpose" EBUSY "0 $(sectors "$dev") interpose $upper linear $upper 0"
undisturbed
wait_redirected x
fio_verify_stop load
dmsetup remove "$P-x"

linear_create x "$(scratch b)"
interpose y "$upper"
dmsetup load "$P-x" <<<"0 $(sectors "$dev") interpose $dev linear $dev 0"
expect_error "already interpose" EBUSY -- dmsetup resume "$P-x"
dm_reload x "0 $(sectors "$dev") linear $(disk b) 0"
equal "state of what interposes the linear device" attached "$(interposer_state y)"
undisturbed_by() { dd if=/dev/zero of="$upper" bs=64k count=4 oflag=direct conv=notrunc status=none; }
before=$(interposer_redirected y)
undisturbed_by
equal "writes redirected" $((before + 4)) "$(interposer_redirected y)"
dmsetup remove "$P-y"
test_done
