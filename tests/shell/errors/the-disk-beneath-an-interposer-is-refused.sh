#!/bin/bash
# timeout: 60
# Given an interposed disk
# When the disk beneath the hook is to be interposed
# Then that is refused and the kernel log says to name the device above, and the first interposer stays
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a)
interpose x "$dev"
beneath=$(interposer_beneath x)
refusals_begin
refused "${beneath#/dev/} is the bypass device of an interposer; name the interposed device instead" EINVAL \
	"0 $(sectors "$dev") interpose $beneath linear $beneath 0"
undisturbed "$dev"
equal "state" attached "$(interposer_state x)"
test_done
