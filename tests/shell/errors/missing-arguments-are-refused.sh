#!/bin/bash
# timeout: 60
# Given a disk
# When an interpose line lacks its device, its inner type, or the inner type after a feature
# Then it is refused with the syntax in the kernel log, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a)
refusals_begin
for arguments in "" "$dev" "$dev 0" "$dev 1 pin"; do
	refused "Missing arguments: <device>" EINVAL "0 $(sectors "$dev") interpose $arguments"
done
undisturbed "$dev"
test_done
