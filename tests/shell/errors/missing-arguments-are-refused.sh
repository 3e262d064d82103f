#!/bin/bash
# timeout: 60
# Given a disk
# When an interpose line lacks its device, its inner type, or the inner type after a feature
# Then it is refused, the kernel log says what is missing, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a)
refusals_begin
for arguments in "" "$dev" "$dev 0" "$dev 1 pin"; do
	refused "Missing arguments: need a device and an inner target type" EINVAL "0 $(sectors "$dev") interpose $arguments"
done
undisturbed "$dev"
test_done
